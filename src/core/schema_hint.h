/* What somebody may have meant to write. */
#ifndef CORE_SCHEMA_HINT_H
#define CORE_SCHEMA_HINT_H

#include <stddef.h>

/*
 * Of words with blanks between them the one most like this, with its length in
 * *len; NULL: none is.
 */
const char *schema_hint(
    const char *words, const char *word, size_t word_len, size_t *len);

#endif
