/*
 * How a charset is decoded: what mail/charset.c and the files of the single
 * charsets have between them.
 */
#ifndef MAIL_CHARSET_CODEC_H
#define MAIL_CHARSET_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "mail/charset.h"

enum {
	CHARSET_BAD = 0xfffd, /* U+FFFD */
};

/*
 * Append what the characters at p[0..n) are, and return how many bytes that
 * were: all but those of a character that is not whole yet, which are fewer
 * than sizeof d->pending.  What it does with a byte depends on the bytes before
 * it and on the rest of its character only, never on n: so the same bytes give
 * the same text however they are cut.
 */
typedef size_t charset_decode_fn(struct charset_decoder *d,
    const unsigned char *p, size_t n, struct buf *out);

struct charset {
	const char *name;
	charset_decode_fn *decode;
	const uint16_t *table; /* what decode makes of it */
};

/* Append a character; c is a Unicode scalar value. */
void charset_put(struct buf *out, uint32_t c);
/* Append U+FFFD and count it. */
void charset_put_bad(struct charset_decoder *d, struct buf *out);

/* So many bytes at p are ASCII. */
size_t charset_ascii_span(const unsigned char *p, size_t n);

charset_decode_fn charset_decode_utf8;

#endif
