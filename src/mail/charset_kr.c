/* ISO-2022-KR (RFC 1557): KS C 5601 between SO and SI. */
#include <string.h>

#include "mail/charset_codec.h"

enum {
	ESC = 0x1b,
	SO = 0x0e,
	SI = 0x0f,
	IS_OUT = 1, /* in the state: after SO */
};

static const char header[] = "\x1b$)C"; /* once, before all Korean */

/* The header: its size, 0 when it is not all there, 1 when it is another. */
static size_t
escape(struct charset_decoder *d, const unsigned char *p, size_t n,
    struct buf *out)
{
	size_t size = sizeof header - 1, k = n < size ? n : size;

	if (memcmp(p, header, k) == 0)
		return k < size ? 0 : size;
	charset_put_bad(d, out);
	return 1;
}

static bool
is_graphic(unsigned char c)
{
	return c > 0x20 && c < 0x7f;
}

static size_t
put_double(struct charset_decoder *d, const unsigned char *p, size_t n,
    struct buf *out)
{
	if (n < 2)
		return 0;
	if (!is_graphic(p[1])) {
		charset_put_bad(d, out);
		return 1;
	}
	charset_put_pair(d, &charset_cp949, p[0] | 0x80U, p[1] | 0x80U, out);
	return 2;
}

/* Returns the bytes of what begins at p, 0 when it is not whole. */
static size_t
character(struct charset_decoder *d, const unsigned char *p, size_t n,
    struct buf *out)
{
	if (p[0] == ESC)
		return escape(d, p, n, out);
	if (d->state == IS_OUT && is_graphic(p[0]))
		return put_double(d, p, n, out);
	if (p[0] == SO)
		d->state = IS_OUT;
	else if (p[0] == SI || p[0] == '\n')
		d->state = 0; /* lines begin in ASCII */
	if (p[0] >= 0x80)
		charset_put_bad(d, out);
	else if (p[0] != SO && p[0] != SI)
		charset_put(out, p[0]);
	return 1;
}

size_t
charset_decode_iso2022kr(struct charset_decoder *d, const unsigned char *p,
    size_t n, struct buf *out)
{
	size_t i = 0, size;

	while (i < n && (size = character(d, p + i, n - i, out)) > 0)
		i += size;
	return i;
}
