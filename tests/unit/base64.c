/* Unit tests of core/base64.c: against libsodium's, and what mail has. */
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"

static int failures;

static void
expect(bool ok, const char *what, const char *text, size_t n)
{
	if (ok)
		return;
	fprintf(stderr, "base64: %s: %.*s\n", what, (int)(n < 60 ? n : 60),
	    n > 0 ? text : "");
	failures++;
}

/* Every length, bytes of any kind: both directions. */
static void
check_encode(void)
{
	unsigned char bytes[300];
	char want[500];
	struct buf text = BUF_INIT, back = BUF_INIT;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(i * 167 + 13);
	for (size_t n = 0; n <= sizeof bytes; n++) {
		buf_reset(&text);
		buf_reset(&back);
		sodium_bin2base64(want, sizeof want, bytes, n,
		    sodium_base64_VARIANT_ORIGINAL);
		base64_encode(bytes, n, &text);
		expect(strcmp(text.data, want) == 0 && text.len == strlen(want),
		    "encode", text.data, text.len);
		expect(base64_decode(text.data, text.len, &back, &e) == 0 &&
			   back.len == n && memcmp(back.data, bytes, n) == 0,
		    "decode", text.data, text.len);
	}
	buf_release(&text);
	buf_release(&back);
}

/* Is it base64?  What sodium says. */
static void
check_strict(const char *text, size_t n)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	unsigned char want[64];
	size_t len = 0;
	int r = sodium_base642bin(want, sizeof want, text, n, NULL, &len, NULL,
	    sodium_base64_VARIANT_ORIGINAL);

	buf_addstr(&out, "x");
	if (r != 0) {
		expect(base64_decode(text, n, &out, &e) == -1 && out.len == 1 &&
			   out.data[1] == '\0' && e.class == ERR_DATA,
		    "accepted", text, n);
	} else {
		expect(base64_decode(text, n, &out, &e) == 0 &&
			   out.len == len + 1 &&
			   memcmp(out.data + 1, want, len) == 0,
		    "decoded", text, n);
	}
	buf_release(&out);
}

static void
check_strict_all(void)
{
	static const char digits[] = "AQgw/+z= -\n";
	char text[9];
	size_t k = sizeof digits; /* the NUL as well */

	for (size_t i = 0; i < k * k * k * k; i++) {
		text[0] = digits[i % k];
		text[1] = digits[i / k % k];
		text[2] = digits[i / k / k % k];
		text[3] = digits[i / k / k / k];
		for (size_t n = 0; n <= 4; n++)
			check_strict(text, n);
		memcpy(text + 4, text, 4);
		memcpy(text, "abcd", 4);
		for (size_t n = 5; n <= 8; n++)
			check_strict(text, n);
	}
}

static const struct {
	const char *text, *bytes;
	bool is_good;
} lenient[] = {
    {"", "", true},
    {"YWJj", "abc", true},
    {"YWI=", "ab", true},
    {"YWI", "ab", true},
    {"YQ", "a", true},
    {"YQ==", "a", true},
    {"YQ==YmM=ZA==", "abcd", true},
    {" Y W\r\nJ\tj ", "abc", true},
    {"YWJjZ", "abc", false},
    {"YW*Jj", "abc", false},
    {"Y\xe3WJj", "abc", false},
    {"====", "", true},
    {"Y=", "", false},
};

static void
check_lenient(void)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < sizeof lenient / sizeof *lenient; i++) {
		const char *text = lenient[i].text;
		size_t n = strlen(text);

		buf_reset(&out);
		expect(
		    base64_decode_lenient(text, n, &out) == lenient[i].is_good,
		    "lenient verdict", text, n);
		expect(out.len == strlen(lenient[i].bytes) &&
			   memcmp(out.data, lenient[i].bytes, out.len) == 0,
		    "lenient", text, n);
	}
	expect(!base64_decode_lenient("YW\0Jj", 5, &out), "NUL", "", 0);
	buf_release(&out);
}

/* Here sodium's take 0x80 for a digit. */
static void
check_8bit(void)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	char text[] = "AAAAAAAA";

	for (int c = 0x80; c < 0x100; c++)
		for (size_t i = 0; i < 8; i++) {
			memset(text, 'A', 8);
			text[i] = (char)c;
			expect(base64_decode(text, 8, &out, &e) == -1, "8 bit",
			    text, 8);
		}
	buf_release(&out);
}

static void
check_digits(void)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijkl"
				       "mnopqrstuvwxyz0123456789+/";

	for (int c = 0; c < 256; c++) {
		const char *at = memchr(alphabet, c, 64);
		int want = at != NULL ? (int)(at - alphabet) : -1;
		char text = (char)c;

		expect(base64_digits[c] == want, "digit", &text, 1);
	}
}

int
main(void)
{
	check_digits();
	check_encode();
	check_strict_all();
	check_8bit();
	check_lenient();
	return failures > 0;
}
