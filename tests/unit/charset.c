/* Unit tests of mail/charset.c: labels, UTF-8, and text in pieces. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "mail/charset.h"

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
    {"", NULL},
    {"x-unknown", NULL},
    {"utf-8x", NULL},
    {"a label that is longer than any label in the world could be", NULL},
};

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

int
main(void)
{
	check_labels();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_case(i);
	return failures > 0;
}
