/* Unit tests of mail/transfer.c: decoding, cut at every byte. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "mail/defect.h"
#include "mail/transfer.h"

#define I MIME_IDENTITY
#define B MIME_BASE64
#define Q MIME_QUOTED_PRINTABLE
#define U MIME_UUENCODE
#define BAD_Q DEFECT_BAD_QUOTED_PRINTABLE
#define BAD_B DEFECT_BAD_BASE64
#define BAD_U DEFECT_BAD_UUENCODE

static int failures;

static const struct {
	enum mime_encoding encoding;
	const char *text, *bytes;
	defect_set defects;
} cases[] = {
    {I, "", "", 0},
    {I, "any =41 thing\r\n", "any =41 thing\r\n", 0},
    /* Base64. */
    {B, "", "", 0},
    {B, "\r\n", "", 0},
    {B, "QUJD", "ABC", 0},
    {B, "QUJDRA==", "ABCD", 0},
    {B, "QUJDREU=", "ABCDE", 0},
    {B, "QUJDREVG\r\nR0hJSktM\nTU5P\r\n", "ABCDEFGHIJKLMNO", 0},
    {B, " Q U\tJ D R\r\nA = =\n", "ABCD", 0},
    {B, "//79", "\xff\xfe\xfd", 0},
    {B, "++++", "\xfb\xef\xbe", 0},
    /* Padding that is missing is fine, a character that says nothing not. */
    {B, "QUJDRA", "ABCD", 0},
    {B, "QUJDREU", "ABCDE", 0},
    {B, "QUJDR", "ABC", BAD_B},
    {B, "QUJDRA=", "ABCD", 0},
    /* Bits that say nothing. */
    {B, "QUJDRB==", "ABCD", 0},
    {B, "QUJDREX=", "ABCDE", 0},
    /* Bytes that are no base64. */
    {B, "QU-JD", "ABC", BAD_B},
    {B, "Q\x80U\xffJD\x01", "ABC", BAD_B},
    {B, "!", "", BAD_B},
    {B, "QUJD.", "ABC", BAD_B},
    /* Padding elsewhere. */
    {B, "=", "", BAD_B},
    {B, "QUJD=", "ABC", BAD_B},
    {B, "Q===", "", BAD_B},
    {B, "QQ==QUJD", "AABC", BAD_B},
    {B, "QQ==\nQg==\nQw==\n", "ABC", BAD_B},
    {B, "QQ=QUJD", "AABC", BAD_B},
    {B, "QUI=QQ==", "ABA", BAD_B},
    /* Quoted-printable. */
    {Q, "", "", 0},
    {Q, "plain", "plain", 0},
    {Q, "one\r\ntwo\nthree\r\n", "one\r\ntwo\nthree\r\n", 0},
    {Q, "=41=42=e3=81=A2", "AB\xe3\x81\xa2", 0},
    {Q, "=3D=3d41", "==41", 0},
    {Q, "=0D=0A", "\r\n", 0},
    /* Soft line ends. */
    {Q, "one=\r\ntwo=\nthree=", "onetwothree", 0},
    {Q, "one= \t \r\ntwo=\t\nthree= ", "onetwothree", 0},
    {Q, "one =\n two", "one  two", 0},
    {Q, "one=20=\ntwo", "one two", 0},
    {Q, "=\n=\r\n=", "", 0},
    {Q, "=4=\n1", "=41", BAD_Q},
    {Q, "==\n", "=", BAD_Q},
    /* Blanks at the end of a line. */
    {Q, "one \ntwo\t \r\nthree  ", "one\ntwo\r\nthree", 0},
    {Q, " \n\t\r\n ", "\n\r\n", 0},
    {Q, "one=20 \ntwo=09\n", "one \ntwo\t\n", 0},
    {Q, " one  two ", " one  two", 0},
    /* A CR that ends no line. */
    {Q, "one\rtwo \r three \r\r\n\r", "one\rtwo \r three \r\r\n\r", 0},
    {Q, "one=\rtwo", "one=\rtwo", BAD_Q},
    {Q, "one= \rtwo", "one= \rtwo", BAD_Q},
    {Q, "one =\r", "one =\r", BAD_Q},
    /* '=' alone. */
    {Q, "a=b", "a=b", BAD_Q},
    {Q, "a=4", "a=4", BAD_Q},
    {Q, "a=4g=g4", "a=4g=g4", BAD_Q},
    {Q, "a= b", "a= b", BAD_Q},
    {Q, "==41", "=A", BAD_Q},
    {Q, "=4=41", "=4A", BAD_Q},
    {Q, "a=4\r\n=\x80\xff", "a=4\r\n=\x80\xff", BAD_Q},
    /* Uuencode. */
    {U, "", "", BAD_U},
    {U, "text\n", "", BAD_U},
    {U, "begin 644 a\n#04)#\n`\nend\n", "ABC", 0},
    {U, "before\n\nbegin 0644 a b\r\n$04)#1```\r\n`\r\nend\r\nafter\n#04)#\n",
	"ABCD", 0},
    {U, "begin 644 a\n#04)#\nend", "ABC", 0},
    {U, "begin 644 a\n#04)#X\n \nend\n", "ABC", 0},
    {U, "begin 644 a\n\"04(\nend\n", "AB", 0},
    {U, "begin 644 a\n!00\nend\n", "A", 0},
    {U, "begin 644 a\n\n#04)#\n\nend\n", "ABC", 0},
    {U, "begin 644 a\n#04)#\nend\nbegin 644 b\n#04)#\nend\n", "ABC", 0},
    /* Not quite. */
    {U, "begin 644 a\n#04)#", "ABC", BAD_U},
    {U, "begin 644 a\n#04)#\n`\n", "ABC", BAD_U},
    {U, "begin 644 a\n#04\nend\n", "A@@", BAD_U},
    {U, "begin 644 a\n#04)~\nend\n", "AB@", BAD_U},
    {U, "begin 644 a\n#04)#\nend \n", "ABC", BAD_U},
    {U, "begin 64 a\n#04)#\nend\n", "", BAD_U},
    {U, "begin 644\n#04)#\nend\n", "", BAD_U},
    {U, "beginning\n#04)#\nend\n", "", BAD_U},
};

static void
fail(const char *text, const char *what, const char *got)
{
	fprintf(stderr, "transfer: %.60s: %s: %s\n", text, what, got);
	failures++;
}

/* Decode text: the bytes before cut at once, then step at a time. */
static defect_set
decode(enum mime_encoding encoding, const char *text, size_t len, size_t cut,
    size_t step, struct buf *out)
{
	struct transfer t;
	defect_set defects;
	size_t n;

	buf_reset(out);
	buf_addstr(out, "");
	transfer_begin(&t, encoding);
	transfer_add(&t, text, cut, out);
	for (size_t i = cut; i < len; i += n) {
		n = len - i < step ? len - i : step;
		transfer_add(&t, text + i, n, out);
	}
	transfer_end(&t, out);
	defects = t.defects;
	transfer_release(&t);
	return defects;
}

/* An '@' in the table may stand for NUL: what is missing is zero. */
static void
at_for_nul(enum mime_encoding encoding, struct buf *out)
{
	for (size_t i = 0; encoding == U && i < out->len; i++)
		if (out->data[i] == '\0')
			out->data[i] = '@';
}

static void
check_cut(size_t i, size_t cut, size_t step, struct buf *out)
{
	const char *text = cases[i].text;
	defect_set defects =
	    decode(cases[i].encoding, text, strlen(text), cut, step, out);
	char where[64];

	snprintf(where, sizeof where, "cut %zu step %zu", cut, step);
	if (defects != cases[i].defects)
		fail(text, where, defects ? "defects" : "no defects");
	at_for_nul(cases[i].encoding, out);
	if (out->len != strlen(cases[i].bytes) ||
	    memcmp(out->data, cases[i].bytes, out->len) != 0)
		fail(text, where, out->data);
}

static void
check_case(size_t i, struct buf *out)
{
	size_t len = strlen(cases[i].text);

	check_cut(i, 0, 1, out);
	for (size_t cut = 0; cut <= len; cut++)
		check_cut(i, cut, len, out);
}

/* prefix, n times what, suffix: gives as many bytes, however it is cut. */
static void
check_long(enum mime_encoding encoding, const char *prefix, const char *what,
    size_t n, const char *suffix, size_t size, defect_set defects)
{
	static const size_t steps[] = {1, 255, 256, 257, 997, 1000, 65536};
	struct buf text = BUF_INIT, out = BUF_INIT;
	char got[64];

	buf_addstr(&text, prefix);
	for (size_t i = 0; i < n; i++)
		buf_addstr(&text, what);
	buf_addstr(&text, suffix);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		defect_set d =
		    decode(encoding, text.data, text.len, 0, steps[i], &out);

		snprintf(
		    got, sizeof got, "step %zu: %zu bytes", steps[i], out.len);
		if (out.len != size || d != defects)
			fail(prefix, "long", got);
	}
	buf_release(&text);
	buf_release(&out);
}

int
main(void)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_case(i, &out);
	buf_release(&out);

	check_long(B, "", "QUJD\r\n", 10000, "QQ==", 30001, 0);
	check_long(B, "Q", "UJDQ", 10000, "", 30000, BAD_B);
	/* 998 blanks are dropped, more are text. */
	check_long(Q, "a", " ", 998, "\n", 2, 0);
	check_long(Q, "a", " ", 998, "", 1, 0);
	check_long(Q, "a", " ", 998, "\r\n", 3, 0);
	check_long(Q, "a", " ", 999, "\n", 1001, 0);
	check_long(Q, "a", " ", 999, "", 1000, 0);
	check_long(Q, "a", "\t ", 5000, "\r\n", 10003, 0);
	check_long(Q, "a", " ", 5000, "=\n \nb", 5003, 0);
	check_long(Q, "a=", " ", 998, "\nb", 2, 0);
	check_long(Q, "a=", " ", 999, "\nb", 1003, BAD_Q);
	check_long(Q, "", "a=\r\n", 5000, "", 5000, 0);
	check_long(Q, "", "=41", 5000, "", 5000, 0);
	check_long(Q, "", "=", 5000, "", 4999, BAD_Q);
	check_long(U, "begin 644 a\n", "#04)#\n", 5000, "end\n", 15000, 0);
	check_long(U, "begin 644 a\n_", "0", 5000, "\nend\n", 63, 0);
	check_long(U, "", "begin 644 a", 5000, "\n_\nend\n", 63, BAD_U);
	check_long(U, "", "x", 5000, "\n", 0, BAD_U);
	return failures > 0;
}
