/*
 * Parameters of Content-Type and Content-Disposition, each on a line of its
 * own, appended to a field that has no line end yet.
 *
 * A file name that can't stand for itself is written twice: as RFC 2231 has it
 * in the disposition's "filename", and as encoded words in the type's "name".
 * The second is no standard, but what readers of Japanese mail (and all that
 * are older than RFC 2231) look at; never both in one field, since some readers
 * take the two for a contradiction.
 */
#ifndef MAIL_COMPOSE_PARAM_H
#define MAIL_COMPOSE_PARAM_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"

/* ASCII that goes into a quoted string; the caller knows that it fits. */
void param_add(struct buf *out, const char *name, const char *value, size_t n);

/* Any UTF-8 without control characters, RFC 2231 where that is needed. */
void param_add_text(
    struct buf *out, const char *name, const char *value, size_t n);

/* The same, encoded words where that is needed. */
void param_add_words(struct buf *out, const char *name, const char *value,
    size_t n, bool is_jis);

#endif
