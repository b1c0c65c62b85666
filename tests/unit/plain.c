/* What reaches a terminal: no character that acts, whatever comes. */
#include "core/plain.h"

#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/utf8.h"

static const struct {
	const char *in;
	size_t n, max;
	const char *want;
} rows[] = {
    {"", 0, 9, ""},
    {"plain \\ \"text\"", 14, 99, "plain \\ \"text\""},
    {"受注", 6, 99, "受注"},
    {"\033[31m\a\t\r\n", 9, 99, "\\x1b[31m\\x07\\x09\\x0d\\x0a"},
    {"\0\x7f", 2, 99, "\\x00\\x7f"},
    /* CSI as one character of C1, and as the byte that is no UTF-8. */
    {"\xc2\x9b"
     "31m\x9b",
	6, 99, "\\u{9b}31m\\x9b"},
    /* The other direction, and back. */
    {"\xe2\x80\xae"
     "gpj.exe\xe2\x80\xac",
	13, 99, "\\u{202e}gpj.exe\\u{202c}"},
    {"a\xe2\x80\xa8z\xef\xbb\xbf\xf3\xa0\x80\xa1", 12, 99,
	"a\\u{2028}z\\u{feff}\\u{e0021}"},
    {"\xf0\x9f\x93\xa7", 4, 99, "\xf0\x9f\x93\xa7"},
    {"\xed\xa0\x80\xc0\x80", 5, 99, "\\xed\\xa0\\x80\\xc0\\x80"},
    {"受", 2, 99, "\\xe5\\x8f"},
    {"abcdef", 6, 6, "abcdef"},
    {"abcdef", 6, 5, "abcde..."},
    {"a受注", 7, 6, "a受..."},
    {"abc", 3, 0, "..."},
};

static const struct {
	const char *in;
	int columns;
	const char *want;
	int used;
} fits[] = {
    {"", 5, "", 0},
    {"abcde", 5, "abcde", 5},
    {"abcdef", 5, "abcd…", 5},
    {"abc", 1, "…", 1},
    {"a", 1, "a", 1},
    {"a", 0, "", 0},
    /* Two columns each: a half is never shown. */
    {"受注確認", 8, "受注確認", 8},
    {"受注確認", 7, "受注確…", 7},
    {"受注確認", 6, "受注…", 5},
    {"受注", 1, "…", 1},
    {"a受", 2, "a…", 2},
    {"ｱｲｳ", 3, "ｱｲｳ", 3},
    {"ＡＢ", 3, "Ａ…", 3},
    {"📧📧", 4, "📧📧", 4},
    {"한국어", 5, "한국…", 5},
    /* A mark stays with its letter. */
    {"か\xe3\x82\x99き", 4, "か\xe3\x82\x99き", 4},
    {"か\xe3\x82\x99きく", 4, "か\xe3\x82\x99…", 3},
    {"e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81", 1,
	"e\xcc\x81\xcc\x81\xcc\x81\xcc\x81", 1},
    /* What stands for a character is whole or not there. */
    {"a\033[31m", 9, "a\\x1b[31m", 9},
    {"a\033[31m", 8, "a\\x1b[3…", 8},
    {"a\033[31m", 5, "a…", 2},
    {"\xe2\x80\xae", 7, "…", 1},
    {"\xff", 4, "\\xff", 4},
};

static int
check_fits(void)
{
	int failures = 0;

	for (size_t i = 0; i < sizeof fits / sizeof *fits; i++) {
		struct buf out = BUF_INIT;
		int used = plain_fit(
		    &out, fits[i].in, strlen(fits[i].in), fits[i].columns);

		buf_addstr(&out, "");
		if (strcmp(out.data, fits[i].want) != 0 ||
		    used != fits[i].used) {
			fprintf(stderr, "fit %zu: %s, %d\n", i, out.data, used);
			failures++;
		}
		buf_release(&out);
	}
	return failures;
}

int
main(void)
{
	int failures = check_fits();

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf out = BUF_INIT;

		plain_add(&out, rows[i].in, rows[i].n, rows[i].max);
		buf_addstr(&out, "");
		if (strcmp(out.data, rows[i].want) != 0) {
			fprintf(stderr, "row %zu: %s\n", i, out.data);
			failures++;
		}
		buf_release(&out);
	}
	/* Every pair of bytes: nothing below a blank, no C1, UTF-8. */
	for (unsigned k = 0; k < 0x10000; k++) {
		char in[] = {(char)(k >> 8), (char)k};
		struct buf out = BUF_INIT;

		plain_add(&out, in, 2, 99);
		if (!utf8_valid(out.data, out.len))
			failures++;
		for (size_t i = 0; i < out.len; i++)
			if ((unsigned char)out.data[i] < 0x20 ||
			    out.data[i] == 0x7f ||
			    (out.data[i] == '\xc2' &&
				(unsigned char)out.data[i + 1] < 0xa0))
				failures++;
		buf_release(&out);
	}
	return failures > 0;
}
