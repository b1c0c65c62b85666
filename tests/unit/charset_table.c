/*
 * Unit tests of the tables of mail/charset.c: every character that there is,
 * against what the C library's iconv says, whole and cut at every byte.
 * Deliberate differences are the rows of the functions called differs_….
 */
#include <iconv.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "mail/charset.h"
#include "mail/charset_codec.h"

static int failures;

static void
fail(const char *what, const char *name, const unsigned char *bytes, size_t n)
{
	if (++failures > 20)
		return;
	fprintf(stderr, "charset: %s: %s:", name, what);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, " %02x", bytes[i]);
	fprintf(stderr, "\n");
}

static iconv_t
open_iconv(const char *to, const char *from)
{
	iconv_t cd = iconv_open(to, from);

	if (cd == (iconv_t)-1) {
		fprintf(stderr, "charset: iconv does not know %s\n", from);
		exit(1);
	}
	return cd;
}

/* All of in by iconv.  false: it is not well-formed. */
static bool
by_iconv(iconv_t cd, const void *in, size_t n, struct buf *out)
{
	char *from = (char *)in, *to;
	size_t left;

	buf_reset(out);
	buf_grow(out, 4 * n + 64);
	to = out->data;
	left = out->cap - 1;
	iconv(cd, NULL, NULL, NULL, NULL);
	if (iconv(cd, &from, &n, &to, &left) != 0 || n > 0 ||
	    iconv(cd, NULL, NULL, &to, &left) != 0)
		return false;
	out->len = (size_t)(to - out->data);
	return true;
}

/* By ours, whole; and in pieces, which must be the same. */
static size_t
by_us(const struct charset *cs, const unsigned char *in, size_t n,
    struct buf *out)
{
	static struct buf pieces;
	struct charset_decoder d, e;

	buf_reset(out);
	charset_begin(&d, cs);
	charset_add(&d, (const char *)in, n, out);
	charset_end(&d, out);
	for (size_t step = 1; step < n && step < 8; step++) {
		buf_reset(&pieces);
		charset_begin(&e, cs);
		for (size_t i = 0; i < n; i += step)
			charset_add(&e, (const char *)in + i,
			    step < n - i ? step : n - i, &pieces);
		charset_end(&e, &pieces);
		if (pieces.len != out->len || e.n_bad != d.n_bad ||
		    memcmp(pieces.data, out->data, out->len) != 0)
			fail("differs when cut", charset_name(cs), in, n);
	}
	return d.n_bad;
}

typedef bool differs_fn(const unsigned char *p, size_t n,
    const struct buf *theirs, const struct buf *ours);

static bool
never(const unsigned char *p, size_t n, const struct buf *theirs,
    const struct buf *ours)
{
	(void)p, (void)n, (void)theirs, (void)ours;
	return false;
}

/* The same text, or none for both.  theirs is NULL when they have none. */
static void
check(const char *name, iconv_t cd, const unsigned char *p, size_t n,
    differs_fn *differs)
{
	static struct buf theirs, ours;
	const struct charset *cs = charset_find(name, strlen(name));
	bool is_good = by_iconv(cd, p, n, &theirs);
	size_t n_bad = by_us(cs, p, n, &ours);

	if (is_good && n_bad == 0 && theirs.len == ours.len &&
	    memcmp(theirs.data, ours.data, ours.len) == 0)
		return;
	if (!is_good && n_bad > 0)
		return;
	if (!differs(p, n, is_good ? &theirs : NULL, &ours))
		fail(is_good ? "not the same" : "not bad", name, p, n);
}

static void
check_singles(void)
{
	static const struct {
		const char *name, *iconv;
	} names[] = {
#define X(id, name, iconv) {name, iconv},
	    CHARSET_SINGLES(X)
#undef X
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		iconv_t cd = open_iconv("UTF-8", names[i].iconv);

		for (unsigned b = 0; b < 256; b++) {
			unsigned char c = (unsigned char)b;

			check(names[i].name, cd, &c, 1, never);
		}
		iconv_close(cd);
	}
}

/* Every pair whose first byte is not ASCII, after a prefix. */
static void
check_pairs(const char *name, const char *iconv_name, const char *prefix,
    differs_fn *differs)
{
	iconv_t cd = open_iconv("UTF-8", iconv_name);
	size_t k = strlen(prefix);
	unsigned char p[8];

	memcpy(p, prefix, k);
	for (unsigned a = 0x80; a < 256; a++)
		for (unsigned b = 0; b < 256; b++) {
			p[k] = (unsigned char)a;
			p[k + 1] = (unsigned char)b;
			check(name, cd, p, k + 1, differs);
			check(name, cd, p, k + 2, differs);
		}
	iconv_close(cd);
}

/* Windows' euro sign is in GBK, and not in GB 18030. */
static bool
differs_gb(const unsigned char *p, size_t n, const struct buf *theirs,
    const struct buf *ours)
{
	(void)n, (void)ours;
	return theirs == NULL && p[0] == 0x80;
}

/* What Hong Kong's table does not have is taken from the other tables. */
static bool
differs_big5(const unsigned char *p, size_t n, const struct buf *theirs,
    const struct buf *ours)
{
	static iconv_t big5, cp950;
	static struct buf text;

	if (big5 == NULL) {
		big5 = open_iconv("UTF-8", "BIG5");
		cp950 = open_iconv("UTF-8", "CP950");
	}
	return theirs == NULL && n == 2 &&
	       (by_iconv(big5, p, n, &text) || by_iconv(cp950, p, n, &text)) &&
	       text.len == ours->len &&
	       memcmp(text.data, ours->data, text.len) == 0;
}

/* A mark that later editions of the standard have (U+327E). */
static bool
differs_kr(const unsigned char *p, size_t n, const struct buf *theirs,
    const struct buf *ours)
{
	(void)ours;
	return theirs == NULL && n == 2 && p[0] == 0xa2 && p[1] == 0xe8;
}

static bool
is_text(const struct buf *b, const char *s)
{
	return b != NULL && b->len == strlen(s) &&
	       memcmp(b->data, s, b->len) == 0;
}

/* Characters of JIS X 0208 that Windows maps to others. */
static bool
is_windows_form(const struct buf *theirs, const struct buf *ours)
{
	static const char *const forms[][2] = {
	    {"\\", "\uff3c"},
	    {"\u301c", "\uff5e"},
	    {"\u2016", "\u2225"},
	    {"\u2212", "\uff0d"},
	    {"\u00a2", "\uffe0"},
	    {"\u00a3", "\uffe1"},
	    {"\u00ac", "\uffe2"},
	    {"\u2014", "\u2015"},
	};

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
		if (is_text(theirs, forms[i][0]) && is_text(ours, forms[i][1]))
			return true;
	return false;
}

/* CP932's own characters: those that EUC-JP-MS has as well. */
static bool
is_windows_addition(const unsigned char *p, const struct buf *ours)
{
	static iconv_t ms;
	static struct buf text;
	const unsigned char euc[2] = {p[0] | 0x80, p[1] | 0x80};

	if (ms == NULL)
		ms = open_iconv("UTF-8", "EUC-JP-MS");
	return by_iconv(ms, euc, 2, &text) && text.len == ours->len &&
	       memcmp(text.data, ours->data, text.len) == 0;
}

/* Rows 0x75 to 0x78 are au's emoji, U+E468 and on; 0x79 to 0x7c NEC's kanji. */
static bool
is_carrier_or_nec(unsigned row, const struct buf *ours)
{
	unsigned char lead = ours->len > 0 ? (unsigned char)ours->data[0] : 0;

	if (row >= 0x75 && row <= 0x78)
		return lead == 0xee;
	return row >= 0x79 && row <= 0x7c && lead != 0xee;
}

static bool
differs_jis(const unsigned char *p, size_t n, const struct buf *theirs,
    const struct buf *ours)
{
	(void)n;
	return is_windows_form(theirs, ours) ||
	       (theirs == NULL && is_windows_addition(p, ours)) ||
	       (theirs == NULL && is_carrier_or_nec(p[0] & 0x7fU, ours));
}

/* C1 controls are nothing; user-defined rows are none. */
static bool
differs_euc(const unsigned char *p, size_t n, const struct buf *theirs,
    const struct buf *ours)
{
	if (p[0] < 0xa0)
		return theirs != NULL && strstr(ours->data, "\ufffd") != NULL;
	return n == 2 && differs_jis(p, n, theirs, ours);
}

/* JIS X 0212 as Windows has it: two forms, IBM's kanji, rows of users. */
static bool
differs_jis0212(const unsigned char *p, size_t n, const struct buf *theirs,
    const struct buf *ours)
{
	(void)n;
	return (theirs == NULL && (p[0] & 0x7fU) >= 0x73) ||
	       (is_text(theirs, "~") && is_text(ours, "\uff5e")) ||
	       (is_text(theirs, "\u00a6") && is_text(ours, "\uffe4"));
}

/* GB 18030 has all of GB 2312, with two other forms, and more. */
static bool
differs_gb2312(const unsigned char *p, size_t n, const struct buf *theirs,
    const struct buf *ours)
{
	(void)p, (void)n;
	return theirs == NULL ||
	       (is_text(theirs, "\u30fb") && is_text(ours, "\u00b7")) ||
	       (is_text(theirs, "\u2015") && is_text(ours, "\u2014"));
}

/* Windows has more. */
static bool
differs_ks(const unsigned char *p, size_t n, const struct buf *theirs,
    const struct buf *ours)
{
	(void)p, (void)n, (void)ours;
	return theirs == NULL;
}

static void
check_iso2022jp(const char *on, const char *iconv_name, differs_fn *differs)
{
	iconv_t cd = open_iconv("UTF-8", iconv_name);
	static struct buf theirs, ours;
	unsigned char p[16];
	size_t k = strlen(on);
	const char *name = "iso-2022-jp";
	const struct charset *cs = charset_find(name, strlen(name));

	memcpy(p, on, k);
	memcpy(p + k + 2, "\x1b(B", 3);
	for (unsigned a = 0x21; a < 0x7f; a++)
		for (unsigned b = 0x21; b < 0x7f; b++) {
			bool is_good;
			size_t n_bad;

			p[k] = (unsigned char)a;
			p[k + 1] = (unsigned char)b;
			is_good = by_iconv(cd, p, k + 5, &theirs);
			n_bad = by_us(cs, p, k + 5, &ours);
			if (is_good ? is_text(&theirs, ours.data) : n_bad > 0)
				continue;
			if (!differs(p + k, 2, is_good ? &theirs : NULL, &ours))
				fail("not the same", on + 1, p + k, 2);
		}
	iconv_close(cd);
}

/* Every character of Unicode in the charset, as iconv writes it. */
static void
check_all(const char *name, const char *iconv_name, uint32_t step)
{
	iconv_t to = open_iconv(iconv_name, "UTF-32LE");
	iconv_t back = open_iconv("UTF-8", iconv_name);
	static struct buf bytes;

	for (uint32_t c = 0; c < 0x110000; c += c < 0x10000 ? 1 : step)
		if (by_iconv(to, &c, sizeof c, &bytes))
			check(name, back, (unsigned char *)bytes.data,
			    bytes.len, never);
	iconv_close(to);
	iconv_close(back);
}

/* Text of characters from everywhere, which shifts between sets. */
static void
check_text(const char *name, const char *iconv_name)
{
	static const uint32_t alphabet[] = {'a', '+', '-', '/', '\n', ' ', 0xe9,
	    0x3042, 0x30a2, 0x65e5, 0x672c, 0xac00, 0x4e00, 0x1f600, 0x20000};
	iconv_t to = open_iconv(iconv_name, "UTF-32LE");
	iconv_t back = open_iconv("UTF-8", iconv_name);
	static struct buf bytes;
	uint32_t text[12], seed = 1;

	for (int round = 0; round < 20000; round++) {
		size_t n = 0;

		for (size_t i = 0; i < 12; i++) {
			seed = seed * 1664525 + 1013904223;
			text[n] =
			    alphabet[(seed >> 16) %
				     (sizeof alphabet / sizeof *alphabet)];
			n += by_iconv(to, &text[n], 4, &bytes);
		}
		if (by_iconv(to, text, n * sizeof *text, &bytes))
			check(name, back, (unsigned char *)bytes.data,
			    bytes.len, never);
	}
	iconv_close(to);
	iconv_close(back);
}

int
main(void)
{
	check_singles();
	check_pairs("shift_jis", "CP932", "", never);
	check_pairs("gb18030", "GB18030", "", differs_gb);
	check_pairs("big5", "BIG5-HKSCS", "", differs_big5);
	check_pairs("euc-kr", "CP949", "", differs_kr);
	check_pairs("euc-jp", "EUC-JP", "", differs_euc);
	check_pairs("euc-jp", "EUC-JP-MS", "\x8f", differs_jis0212);
	check_iso2022jp("\x1b$B", "ISO-2022-JP", differs_jis);
	check_iso2022jp("\x1b$@", "ISO-2022-JP", differs_jis);
	check_iso2022jp("\x1b$(D", "ISO-2022-JP-2", differs_jis0212);
	check_iso2022jp("\x1b$(Q", "ISO-2022-JP-3", never);
	check_iso2022jp("\x1b$(P", "ISO-2022-JP-3", never);
	check_iso2022jp("\x1b$A", "ISO-2022-JP-2", differs_gb2312);
	check_iso2022jp("\x1b$(C", "ISO-2022-JP-2", differs_ks);
	check_all("gb18030", "GB18030", 97);
	check_all("utf-8", "UTF-8", 97);
	check_all("utf-16le", "UTF-16LE", 97);
	check_all("utf-16be", "UTF-16BE", 97);
	check_all("utf-32be", "UTF-32BE", 97);
	check_all("iso-2022-kr", "ISO-2022-KR", 65536);
	check_all("utf-7", "UTF-7", 97);
	check_text("utf-7", "UTF-7");
	check_text("utf-16", "UTF-16");
	check_text("utf-32", "UTF-32");
	check_text("iso-2022-kr", "ISO-2022-KR");
	check_text("iso-2022-jp", "ISO-2022-JP");
	check_text("shift_jis", "CP932");
	check_text("gb18030", "GB18030");
	return failures > 0;
}
