/* Base64 (RFC 4648 section 4, with padding) between bytes and text. */
#ifndef CORE_BASE64_H
#define CORE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"

/*
 * Not in constant time: what is secret is not for these (sodium's are for it).
 */
void base64_encode(const void *data, size_t n, struct buf *out);

/* Append the decoded bytes.  ERR_DATA when it is not base64. */
int base64_decode(const char *text, size_t n, struct buf *out, struct err *e);

/*
 * Append the bytes of base64 as mail has it: without padding, with padding in
 * the middle, with white space.  false: there were other bytes, which do not
 * count, or a digit alone at the end.
 */
bool base64_decode_lenient(const char *text, size_t n, struct buf *out);

/* What a digit stands for; -1: it is none.  For decoders of streams. */
extern const signed char base64_digits[256];

#endif
