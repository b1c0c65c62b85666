#include "core/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz0123456789+/";

static const char pad = '=';

/* clang-format off */
#define X8 -1, -1, -1, -1, -1, -1, -1, -1
#define X16 X8, X8
#define X64 X16, X16, X16, X16
const signed char base64_digits[256] = {
    X16, X16,
    X8, -1, -1, -1, 62, -1, -1, -1, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, -1, -1, -1, -1, -1, -1,
    -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, -1, -1, -1, -1, -1,
    -1, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, -1, -1, -1, -1, -1,
    X64, X64};
/* clang-format on */

/* The last one or two bytes, padded. */
static char *
encode_end(const unsigned char *p, size_t n, char *to)
{
	unsigned bits = (unsigned)p[0] << 16 | (n > 1 ? p[1] : 0U) << 8;

	to[0] = alphabet[bits >> 18];
	to[1] = alphabet[bits >> 12 & 63];
	to[2] = pad;
	if (n > 1)
		to[2] = alphabet[bits >> 6 & 63];
	to[3] = pad;
	return to + 4;
}

void
base64_encode(const void *data, size_t n, struct buf *out)
{
	const unsigned char *p = data;
	char *to;

	if (n > SIZE_MAX / 4)
		xnomem();
	buf_grow(out, n / 3 * 4 + 4);
	to = out->data + out->len;
	for (; n >= 3; n -= 3, p += 3) {
		unsigned bits = (unsigned)p[0] << 16 | p[1] << 8U | p[2];

		*to++ = alphabet[bits >> 18];
		*to++ = alphabet[bits >> 12 & 63];
		*to++ = alphabet[bits >> 6 & 63];
		*to++ = alphabet[bits & 63];
	}
	if (n > 0)
		to = encode_end(p, n, to);
	*to = '\0';
	out->len = (size_t)(to - out->data);
}

#define NO_DIGIT (UINT32_C(1) << 31)

/* NO_DIGIT is set in what is none, however it is shifted. */
static inline uint32_t
digit(unsigned char c)
{
	return (uint32_t)base64_digits[c];
}

/*
 * Groups of four digits, as far as there are such, into *to; returns how many
 * bytes of text that were.
 */
static size_t
decode_groups(const char *text, size_t n, unsigned char **to)
{
	const unsigned char *p = (const unsigned char *)text;
	unsigned char *q = *to;
	size_t i;

	for (i = 0; n - i >= 4; i += 4) {
		uint32_t bits = digit(p[i]) << 18 | digit(p[i + 1]) << 12 |
				digit(p[i + 2]) << 6 | digit(p[i + 3]);

		if (bits & NO_DIGIT)
			break;
		*q++ = (unsigned char)(bits >> 16);
		*q++ = (unsigned char)(bits >> 8);
		*q++ = (unsigned char)bits;
	}
	*to = q;
	return i;
}

/* The last group, with its padding.  NULL: it is not one. */
static unsigned char *
decode_end(const char *text, unsigned char *to)
{
	const unsigned char *p = (const unsigned char *)text;
	uint32_t a = digit(p[0]), b = digit(p[1]), c = digit(p[2]);

	if ((a | b) & NO_DIGIT || p[3] != pad)
		return NULL;
	*to++ = (unsigned char)(a << 2 | b >> 4);
	if (p[2] == pad)
		return (b & 15) == 0 ? to : NULL;
	if (c & NO_DIGIT || (c & 3) != 0)
		return NULL;
	*to++ = (unsigned char)(b << 4 | c >> 2);
	return to;
}

int
base64_decode(const char *text, size_t n, struct buf *out, struct err *e)
{
	unsigned char *to;
	size_t used;

	buf_grow(out, n / 4 * 3 + 3);
	to = (unsigned char *)out->data + out->len;
	used = decode_groups(text, n, &to);
	if (used < n)
		to = n - used == 4 ? decode_end(text + used, to) : NULL;
	if (to == NULL) {
		buf_add(out, "", 0); /* the closing NUL again */
		return err_set(e, ERR_DATA, "not base64");
	}
	*to = '\0';
	out->len = (size_t)((char *)to - out->data);
	return 0;
}

/* Digits that are no whole group; *n of them.  Returns whether they may be. */
static bool
flush(uint32_t *bits, size_t *n, struct buf *out)
{
	size_t digits = *n;

	if (digits >= 2)
		buf_addch(out, (char)(*bits >> (digits * 6 - 8)));
	if (digits == 3)
		buf_addch(out, (char)(*bits >> 2));
	*bits = 0;
	*n = 0;
	return digits != 1;
}

bool
base64_decode_lenient(const char *text, size_t n, struct buf *out)
{
	uint32_t bits = 0;
	size_t digits = 0;
	bool is_good = true;

	buf_grow(out, n / 4 * 3 + 3);
	for (size_t i = 0; i < n; i++) {
		uint32_t value = digit((unsigned char)text[i]);

		if (!(value & NO_DIGIT)) {
			bits = bits << 6 | value;
			if (++digits < 4)
				continue;
			buf_addch(out, (char)(bits >> 16));
			buf_addch(out, (char)(bits >> 8));
			buf_addch(out, (char)bits);
			bits = 0;
			digits = 0;
		} else if (text[i] == pad) {
			is_good &= flush(&bits, &digits, out);
		} else if (strchr(" \t\r\n", text[i]) == NULL ||
			   text[i] == '\0') {
			is_good = false;
		}
	}
	return flush(&bits, &digits, out) && is_good;
}
