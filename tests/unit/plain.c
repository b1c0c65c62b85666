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

int
main(void)
{
	int failures = 0;

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
