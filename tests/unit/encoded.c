/* Unit tests of mail/encoded.c: header fields as UTF-8. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "mail/charset.h"
#include "mail/defect.h"
#include "mail/encoded.h"

#define BAD DEFECT_BAD_ENCODED_WORD
#define RAW DEFECT_HEADER_NOT_UTF8
#define FFFD "\xef\xbf\xbd"

static int failures;

static const struct {
	const char *value, *text;
	defect_set defects;
} cases[] = {
    {"", "", 0},
    {" \t\r\n ", "", 0},
    {"plain", "plain", 0},
    {"  two  words\t ", "two  words", 0},
    {"folded\r\n line\n\tonce more", "folded line\tonce more", 0},
    {"a\rb\x01", "a\rb\x01", 0},
    {"caf\xc3\xa9", "caf\xc3\xa9", 0},
    /* RFC 2047 8. */
    {"=?utf-8?q?a?=", "a", 0},
    {"=?utf-8?q?a?= b", "a b", 0},
    {"=?utf-8?q?a?= =?utf-8?q?b?=", "ab", 0},
    {"=?utf-8?q?a?=  =?utf-8?q?b?=", "ab", 0},
    {"=?utf-8?q?a?=\r\n    =?utf-8?q?b?=", "ab", 0},
    {"=?utf-8?q?a_b?=", "a b", 0},
    {"=?utf-8?q?a?= =?us-ascii?q?_b?=", "a b", 0},
    {"x =?UTF-8?Q?=C3=A9?= y", "x \xc3\xa9 y", 0},
    {"=?utf-8?b?w6k=?=", "\xc3\xa9", 0},
    {"=?utf-8?B?w6k?=", "\xc3\xa9", 0},
    {"=?utf-8?q?=c3=a9?=", "\xc3\xa9", 0},
    {" this =?utf-8?q?is?= some =?utf-8?q?t?=\n =?utf-8?q?e?= \n"
     " =?utf-8?q?x?=\n =?utf-8?q?t?=\n",
	"this is some text", 0},
    /* More than the RFC allows. */
    {"\"=?utf-8?q?a?=\" x", "\"a\" x", 0},
    {"[x]=?utf-8?b?YQ?=y", "[x]ay", 0},
    {"=?utf-8?q?a?==?utf-8?q?b?=", "ab", 0},
    {"=?utf-8?q?a b?=", "a b", 0},
    {"=?utf-8?q?a?b?=", "a?b", 0},
    {"=?utf-8?b?Y W I=?=", "ab", 0},
    {"=?utf-8*en?q?a?=", "a", 0},
    {"=?utf-8*?q?a?=", "a", 0},
    {"=?utf-8?Q?Hello\r\n   \t  _there!?=", "Hello there!", 0},
    {"=?utf-8?q?"
     "?=x",
	"x", 0},
    {"=?utf-8?b?"
     "?= =?utf-8?b?YQ==YQ==?=",
	"aa", 0},
    {"=?utf-8?q?caf\xc3\xa9=C3=A9?=", "caf\xc3\xa9\xc3\xa9", 0},
    /* A character in two words. */
    {"=?utf-8?b?w6nD?= =?utf-8?b?qQ==?=", "\xc3\xa9\xc3\xa9", 0},
    {"=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "\xc3\xa9", 0},
    {"=?utf-8?q?=C3?=\n =?utf-8?b?qQ?=", "\xc3\xa9", 0},
    {"=?utf-8?q?=C3?= x =?utf-8?q?=A9?=", FFFD " x " FFFD,
	DEFECT_BAD_CHARACTERS},
    {"=?utf-8?q?=C3?=", FFFD, DEFECT_BAD_CHARACTERS},
    /* What is no word. */
    {"=?", "=?", 0},
    {"=?utf-8?", "=?utf-8?", 0},
    {"=?utf-8?q?", "=?utf-8?q?", BAD},
    {"=?utf-8?q?a", "=?utf-8?q?a", BAD},
    {"=?utf-8?q?a?", "=?utf-8?q?a?", BAD},
    {"=?utf-8?x?a?=", "=?utf-8?x?a?=", BAD},
    {"=?utf 8?q?a?=", "=?utf 8?q?a?=", 0},
    {"=?"
     "?q?a?=",
	"=?"
	"?q?a?=",
	0},
    {"a =?= b", "a =?= b", 0},
    {"=?utf-8?q?a =?utf-8?q?b?=", "=?utf-8?q?a b", BAD},
    /* Bad words. */
    {"=?utf-8?q?a=b=?=", "a=b=", BAD},
    {"=?utf-8?q?=4?= x", "=4 x", BAD},
    {"=?utf-8?b?YQ*?=", "a", BAD},
    {"=?x-none?q?a?= =?utf-8?q?b?=", "=?x-none?q?a?= b",
	DEFECT_UNKNOWN_CHARSET},
    {"=?utf-8?q?b?= =?x-none?q?a?=", "b =?x-none?q?a?=",
	DEFECT_UNKNOWN_CHARSET},
    /* Raw bytes. */
    {"caf\xe9", "caf\u00e9", RAW},
    {"\33$B@8\33(B JIS", "\u751f JIS", RAW},
    {"\33$B@8\r\n x\33(B", "\u751f x", RAW},
    {"\x83\x65\x83\x58\x83\x67 \x95\x5c\x8e\xa6",
	"\u30c6\u30b9\u30c8 \u8868\u793a", RAW},
    {"\xa5\xc6\xa5\xb9\xa5\xc8", "\u30c6\u30b9\u30c8", RAW},
    {"caf\x81", "caf" FFFD, RAW | DEFECT_BAD_CHARACTERS},
    {"=?iso-8859-1?q?J\xfcrgen?= =?iso-8859-1?q?_Schm\xfc=72gen?=",
	"J\u00fcrgen Schm\u00fcrgen", RAW},
    {"=?iso-2022-jp?q?\33$B@8\33(B?=", "\u751f", RAW},
    /* Charsets. */
    {"=?iso-2022-jp?B?GyRCJUYlOSVILSEbKEI=?=", "\u30c6\u30b9\u30c8\u2460", 0},
    {"=?ISO-2022-JP?B?GyRCJUY=?=\r\n =?iso-2022-jp?B?JTkbKEI=?= x",
	"\u30c6\u30b9 x", 0},
    {"=?shift_jis?B?g2WD?= =?sjis?Q?X?=", "\u30c6\u30b9", 0},
    {"=?iso-8859-8-i?b?7eXs+SDv4SDp7Oj08A==?=",
	"\u05dd\u05d5\u05dc\u05e9 \u05df\u05d1 \u05d9\u05dc\u05d8\u05e4\u05e0",
	0},
    {"=?iso-8859-1?q?=E1?= =?utf-8?b?w6k=?= =?iso-8859-1?q?=ED?=.jpeg",
	"\u00e1\u00e9\u00ed.jpeg", 0},
    {"=?utf-7?q?+AOk-?=", "\u00e9", 0},
    {"=?utf-7?q?+//\u00e9+AOk-?=", "\u00e9\u00e9", 0},
};

static void
fail(const char *what, const char *value, const char *got)
{
	fprintf(stderr, "encoded: %s: %.60s: %.200s\n", what, value, got);
	failures++;
}

static void
check_case(size_t i)
{
	struct buf out = BUF_INIT;
	defect_set defects = 0;
	const char *value = cases[i].value;
	char *copy = xmalloc(strlen(value)); /* not a byte more */

	memcpy(copy, value, strlen(value));
	buf_addstr(&out, "<");
	encoded_decode(
	    (struct slice){copy, strlen(value)}, NULL, &out, &defects);
	if (strcmp(out.data + 1, cases[i].text) != 0 ||
	    out.len != strlen(cases[i].text) + 1)
		fail("text", value, out.data + 1);
	if (defects != cases[i].defects) {
		char got[24];

		snprintf(got, sizeof got, "%llx", (unsigned long long)defects);
		fail("defects", value, got);
	}
	free(copy);
	buf_release(&out);
}

/* Cut anywhere, a value still gives UTF-8. */
static void
check_cut(size_t i)
{
	struct buf out = BUF_INIT, copy = BUF_INIT;
	defect_set defects = 0;
	struct charset_decoder d;

	for (size_t n = 0; n < strlen(cases[i].value); n++) {
		buf_reset(&out);
		encoded_decode(
		    (struct slice){cases[i].value, n}, NULL, &out, &defects);
		charset_begin(&d, charset_utf8());
		charset_add(&d, out.data, out.len, &copy);
		charset_end(&d, &copy);
		if (d.n_bad > 0)
			fail("cut", cases[i].value, out.data);
	}
	buf_release(&copy);
	buf_release(&out);
}

static void
check_hint(void)
{
	struct buf out = BUF_INIT;
	defect_set defects = 0;

	encoded_decode((struct slice){"\xb1 \xe6", 3},
	    charset_find("iso-8859-2", 10), &out, &defects);
	if (strcmp(out.data, "\u0105 \u0107") != 0)
		fail("hint", "iso-8859-2", out.data);
	buf_release(&out);
}

static void
check_nul(void)
{
	struct buf out = BUF_INIT;
	defect_set defects = 0;

	encoded_decode(
	    (struct slice){"a\0=?utf-8?q?=00?=", 17}, NULL, &out, &defects);
	if (out.len != 3 || memcmp(out.data, "a\0\0", 3) != 0)
		fail("NUL", "", out.data);
	buf_release(&out);
}

/* So many times what: in linear time, or the test never ends. */
static const struct {
	const char *what;
	size_t times, len;
} long_cases[] = {
    {"=?utf-8?q?a?= ", 1000000, 1000000},
    {"=?", 5000000, 10000000},
    {"=?a?q?", 2000000, 12000000},
    {"=?a?q?b", 2000000, 14000000},
    {"=?a?q?b? ", 2000000, 17999999},
    {"=?utf-8?q?=C3?= ", 1000000, 3000000},
    {"=?x?q?a?= ", 1000000, 9999999},
    {"?", 5000000, 5000000},
    {"=", 5000000, 5000000},
    {"\n", 5000000, 0},
    {"x\n ", 1000000, 1999999},
};

static void
check_long(size_t i)
{
	struct buf value = BUF_INIT, out = BUF_INIT;
	defect_set defects = 0;

	for (size_t k = 0; k < long_cases[i].times; k++)
		buf_addstr(&value, long_cases[i].what);
	encoded_decode(
	    (struct slice){value.data, value.len}, NULL, &out, &defects);
	if (out.len != long_cases[i].len) {
		char got[24];

		snprintf(got, sizeof got, "%zu", out.len);
		fail("length", long_cases[i].what, got);
	}
	buf_release(&value);
	buf_release(&out);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		check_case(i);
		check_cut(i);
	}
	for (size_t i = 0; i < sizeof long_cases / sizeof *long_cases; i++)
		check_long(i);
	check_nul();
	check_hint();
	return failures > 0;
}
