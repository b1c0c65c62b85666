/*
 * EUC-JP and ISO-2022-JP, by the table of CP932: what is sent under these names
 * is what Windows has, with NEC's row 13 (circled digits), NEC's and IBM's
 * kanji (the tall "taka" of many names) and half-width kana.
 *
 * The emoji of Japanese carriers are in the areas that CP932 leaves to its
 * users, so they are what it says, private use code points.  In Shift_JIS these
 * are docomo's own (U+E63E …), au's (U+E468 …) and SoftBank's by their place.
 */
#include <stdint.h>
#include <string.h>

#include "mail/charset_codec.h"

enum {
	ESC = 0x1b,
	SS2 = 0x8e, /* EUC: half-width kana follow … */
	SS3 = 0x8f, /* … JIS X 0212 */
	KANA = 0xff61 - 0xa1, /* from a byte to half-width kana */
};

/* What ISO-2022-JP has switched to. */
enum set {
	SET_ASCII, /* and JIS X 0201 Roman, whose yen sign is a backslash to
		      everybody */
	SET_KANA,
	SET_JIS0208,
	SET_JIS0212,
	SET_JIS0213_1,
	SET_JIS0213_2,
	SET_GB2312,
	SET_KSC5601,
	SET_MASK = 15,
	HIGH_LATIN1 = 16, /* what ESC N takes one from (RFC 1554) */
	HIGH_GREEK = 32,
	HIGH_MASK = HIGH_LATIN1 | HIGH_GREEK,
};

enum {
	SPAN_MAX = 128, /* bytes that jis_span reads at once */
};

/* After ESC; the first two are nearly all that there are. */
static const struct escape {
	char text[4];
	unsigned char set, mask; /* replaces this part of the state */
} escapes[] = {
    {"(B", SET_ASCII, SET_MASK}, {"$B", SET_JIS0208, SET_MASK},
    {"(J", SET_ASCII, SET_MASK},
    {"(H", SET_ASCII, SET_MASK}, /* a common mistake for (J */
    {"(I", SET_KANA, SET_MASK}, {"$@", SET_JIS0208, SET_MASK},
    {"$(@", SET_JIS0208, SET_MASK}, {"$(B", SET_JIS0208, SET_MASK},
    {"$(D", SET_JIS0212, SET_MASK}, {"$(O", SET_JIS0213_1, SET_MASK},
    {"$(Q", SET_JIS0213_1, SET_MASK}, {"$(P", SET_JIS0213_2, SET_MASK},
    {"$A", SET_GB2312, SET_MASK}, {"$(C", SET_KSC5601, SET_MASK},
    {".A", HIGH_LATIN1, HIGH_MASK}, {".F", HIGH_GREEK, HIGH_MASK},
    {"&@", 0, 0}, /* announces the JIS X 0208 of 1990 */
};

static inline unsigned
jis_cell(unsigned row, unsigned column)
{
	unsigned lead = (row - 1) / 2 + (row <= 0x5e ? 0x71 : 0xb1);
	unsigned trail = column + 0x7e;

	if (row & 1)
		trail = column + 0x1f + (column >= 0x60);
	/* Rows 0x75 to 0x78, which CP932 does not have, are au's emoji. */
	if (lead == 0xeb || lead == 0xec)
		lead += 0xf6 - 0xeb;
	return charset_cell(&charset_cp932, lead, trail);
}

unsigned
charset_jis_cell(unsigned row, unsigned column)
{
	return jis_cell(row, column);
}

static void
put_jis(
    struct charset_decoder *d, unsigned row, unsigned column, struct buf *out)
{
	unsigned cell = jis_cell(row, column);

	if (cell != 0)
		charset_put(out, cell);
	else
		charset_put_bad(d, out);
}

static bool
is_high(unsigned char c)
{
	return c >= 0xa1 && c <= 0xfe;
}

/*
 * What begins at p, which is not ASCII; returns how many bytes it has, 0 when
 * it is not whole.
 */
static size_t
euc_character(struct charset_decoder *d, const unsigned char *p, size_t n,
    struct buf *out)
{
	size_t size = p[0] == SS3 ? 3 : 2, i = 1;

	if (is_high(p[0]) || p[0] == SS2 || p[0] == SS3) {
		while (i < size && i < n && is_high(p[i]))
			i++;
		if (i == n && i < size)
			return 0;
	}
	if (i < size || (p[0] == SS2 && p[1] > 0xdf))
		charset_put_bad(d, out);
	else if (p[0] == SS3)
		charset_put_pair(d, &charset_jis0212, p[1], p[2], out);
	else if (p[0] == SS2)
		charset_put(out, p[1] + KANA);
	else
		put_jis(d, p[0] & 0x7f, p[1] & 0x7f, out);
	return i;
}

size_t
charset_decode_euc_jp(struct charset_decoder *d, const unsigned char *p,
    size_t n, struct buf *out)
{
	size_t i = 0, size;

	while (i < n) {
		size = charset_ascii_span(p + i, n - i);
		if (size > 0)
			buf_add(out, p + i, size);
		else
			size = euc_character(d, p + i, n - i, out);
		if (size == 0)
			break;
		i += size;
	}
	return i;
}

/* ESC N and one byte, of the set that was made the high one. */
static size_t
single_shift(struct charset_decoder *d, const unsigned char *p, size_t n,
    struct buf *out)
{
	const uint16_t *table = NULL;

	if (n < 3)
		return 0;
	if (d->state & HIGH_LATIN1)
		table = charset_singles[CHARSET_ISO_8859_1];
	else if (d->state & HIGH_GREEK)
		table = charset_singles[CHARSET_ISO_8859_7];
	if (table == NULL || p[2] < 0x20 || p[2] > 0x7f || table[p[2]] == 0) {
		charset_put_bad(d, out);
		return 2;
	}
	charset_put(out, table[p[2]]);
	return 3;
}

/* Is it the escape, and all of it?  -1: that is not to be seen yet. */
static int
matches(const struct escape *e, const unsigned char *p, size_t n)
{
	size_t len = strlen(e->text);
	size_t k = len < n - 1 ? len : n - 1;

	if (memcmp(e->text, p + 1, k) != 0)
		return 0;
	return k == len ? 1 : -1;
}

static size_t
escape(struct charset_decoder *d, const unsigned char *p, size_t n,
    struct buf *out)
{
	bool is_open = n < 2;

	if (n > 1 && p[1] == 'N')
		return single_shift(d, p, n, out);
	for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
		const struct escape *e = &escapes[i];
		int match = matches(e, p, n);

		if (match == 1) {
			d->state = (d->state & ~(unsigned)e->mask) | e->set;
			return strlen(e->text) + 1;
		}
		is_open |= match == -1;
	}
	if (is_open)
		return 0;
	charset_put_bad(d, out);
	return 1;
}

static void
put_pair_of(
    struct charset_decoder *d, unsigned row, unsigned column, struct buf *out)
{
	static const struct charset_pairs *const sets[] = {
	    [SET_JIS0212] = &charset_jis0212,
	    [SET_JIS0213_1] = &charset_jis0213_1,
	    [SET_JIS0213_2] = &charset_jis0213_2,
	    [SET_GB2312] = &charset_gb18030,
	    [SET_KSC5601] = &charset_cp949,
	};
	unsigned set = d->state & SET_MASK;

	if (set == SET_JIS0208)
		put_jis(d, row, column, out);
	else
		charset_put_pair(d, sets[set], row | 0x80, column | 0x80, out);
}

static bool
is_graphic(unsigned char c)
{
	return c > 0x20 && c < 0x7f;
}

/* A character of a set that has two bytes for each, as for euc_character. */
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
	put_pair_of(d, p[0], p[1], out);
	return 2;
}

/* A byte that is a character, or none. */
static void
put_byte(struct charset_decoder *d, unsigned char c, struct buf *out)
{
	unsigned set = d->state & SET_MASK;

	if (c >= 0xa1 && c <= 0xdf)
		charset_put(out, c + KANA); /* by mistake, but clear */
	else if (c < 0x80 && (set == SET_ASCII || !is_graphic(c)))
		charset_put(out, c);
	else if (c < 0x60)
		charset_put(out, (c | 0x80U) + KANA);
	else
		charset_put_bad(d, out);
}

/* What begins at p, as for euc_character. */
static size_t
iso2022_character(struct charset_decoder *d, const unsigned char *p, size_t n,
    struct buf *out)
{
	if (p[0] == ESC)
		return escape(d, p, n, out);
	if (p[0] == '\n')
		d->state = SET_ASCII; /* RFC 1468: lines end in ASCII */
	if (is_graphic(p[0]) && (d->state & SET_MASK) > SET_KANA)
		return put_double(d, p, n, out);
	put_byte(d, p[0], out);
	return 1;
}

/*
 * Append the characters at p as long as each is three bytes of UTF-8, which
 * nearly all of Japanese is; returns how many bytes they were here.
 */
static size_t
jis_span(const struct charset_decoder *d, const unsigned char *p, size_t n,
    struct buf *out)
{
	unsigned char *to;
	size_t i = 0;

	if ((d->state & SET_MASK) != SET_JIS0208)
		return 0;
	n = n < SPAN_MAX ? n : SPAN_MAX;
	buf_grow(out, n / 2 * 3);
	to = (unsigned char *)out->data + out->len;
	for (; n - i >= 2 && is_graphic(p[i]) && is_graphic(p[i + 1]); i += 2) {
		unsigned cell = jis_cell(p[i], p[i + 1]);

		if (cell < 0x800)
			break;
		*to++ = (unsigned char)(0xe0 | cell >> 12);
		*to++ = (unsigned char)(0x80 | (cell >> 6 & 0x3f));
		*to++ = (unsigned char)(0x80 | (cell & 0x3f));
	}
	*to = '\0';
	out->len = (size_t)((char *)to - out->data);
	return i;
}

/* So many bytes at p are themselves. */
static size_t
plain_span(const struct charset_decoder *d, const unsigned char *p, size_t n)
{
	size_t i = 0;

	if ((d->state & SET_MASK) != SET_ASCII)
		return 0;
	while (i < n && p[i] < 0x80 && p[i] != ESC && p[i] != '\n')
		i++;
	return i;
}

size_t
charset_decode_iso2022jp(struct charset_decoder *d, const unsigned char *p,
    size_t n, struct buf *out)
{
	size_t i = 0, size;

	while (i < n) {
		size = plain_span(d, p + i, n - i);
		if (size > 0)
			buf_add(out, p + i, size);
		else
			size = jis_span(d, p + i, n - i, out);
		if (size == 0)
			size = iso2022_character(d, p + i, n - i, out);
		if (size == 0)
			break;
		i += size;
	}
	return i;
}
