/*
 * Writing JSON as text, where no values are needed.  The writer sees to the
 * brackets; commas come by themselves.
 */
#ifndef CORE_JSON_TEXT_H
#define CORE_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

/* A ',' unless this is the first thing in its object or array. */
void json_text_comma(struct buf *out);

/* '{' or '[' as the next element of an array. */
void json_text_open(struct buf *out, char bracket);

/* The next member's key and its ':'; key needs no escaping. */
void json_text_key(struct buf *out, const char *key);

/* A string; bytes that are not UTF-8 become \xNN, as in json_bytes. */
void json_text_string(struct buf *out, const char *data, size_t n);

/* The next member, whole. */
void json_text_member(
    struct buf *out, const char *key, const char *data, size_t n);
void json_text_member_str(struct buf *out, const char *key, const char *s);
void json_text_member_int(struct buf *out, const char *key, int64_t n);

/*
 * Take back what was written since out->len was start, if that is more than max
 * bytes.  Was it?
 */
bool json_text_limit(struct buf *out, size_t start, size_t max);

#endif
