/* Unit tests of mail/charset.c: labels, UTF-8, and text in pieces. */
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "mail/charset.h"
#include "mail/charset_codec.h"

#define FFFD "\xef\xbf\xbd"

static int failures;

static void
fail(const char *what, const char *in, const char *got)
{
	fprintf(stderr, "charset: %s: %.60s: %.200s\n", what, in, got);
	failures++;
}

static const struct {
	const char *label, *name; /* NULL: unknown */
} labels[] = {
    {"utf-8", "utf-8"},
    {"UTF8", "utf-8"},
    {"us-ascii", "utf-8"},
    {" \"US-ASCII\"\r\n", "utf-8"},
    {"ANSI_X3.4-1968", "utf-8"},
    {"unicode-1-1-utf-8", "utf-8"},
    {"Shift_JIS", "shift_jis"},
    {"x-sjis", "shift_jis"},
    {"Windows-31J", "shift_jis"},
    {"euc-jp", "euc-jp"},
    {"ISO-2022-JP", "iso-2022-jp"},
    {"iso-2022-jp-ms", "iso-2022-jp"},
    {"'GB2312'", "gb18030"},
    {"big5-hkscs", "big5"},
    {"ks_c_5601-1987", "euc-kr"},
    {"iso-8859-8-i", "iso-8859-8"},
    {"ISO_8859-1:1987", "iso-8859-1"},
    {"latin1", "iso-8859-1"},
    {"cp1252", "windows-1252"},
    {"unicode-1-1-utf-7", "utf-7"},
    {"utf-16", "utf-16"},
    {"", NULL},
    {"x-unknown", NULL},
    {"utf-8x", NULL},
    {"a label that is longer than any label in the world could be", NULL},
};

/* bsearch finds what is sorted only; and a name is its own label. */
static void
check_all_labels(void)
{
	for (size_t i = 0; i < charset_n_labels; i++) {
		const char *text = charset_labels[i].text;
		const struct charset *cs = charset_find(text, strlen(text));

		if (cs != &charset_all[charset_labels[i].id])
			fail("label", text, "not found");
	}
	for (size_t i = 0; i < CHARSET_N; i++) {
		const char *name = charset_name(&charset_all[i]);

		if (charset_find(name, strlen(name)) != &charset_all[i])
			fail("name", name, "not found");
	}
}

static void
check_labels(void)
{
	for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
		const char *label = labels[i].label, *want = labels[i].name;
		const struct charset *cs = charset_find(label, strlen(label));
		const char *got = cs != NULL ? charset_name(cs) : "unknown";

		if (strcmp(got, want != NULL ? want : "unknown") != 0)
			fail("label", label, got);
	}
}

static const struct {
	const char *charset, *bytes, *text;
	size_t n_bad;
} cases[] = {
    {"utf-8", "plain ascii text, longer than a word", NULL, 0},
    {"utf-8", "\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80", NULL,
	0},
    {"utf-8", "\xef\xbf\xbf \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf " FFFD, NULL, 0},
    {"utf-8", "a\x80\xbf", "a" FFFD FFFD, 2},
    {"utf-8", "\xc0\x80\xc1\xbf", FFFD FFFD FFFD FFFD, 4},
    {"utf-8", "\xe0\x9f\xbf", FFFD FFFD FFFD, 3}, /* overlong */
    {"utf-8", "\xed\xa0\x80", FFFD FFFD FFFD, 3}, /* surrogate */
    {"utf-8", "\xf0\x8f\xbf\xbf", FFFD FFFD FFFD FFFD, 4},
    {"utf-8", "\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD, 4},
    {"utf-8", "\xf5\xff\xfe", FFFD FFFD FFFD, 3},
    /* What begins a character and breaks off is one bad character. */
    {"utf-8", "\xe3\x81z", FFFD "z", 1},
    {"utf-8", "\xe3z", FFFD "z", 1},
    {"utf-8", "\xf0\x9f\x98z", FFFD "z", 1},
    {"utf-8", "\xf0\x9f\x98\xe3\x81\x82", FFFD "\xe3\x81\x82", 1},
    {"utf-8", "\xe3\x81\xe3\x81", FFFD FFFD, 2},
    {"utf-8", "\xf0\x9f\x98", FFFD, 1},
    {"utf-8", "\xc3", FFFD, 1},
    /* Real ISO-2022-JP. */
    {"iso-2022-jp", "\33$B-!\33(B \33(I6E\33(B \33$B!A!]\33(B end",
	"\u2460 \uff76\uff85 \uff5e\uff0d end", 0},
    {"iso-2022-jp", "\33$B|q9b|b6\33(B \33$Byu\33(B",
	"\u2170\u9ad8\u9ad9" FFFD " \ufa11", 1},
    {"iso-2022-jp", "\33(J\\~\33(B", "\\~", 0},
    {"iso-2022-jp", "\33$B0!\na", "\u4e9c\na", 0},
    {"iso-2022-jp", "\33$B0", FFFD, 1},
    {"iso-2022-jp", "\33$B0\33(Ba", FFFD "a", 1},
    {"iso-2022-jp", "\33$B\x7f\x7f\33(Ba",
	"\x7f\x7f"
	"a",
	0},
    {"iso-2022-jp", "\33$", FFFD, 1},
    {"iso-2022-jp", "\33[1m\33", FFFD "[1m" FFFD, 2},
    {"iso-2022-jp", "\xb6\xc5\x80", "\uff76\uff85" FFFD, 1},
    {"iso-2022-jp", "\33$(D0!\33$@0!\33$(B0!", "\u4e02\u4e9c\u4e9c", 0},
    {"iso-2022-jp", "\33$(O.!\33$(Q.!\33$(P!!\33(B", "\u4ff1\u4ff1\U00020089",
	0},
    {"iso-2022-jp", "\33$(O$w\33(B", "\u304b\u309a", 0},
    {"iso-2022-jp", "\33.A\33Ni \33.F\33Na\33$A0!\33$(C0!\33(B",
	"\u00e9 \u03b1\u554a\uac00", 0},
    {"iso-2022-jp", "\33Ni", FFFD "i", 1},
    {"iso-2022-jp", "\33$Bu!\33(B", "\ue468", 0}, /* au's emoji */
    {"shift_jis", "\xf8\x9f", "\ue63e", 0}, /* docomo's */
    {"shift_jis", "\x81<a>\x81", FFFD "<a>" FFFD, 2},
    {"shift_jis", "\x81\xad\xfb\xfc", FFFD "\u9ad9", 1},
    {"euc-jp", "\xa4\xa2\x8e\xb1\x8f\xb0\xa1\xa4", "\u3042\uff71\u4e02" FFFD,
	1},
    {"euc-jp", "\xa4<\x8f\xb0<\x8f<\x80", FFFD "<" FFFD "<" FFFD "<" FFFD, 4},
    {"gb18030", "\xb0\xa1\x80\x81\x30\x81\x30\x90\x30\x81\x30",
	"\u554a\u20ac\xc2\x80\U00010000", 0},
    {"gb18030", "\x81\x30\x81z\xe3\x32\x9a\x36", FFFD "0\u4e83" FFFD, 2},
    {"big5", "\x88\x62\xa4\x40\xff", "\u00ca\u0304\u4e00" FFFD, 1},
    {"iso-8859-1", "\x80\xff", "\xc2\x80\u00ff", 0},
    {"windows-1252", "\x80\x81", "\u20ac" FFFD, 1},
    {"iso-2022-kr", "\33$)Ca\16!!\17a\16!!\n!!", "a\u3000a\u3000\n!!", 0},
    {"iso-2022-kr", "\33$(C\16!", FFFD "$(C" FFFD, 2},
    {"utf-16",
	"\xff\xfe"
	"a\x01"
	"b\x02",
	"\u0161\u0262", 0},
    {"utf-16",
	"\xfe\xff"
	"\x01"
	"a",
	"\u0161", 0},
    {"utf-16",
	"\x01"
	"a\xff\xfe",
	"\u0161\ufffe", 0},
    {"utf-16be",
	"\xd8\x3d\xde\x0d\xd8\x3d\x01"
	"a\xde\x01"
	"a",
	"\U0001f60d" FFFD "\u0161" FFFD FFFD, 3},
    {"utf-7", "a+-b +AOk-x +AOk. +", "a+b \u00e9x \u00e9. ", 0},
    {"utf-7", "+2D3eDQ-", "\U0001f60d", 0},
    {"utf-7", "+2D0-a+2D0", FFFD "a" FFFD, 2},
    {"utf-7", "+A-a+AOl-b\xe9", FFFD "a\u00e9" FFFD "b" FFFD, 3},
};

/* The text of bytes in pieces of step. */
static size_t
decode(const struct charset *cs, const char *bytes, size_t n, size_t step,
    struct buf *out)
{
	struct charset_decoder d;
	char piece[8];
	size_t k;

	buf_reset(out);
	buf_grow(out, 0);
	charset_begin(&d, cs);
	for (size_t i = 0; i < n; i += k) {
		k = step < n - i ? step : n - i;
		if (k <= sizeof piece)
			memcpy(piece, bytes + i, k);
		charset_add(&d, k <= sizeof piece ? piece : bytes + i, k, out);
	}
	charset_end(&d, out);
	return d.n_bad;
}

static void
check_case(size_t i)
{
	const char *bytes = cases[i].bytes, *want = cases[i].text;
	const struct charset *cs =
	    charset_find(cases[i].charset, strlen(cases[i].charset));
	struct buf out = BUF_INIT;
	size_t n = strlen(bytes), n_bad;

	if (want == NULL)
		want = bytes;
	for (size_t step = 1; step <= n + 1; step++) {
		n_bad = decode(cs, bytes, n, step, &out);
		if (strcmp(out.data, want) != 0)
			fail("text", bytes, out.data);
		if (n_bad != cases[i].n_bad)
			fail("count", bytes, out.data);
	}
	buf_release(&out);
}

/* What Japanese mail says; what iconv cannot write is left out there. */
static const char *const japanese[] = {
    "受注",
    "受注確認のお知らせ",
    "Re: 【重要】ご注文ありがとうございます",
    "2026年11月22日 (日)",
    "3月5日",
    "テスト",
    "テスト①",
    "メール送信テスト mail test 123",
    "髙島屋 山﨑様",
    "ﾔﾏﾀﾞ ﾀﾛｳ 様のご注文",
    "株式会社ＡＢＣ",
    "件名なし",
    "「お問い合わせ」を受け付けました",
};

static void
expect_guess(const char *data, size_t n, const char *hint, const char *want)
{
	const struct charset *cs =
	    hint != NULL ? charset_find(hint, strlen(hint)) : NULL;
	const char *got = charset_name(charset_guess(data, n, cs));

	if (strcmp(got, want) != 0)
		fail(want, data, got);
}

static void
check_japanese(const char *iconv_name, const char *want)
{
	iconv_t cd = iconv_open(iconv_name, "UTF-8");

	for (size_t i = 0; i < sizeof japanese / sizeof *japanese; i++) {
		char *in = (char *)japanese[i], out[300] = "", *to = out;
		size_t n = strlen(in), left = sizeof out - 1;

		if (iconv(cd, NULL, NULL, NULL, NULL) == (size_t)-1 ||
		    iconv(cd, &in, &n, &to, &left) == (size_t)-1 ||
		    iconv(cd, NULL, NULL, &to, &left) == (size_t)-1)
			continue;
		expect_guess(out, (size_t)(to - out), NULL, want);
		expect_guess(out, (size_t)(to - out), "iso-2022-jp", want);
	}
	iconv_close(cd);
}

static const struct {
	const char *data, *hint, *name;
} guesses[] = {
    {"", NULL, "utf-8"},
    {"plain", "iso-8859-1", "utf-8"},
    {"caf\xc3\xa9", "iso-8859-1", "utf-8"},
    {"caf\xe9", "iso-8859-2", "iso-8859-2"},
    {"caf\xe9", "utf-8", "windows-1252"},
    {"caf\xe9", "us-ascii", "windows-1252"},
    {"\33[1m bold", NULL, "utf-8"},
    {"\33$B0!\33(B", "iso-8859-1", "iso-2022-jp"},
    {"\33(I6E\33(B", NULL, "iso-2022-jp"},
    /* Latin text in 8 bits. */
    {"Forma\xe7\xe3o FrenetikPolis: Mega Campanha Final Ver\xe3o", NULL,
	"windows-1252"},
    {"_Melhore sua seguran\xe7"
     "a_",
	NULL, "windows-1252"},
    {"Heinz M\xfcller", NULL, "windows-1252"},
    {"\"J\xfcrgen Schm\xfcrgen\"", NULL, "windows-1252"},
    {"Die Hasen und die Fr\xf6sche", NULL, "windows-1252"},
    {"Fran\xe7ois", NULL, "windows-1252"},
    {"St\xe9phane", NULL, "windows-1252"},
    {"Bj\xf6rn H\xe5kansson", NULL, "windows-1252"},
    {"don\x92t, it\x92s \x93quoted\x94", NULL, "windows-1252"},
    {"\x80 100 \x96 \xa3 20", NULL, "windows-1252"},
    {"Stra\xdf"
     "e, \xc4rger, \xdc"
     "bung",
	NULL, "windows-1252"},
    {"\xc4\xd6rger", NULL, "windows-1252"},
};

static void
check_guesses(void)
{
	for (size_t i = 0; i < sizeof guesses / sizeof *guesses; i++)
		expect_guess(guesses[i].data, strlen(guesses[i].data),
		    guesses[i].hint, guesses[i].name);
	check_japanese("CP932", "shift_jis");
	check_japanese("EUC-JP-MS", "euc-jp");
	check_japanese("ISO-2022-JP-3", "iso-2022-jp");
}

int
main(void)
{
	check_labels();
	check_all_labels();
	check_guesses();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_case(i);
	return failures > 0;
}
