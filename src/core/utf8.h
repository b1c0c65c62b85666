/* Is it UTF-8 (RFC 3629)? */
#ifndef CORE_UTF8_H
#define CORE_UTF8_H

#include "core/utf8.h"
#include <stdbool.h>
#include <stddef.h>

bool utf8_valid(const char *s, size_t len);

/* Length of the well-formed UTF-8 character at s, 0 when there is none. */
size_t utf8_char(const char *s, size_t len);

/* len, or, where that is more than max, how much can stay without a character
 * being cut; s is UTF-8. */
size_t utf8_cut(const char *s, size_t len, size_t max);

#endif
