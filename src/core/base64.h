/* Base64 (RFC 4648 section 4, with padding) between bytes and text. */
#ifndef CORE_BASE64_H
#define CORE_BASE64_H

#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"

void base64_encode(const void *data, size_t n, struct buf *out);

/* Append the decoded bytes.  ERR_DATA when it is not base64. */
int base64_decode(const char *text, size_t n, struct buf *out, struct err *e);

#endif
