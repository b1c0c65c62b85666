/* Unit tests of mail/header.c: where a header ends, and what is in it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "mail/defect.h"
#include "mail/header.h"

static int failures;

static const struct {
	const char *text;
	const char *from_line, *body;
	defect_set defects;
	const char *fields; /* "name=value|…", values squeezed */
} cases[] = {
    {"", "", "", DEFECT_NO_HEADER, ""},
    {"\n", "", "", DEFECT_NO_HEADER, ""},
    {"\r\nbody", "", "body", DEFECT_NO_HEADER, ""},
    {"A: b\n\nbody", "", "body", 0, "A=b"},
    {"A: b\r\n\r\nbody", "", "body", 0, "A=b"},
    {"A: b\n\r\nbody", "", "body", 0, "A=b"},
    /* The end of the message is an end, with or without a line end. */
    {"A: b\n", "", "", 0, "A=b"},
    {"A: b", "", "", 0, "A=b"},
    {"A:", "", "", 0, "A="},
    {"A: b\n ", "", "", 0, "A=b"},
    /* Names. */
    {"A \t: b\n\n", "", "", 0, "A=b"},
    {"From : b\n\n", "", "", 0, "From=b"},
    {"From  : b\n\n", "", "", 0, "From=b"},
    {"A: b\nan odd one: c\nD: e\n\n", "", "", DEFECT_BAD_FIELD_NAME,
	"A=b|an odd one=c|D=e"},
    {"A: b\n\xe4\xbb\xb6: c\n\n", "", "", DEFECT_BAD_FIELD_NAME,
	"A=b|\xe4\xbb\xb6=c"},
    {"A: b\n: c\n\n", "", "", DEFECT_BAD_FIELD_NAME, "A=b|=c"},
    {"an odd one: c\nD: e\n\n", "", "an odd one: c\nD: e\n\n", DEFECT_NO_HEADER,
	""},
    {": c\n\n", "", ": c\n\n", DEFECT_NO_HEADER, ""},
    /* Folding. */
    {"A: b\n c\n\td\nE: f\n\n", "", "", 0, "A=b c d|E=f"},
    {"A:\r\n  b\r\n \t \r\nE: f\r\n\r\n", "", "", 0, "A=b|E=f"},
    {"A:  b \t c  \n\n", "", "", 0, "A=b c"},
    {"\xef\xbb\xbf"
     "A: b\nC: d\n\ne",
	"", "e", 0, "A=b|C=d"},
    {"\xef\xbb\xbf\n", "", "", DEFECT_NO_HEADER, ""},
    {" stray\nA: b\n\n", "", "", DEFECT_STRAY_CONTINUATION, "A=b"},
    {" \n\nbody", "", " \n\nbody", DEFECT_NO_HEADER, ""},
    {" indented text\nmore\n", "", " indented text\nmore\n", DEFECT_NO_HEADER,
	""},
    /* A lone CR is data. */
    {"A: b\rB: c\n\n", "", "", 0, "A=b\rB: c"},
    {"A: b\r\r\n\r\n", "", "", 0, "A=b\r"},
    {"A: b\n\r", "", "\r", DEFECT_NO_BLANK_LINE, "A=b"},
    /* Text. */
    {"A: b\nno colon\nC: d\n\n", "", "no colon\nC: d\n\n", DEFECT_NO_BLANK_LINE,
	"A=b"},
    {"A: b\nno colon", "", "no colon", DEFECT_NO_BLANK_LINE, "A=b"},
    {"no colon\nA: b\n", "", "no colon\nA: b\n", DEFECT_NO_HEADER, ""},
    /* The "From " line. */
    {"From a@b Sat Nov 21\nA: b\n\n", "From a@b Sat Nov 21", "", 0, "A=b"},
    {"From a@b Sat Nov 21\r\nA: b\r\n\r\n", "From a@b Sat Nov 21", "", 0,
	"A=b"},
    {"From a@b Sat Nov 21\n", "", "From a@b Sat Nov 21\n", DEFECT_NO_HEADER,
	""},
    {"From a@b Sat Nov 21\n\nx", "", "From a@b Sat Nov 21\n\nx",
	DEFECT_NO_HEADER, ""},
    {"From here on\ntext\n", "", "From here on\ntext\n", DEFECT_NO_HEADER, ""},
    {"From a@b Sat Nov 21\n stray\nA: b\n\nx", "From a@b Sat Nov 21", "x",
	DEFECT_STRAY_CONTINUATION, "A=b"},
    {"From a@b Sat Nov 21\n stray\nx", "", "From a@b Sat Nov 21\n stray\nx",
	DEFECT_NO_HEADER, ""},
    {"From a@b Sat Nov 21", "", "From a@b Sat Nov 21", DEFECT_NO_HEADER, ""},
    {"From \nA: b\n\n", "", "From \nA: b\n\n", DEFECT_NO_HEADER, ""},
    {"A: b\nFrom a@b 10:00\n\n", "", "", DEFECT_BAD_FIELD_NAME,
	"A=b|From a@b 10=00"},
};

static void
fail(const char *name, const char *what, const char *got)
{
	fprintf(stderr, "header: %.60s: %s: %s\n", name, what, got);
	failures++;
}

static void
list_fields(const struct header *h, struct buf *out)
{
	struct buf value = BUF_INIT;

	for (size_t i = 0; i < h->n; i++) {
		header_squeeze(h->fields[i].value, &value);
		if (i > 0)
			buf_addch(out, '|');
		buf_add(out, h->fields[i].name.data, h->fields[i].name.len);
		buf_addch(out, '=');
		buf_add(out, value.data, value.len);
	}
	buf_addch(out, '\0');
	buf_release(&value);
}

static void
check_scan(size_t i, const struct header_scan *s, const char *how)
{
	const char *body = cases[i].text + s->size;
	char got[32];

	if (!s->is_done)
		fail(cases[i].text, how, "not done");
	if (strcmp(body, cases[i].body) != 0)
		fail(cases[i].text, how, body);
	snprintf(
	    got, sizeof got, "defects %llx", (unsigned long long)s->defects);
	if (s->defects != cases[i].defects)
		fail(cases[i].text, how, got);
}

static void
check_case(size_t i)
{
	const char *text = cases[i].text;
	size_t len = strlen(text);
	struct header_scan whole = {0}, pieces = {0};
	struct buf fields = BUF_INIT;
	struct header h;

	header_scan(&whole, text, len, true);
	check_scan(i, &whole, "whole");
	for (size_t n = 0; n <= len; n++)
		header_scan(&pieces, text, n, false);
	header_scan(&pieces, text, len, true);
	check_scan(i, &pieces, "byte by byte");

	header_parse(&h, text, &whole);
	list_fields(&h, &fields);
	if (h.from_line.len != strlen(cases[i].from_line) ||
	    memcmp(h.from_line.data, text, h.from_line.len) != 0)
		fail(text, "From line", cases[i].from_line);
	if (strcmp(fields.data, cases[i].fields) != 0)
		fail(text, "fields", fields.data);
	header_release(&h);
	buf_release(&fields);
}

/* The answer for n bytes of what, repeated, after prefix. */
static struct header_scan
scan_long(const char *prefix, const char *what, size_t n, struct header *h,
    struct buf *text)
{
	struct header_scan s = {0};

	buf_reset(text);
	buf_addstr(text, prefix);
	while (text->len < n)
		buf_addstr(text, what);
	header_scan(&s, text->data, text->len, true);
	header_parse(h, text->data, &s);
	return s;
}

static const struct {
	const char *prefix, *what;
	size_t n;
	defect_set defects;
	size_t fields;
} long_cases[] = {
    {"", "x", 3000000, DEFECT_NO_HEADER, 0},
    {"", "x: ", 3000000, DEFECT_HEADER_TOO_LONG, 0},
    {"", "x y: ", 3000000, DEFECT_NO_HEADER, 0},
    {"", "A: b\n", 3000000, DEFECT_HEADER_TOO_LONG | DEFECT_TOO_MANY_FIELDS,
	2000},
    {"A: b\n", " c\n", 3000000, DEFECT_HEADER_TOO_LONG, 1},
    {"A: b\n", "x", 3000000, DEFECT_NO_BLANK_LINE, 1},
    {"", "A: b\n", 10000, 0, 2000},
    {"", "A: b\n", 10005, DEFECT_TOO_MANY_FIELDS, 2000},
    {"From ", "x", 4097, DEFECT_NO_HEADER, 0},
    {"A: ", "x", HEADER_MAX, 0, 1},
    {"A: ", "x", HEADER_MAX + 1, DEFECT_HEADER_TOO_LONG, 0},
};

static void
check_long(size_t i)
{
	struct buf text = BUF_INIT;
	struct header h;
	struct header_scan s;
	char got[80];

	s = scan_long(long_cases[i].prefix, long_cases[i].what, long_cases[i].n,
	    &h, &text);
	snprintf(got, sizeof got, "defects %llx fields %zu",
	    (unsigned long long)(s.defects | h.defects), h.n);
	if ((s.defects | h.defects) != long_cases[i].defects ||
	    h.n != long_cases[i].fields)
		fail(long_cases[i].what, "long", got);
	header_release(&h);
	buf_release(&text);
}

/* Bytes that are no text, and looking up by name. */
static void
check_lookup(void)
{
	static const char text[] = "Sub\0ject: no\nSUBJECT: a\0b\nx: y\n"
				   "subject : c\nSubject2: d\n\n";
	struct header_scan s = {0};
	struct header h;
	const struct header_field *f;

	header_scan(&s, text, sizeof text - 1, true);
	header_parse(&h, text, &s);
	if (s.size != 0 || h.n != 0)
		fail("NUL in the first name", "is no header", "");
	header_release(&h);

	s = (struct header_scan){0};
	header_scan(&s, text + 13, sizeof text - 1 - 13, true);
	header_parse(&h, text + 13, &s);
	f = header_next(&h, "Subject", NULL);
	if (f == NULL || f->value.len != 4 ||
	    memcmp(f->value.data, " a\0b", 4) != 0)
		fail("lookup", "first", "not found");
	if (f != NULL)
		f = header_next(&h, "Subject", f);
	if (f == NULL || f->value.len != 2)
		fail("lookup", "second", "not found");
	if (f != NULL && header_next(&h, "Subject", f) != NULL)
		fail("lookup", "third", "found");
	header_release(&h);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_case(i);
	for (size_t i = 0; i < sizeof long_cases / sizeof *long_cases; i++)
		check_long(i);
	check_lookup();
	return failures > 0;
}
