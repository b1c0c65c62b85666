/* Charsets of one or two bytes a character, by table; and GB 18030. */
#include <stdint.h>

#include "mail/charset_codec.h"

/* Copy the ASCII that stands at p; returns how much it was. */
static size_t
copy_ascii(const unsigned char *p, size_t n, struct buf *out)
{
	size_t span = charset_ascii_span(p, n);

	buf_add(out, p, span);
	return span;
}

size_t
charset_decode_single(struct charset_decoder *d, const unsigned char *p,
    size_t n, struct buf *out)
{
	for (size_t i = 0; i < n;) {
		uint16_t c;

		if (p[i] < 0x80) {
			i += copy_ascii(p + i, n - i, out);
			continue;
		}
		c = d->cs->single[p[i++] - 0x80];
		if (c != 0)
			charset_put(out, c);
		else
			charset_put_bad(d, out);
	}
	return n;
}

void
charset_put_cell(
    const struct charset_pairs *pairs, unsigned cell, struct buf *out)
{
	const uint32_t *wide;

	if (cell < CHARSET_WIDE || cell >= CHARSET_WIDE_END) {
		charset_put(out, cell);
		return;
	}
	wide = pairs->wide[cell - CHARSET_WIDE];
	charset_put(out, wide[0]);
	if (wide[1] != 0)
		charset_put(out, wide[1]);
}

void
charset_put_pair(struct charset_decoder *d, const struct charset_pairs *pairs,
    unsigned lead, unsigned trail, struct buf *out)
{
	unsigned cell = charset_cell(pairs, lead, trail);

	if (cell != 0)
		charset_put_cell(pairs, cell, out);
	else
		charset_put_bad(d, out);
}

/*
 * A pair that stands for nothing is one bad character.  A second byte that is
 * ASCII is itself then: who cut the first one's partner off must not hide it.
 */
static size_t
put_two(struct charset_decoder *d, const unsigned char *p, struct buf *out)
{
	unsigned cell = charset_cell(d->cs->pairs, p[0], p[1]);

	if (cell != 0) {
		charset_put_cell(d->cs->pairs, cell, out);
		return 2;
	}
	charset_put_bad(d, out);
	return p[1] < 0x80 ? 1 : 2;
}

static bool
is_lead(const struct charset_pairs *pairs, unsigned char c)
{
	return c >= pairs->lead_min && c <= pairs->lead_max;
}

/* A byte that is a character, or bad. */
static void
put_one(struct charset_decoder *d, unsigned char c, struct buf *out)
{
	uint16_t cell = d->cs->pairs->single[c - 0x80];

	if (cell != 0)
		charset_put(out, cell);
	else
		charset_put_bad(d, out);
}

size_t
charset_decode_pairs(struct charset_decoder *d, const unsigned char *p,
    size_t n, struct buf *out)
{
	const struct charset_pairs *pairs = d->cs->pairs;
	size_t i = 0;

	while (i < n) {
		if (p[i] < 0x80) {
			i += copy_ascii(p + i, n - i, out);
		} else if (pairs->single[p[i] - 0x80] != 0 ||
			   !is_lead(pairs, p[i])) {
			put_one(d, p[i++], out);
		} else if (i + 1 == n) {
			break;
		} else {
			i += put_two(d, p + i, out);
		}
	}
	return i;
}

/* Four bytes of GB 18030 as a number. */
static uint32_t
gb18030_index(const unsigned char *p)
{
	return ((((uint32_t)p[0] - 0x81) * 10 + p[1] - 0x30) * 126 + p[2] -
		   0x81) *
		   10 +
	       p[3] - 0x30;
}

static uint32_t
gb18030_bmp(uint32_t index)
{
	const struct charset_range *ranges = charset_gb18030_ranges;
	size_t low = 0, high = charset_gb18030_n_ranges;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (ranges[middle].first <= index)
			low = middle;
		else
			high = middle;
	}
	return ranges[low].c != 0 ? ranges[low].c + index - ranges[low].first
				  : 0;
}

static void
put_four(struct charset_decoder *d, const unsigned char *p, struct buf *out)
{
	const uint32_t astral = 189000; /* U+10000 */
	uint32_t index = gb18030_index(p), c = 0;

	if (index < CHARSET_GB18030_BMP)
		c = gb18030_bmp(index);
	else if (index >= astral && index - astral < 0x100000)
		c = 0x10000 + index - astral;
	if (c != 0)
		charset_put(out, c);
	else
		charset_put_bad(d, out);
}

static bool
is_between(unsigned char c, unsigned low, unsigned high)
{
	return c >= low && c <= high;
}

/*
 * What begins at a lead with a digit behind it; returns how many bytes it has,
 * 0 when that is not to be seen yet.
 */
static size_t
gb18030_four(struct charset_decoder *d, const unsigned char *p, size_t n,
    struct buf *out)
{
	if (n < 3)
		return 0;
	if (is_between(p[2], 0x81, 0xfe)) {
		if (n < 4)
			return 0;
		if (is_between(p[3], 0x30, 0x39)) {
			put_four(d, p, out);
			return 4;
		}
	}
	charset_put_bad(d, out);
	return 1;
}

size_t
charset_decode_gb18030(struct charset_decoder *d, const unsigned char *p,
    size_t n, struct buf *out)
{
	size_t i = 0, used;

	while (i < n) {
		if (p[i] < 0x80) {
			i += copy_ascii(p + i, n - i, out);
		} else if (!is_lead(d->cs->pairs, p[i])) {
			put_one(d, p[i++], out);
		} else if (i + 1 == n) {
			break;
		} else if (!is_between(p[i + 1], 0x30, 0x39)) {
			i += put_two(d, p + i, out);
		} else {
			used = gb18030_four(d, p + i, n - i, out);
			if (used == 0)
				break;
			i += used;
		}
	}
	return i;
}
