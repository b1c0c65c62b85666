/* UTF-16, UTF-32 and UTF-7. */
#include <stdint.h>

#include "core/base64.h"
#include "mail/charset_codec.h"

static bool
is_high_surrogate(uint32_t c)
{
	return c >= 0xd800 && c < 0xdc00;
}

static bool
is_low_surrogate(uint32_t c)
{
	return c >= 0xdc00 && c < 0xe000;
}

static uint32_t
join_surrogates(uint32_t high, uint32_t low)
{
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* A number of size bytes, in the order that the state names. */
static uint32_t
unit(const struct charset_decoder *d, const unsigned char *p, size_t size)
{
	uint32_t c = 0;

	for (size_t i = 0; i < size; i++)
		c = c << 8 |
		    p[d->state == CHARSET_LITTLE_ENDIAN ? size - 1 - i : i];
	return c;
}

/*
 * A byte order mark, where one may be: is it here?  Without one the order is
 * big-endian (RFC 2781 4.3).
 */
static bool
take_mark(struct charset_decoder *d, const unsigned char *p, size_t size)
{
	const uint32_t swapped = size == 2 ? 0xfffe : 0xfffe0000;
	uint32_t c;

	if (d->state != CHARSET_ANY_ENDIAN)
		return false;
	c = unit(d, p, size);
	d->state = c == swapped ? CHARSET_LITTLE_ENDIAN : CHARSET_BIG_ENDIAN;
	return c == swapped || c == 0xfeff;
}

/* Returns the bytes of the character at p, 0 when it is not whole. */
static size_t
utf16_character(struct charset_decoder *d, const unsigned char *p, size_t n,
    struct buf *out)
{
	uint32_t c, low;

	if (n < 2)
		return 0;
	if (take_mark(d, p, 2))
		return 2;
	c = unit(d, p, 2);
	if (!is_high_surrogate(c)) {
		if (is_low_surrogate(c))
			charset_put_bad(d, out);
		else
			charset_put(out, c);
		return 2;
	}
	if (n < 4)
		return 0;
	low = unit(d, p + 2, 2);
	if (!is_low_surrogate(low)) {
		charset_put_bad(d, out);
		return 2;
	}
	charset_put(out, join_surrogates(c, low));
	return 4;
}

size_t
charset_decode_utf16(struct charset_decoder *d, const unsigned char *p,
    size_t n, struct buf *out)
{
	size_t i = 0, size;

	while ((size = utf16_character(d, p + i, n - i, out)) > 0)
		i += size;
	return i;
}

size_t
charset_decode_utf32(struct charset_decoder *d, const unsigned char *p,
    size_t n, struct buf *out)
{
	size_t i;
	uint32_t c;

	for (i = 0; n - i >= 4; i += 4) {
		if (take_mark(d, p + i, 4))
			continue;
		c = unit(d, p + i, 4);
		if (c > 0x10ffff || is_high_surrogate(c) || is_low_surrogate(c))
			charset_put_bad(d, out);
		else
			charset_put(out, c);
	}
	return i;
}

/*
 * UTF-7 (RFC 2152).  In the state: whether this is base64, how many of its bits
 * are still in d->bits, and a high surrogate that waits for its other half.
 */
enum {
	UTF7_BASE64 = 1,
	UTF7_FIRST = 2, /* nothing came after the '+' */
	UTF7_COUNT_SHIFT = 2, /* of the bits: 0 to 15 */
	UTF7_COUNT_MASK = 15 << UTF7_COUNT_SHIFT,
	UTF7_HIGH_SHIFT = 8,
};

static uint32_t
utf7_high(const struct charset_decoder *d)
{
	return d->state >> UTF7_HIGH_SHIFT & 0xffff;
}

static void
utf7_unit(struct charset_decoder *d, uint32_t c, struct buf *out)
{
	uint32_t high = utf7_high(d);

	d->state &= (1U << UTF7_HIGH_SHIFT) - 1;
	if (high != 0 && is_low_surrogate(c)) {
		charset_put(out, join_surrogates(high, c));
		return;
	}
	if (high != 0)
		charset_put_bad(d, out);
	if (is_high_surrogate(c))
		d->state |= c << UTF7_HIGH_SHIFT | CHARSET_UNFINISHED;
	else if (is_low_surrogate(c))
		charset_put_bad(d, out);
	else
		charset_put(out, c);
}

static void
utf7_digit(struct charset_decoder *d, uint32_t digit, struct buf *out)
{
	unsigned count = (d->state & UTF7_COUNT_MASK) >> UTF7_COUNT_SHIFT;
	uint32_t c;

	d->bits = d->bits << 6 | digit;
	count += 6;
	if (count >= 16) {
		count -= 16;
		c = d->bits >> count;
		d->bits &= (1U << count) - 1;
		utf7_unit(d, c, out);
	}
	d->state &= ~(unsigned)(UTF7_COUNT_MASK | UTF7_FIRST);
	d->state |= count << UTF7_COUNT_SHIFT;
}

/* The base64 is over: what is left must be filling. */
static void
utf7_end(struct charset_decoder *d, struct buf *out)
{
	unsigned count = (d->state & UTF7_COUNT_MASK) >> UTF7_COUNT_SHIFT;

	if (utf7_high(d) != 0 || count >= 6 || d->bits != 0)
		charset_put_bad(d, out);
	d->state = 0;
	d->bits = 0;
}

/* In base64: does the byte belong to it, or end it and vanish? */
static bool
utf7_shifted(struct charset_decoder *d, unsigned char c, struct buf *out)
{
	bool is_first = d->state & UTF7_FIRST;

	if (base64_digits[c] >= 0) {
		utf7_digit(d, (uint32_t)base64_digits[c], out);
		return true;
	}
	utf7_end(d, out);
	if (c == '-' && is_first)
		charset_put(out, '+');
	return c == '-';
}

size_t
charset_decode_utf7(struct charset_decoder *d, const unsigned char *p, size_t n,
    struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		if (d->state & UTF7_BASE64 && utf7_shifted(d, p[i], out))
			continue;
		if (p[i] == '+')
			d->state = UTF7_BASE64 | UTF7_FIRST;
		else if (p[i] < 0x80)
			charset_put(out, p[i]);
		else
			charset_put_bad(d, out);
	}
	return n;
}
