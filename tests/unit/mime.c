/* Unit tests of mail/mime.c: the parts of messages, however they are cut. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "mail/defect.h"
#include "mail/mime.h"

#define MIXED "Content-Type: multipart/mixed; boundary=b\n"
#define ALT "Content-Type: multipart/alternative; boundary=c\n"
#define RFC822 "Content-Type: message/rfc822\n"

static int failures;

/*
 * The events as text: "<PATH TYPE" with " message", " base64" … and '>' for a
 * beginning, "</PATH CONTENT>" for an end.
 */
struct trace {
	struct buf events;
	struct buf contents[MIME_PARTS_MAX];
	char paths[MIME_PARTS_MAX][MIME_PATH_TEXT];
	size_t n;
};

static void
on_begin(void *ctx, const struct mime_part *part)
{
	static const char *const encodings[] = {
	    "", " base64", " quoted-printable", " uuencode"};
	struct trace *t = ctx;

	if (part->index != t->n || part->parent > part->index)
		buf_addstr(&t->events, "(bad index)");
	snprintf(t->paths[t->n], sizeof t->paths[t->n], "%s", part->path);
	t->n++;
	buf_addf(&t->events, "<%s %s%s%s%s>", part->path, part->type.value,
	    part->is_multipart ? " parts" : "",
	    part->is_message ? " message" : "", encodings[part->encoding]);
}

static void
on_content(void *ctx, size_t index, const char *data, size_t n)
{
	struct trace *t = ctx;

	buf_add(&t->contents[index], data, n);
}

static void
on_end(void *ctx, size_t index)
{
	struct trace *t = ctx;

	buf_addf(&t->events, "</%s", t->paths[index]);
	if (t->contents[index].len > 0)
		buf_addf(&t->events, " %s", t->contents[index].data);
	buf_addch(&t->events, '>');
}

static const struct mime_events events = {on_begin, on_content, on_end};

static const struct {
	const char *text, *events;
	defect_set defects;
} cases[] = {
    /* No multipart. */
    {"", "<1 text/plain></1>", DEFECT_NO_HEADER},
    {"A: b\n\nhello\n", "<1 text/plain></1 hello\n>", 0},
    {"A: b\r\n\r\nhello\r\n--b\r\n", "<1 text/plain></1 hello\r\n--b\r\n>", 0},
    {"A: b\nhello", "<1 text/plain></1 hello>", DEFECT_NO_BLANK_LINE},
    {"hello", "<1 text/plain></1 hello>", DEFECT_NO_HEADER},
    {"From x y\nA: b\n\nhello", "<1 text/plain></1 hello>", 0},
    {"Content-Type: TEXT/Html; charset=x\n\nhello", "<1 text/html></1 hello>",
	0},
    {"Content-Type: text/html\nContent-Type: text/plain\n\nhello",
	"<1 text/html></1 hello>", DEFECT_DUPLICATE_FIELD},
    /* Encodings. */
    {"Content-Transfer-Encoding: BASE64\n\nhello",
	"<1 text/plain base64></1 hello>", 0},
    {"Content-Transfer-Encoding: 8bit\n\nhello", "<1 text/plain></1 hello>", 0},
    {"Content-Transfer-Encoding: quoted-printable\n\nhello",
	"<1 text/plain quoted-printable></1 hello>", 0},
    {"Content-Transfer-Encoding: x-uue\n\nhello",
	"<1 text/plain uuencode></1 hello>", 0},
    {"Content-Transfer-Encoding: base46\n\nhello", "<1 text/plain></1 hello>",
	DEFECT_BAD_ENCODING},
    {"Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n\n"
     "hello",
	"<1 text/plain></1 hello>", DEFECT_DUPLICATE_FIELD},
    {"Content-Transfer-Encoding: base64\n" MIXED "\n--b\n\nx\n--b--",
	"<1 multipart/mixed parts><1.1 text/plain></1.1 x></1>",
	DEFECT_BAD_ENCODING},
    /* Parts. */
    {MIXED "\npreamble\n--b\n\none\n--b\nA: b\n\ntwo\n\n--b--\nepilogue\n",
	"<1 multipart/mixed parts><1.1 text/plain></1.1 one>"
	"<1.2 text/plain></1.2 two\n></1>",
	0},
    {"Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\npreamble\r\n"
     "--b\r\n\r\none\r\n--b\r\nA: b\r\n\r\ntwo\r\n\r\n--b--\r\nepilogue\r\n",
	"<1 multipart/mixed parts><1.1 text/plain></1.1 one>"
	"<1.2 text/plain></1.2 two\r\n></1>",
	0},
    {MIXED "\n--b\n\none\r\n--b\n\r\ntwo\r\r\n--b\n\nthree\r\n--b--",
	"<1 multipart/mixed parts><1.1 text/plain></1.1 one>"
	"<1.2 text/plain></1.2 two\r><1.3 text/plain></1.3 three></1>",
	0},
    {MIXED "\n--b\n\n\n\n--b\n\n--b\n\n\n--b--",
	"<1 multipart/mixed parts><1.1 text/plain></1.1 \n>"
	"<1.2 text/plain></1.2><1.3 text/plain></1.3></1>",
	0},
    /* Lines that are boundaries, and some that are not. */
    {MIXED "\n--b \t\n\none\n--b-- \nx\n--b\n",
	"<1 multipart/mixed parts><1.1 text/plain></1.1 one></1>", 0},
    {MIXED "\n--b\n\n--bb\n--\n-\n---\n --b\n--b-\n-- b\nx--b\n--b--",
	"<1 multipart/mixed parts><1.1 text/plain>"
	"</1.1 --bb\n--\n-\n---\n --b\n--b-\n-- b\nx--b></1>",
	0},
    {MIXED "\n--b\n\none\n--B\n--b----\n--b --\n--b--",
	"<1 multipart/mixed parts><1.1 text/plain>"
	"</1.1 one\n--B\n--b----\n--b --></1>",
	0},
    {"Content-Type: multipart/mixed; boundary=\"--\"\n\n----\n\none\n------\n",
	"<1 multipart/mixed parts><1.1 text/plain></1.1 one></1>", 0},
    {"Content-Type: multipart/mixed; boundary=\"b \"\n\n--b\n\none\n--b--\n",
	"<1 multipart/mixed parts><1.1 text/plain></1.1 one></1>", 0},
    /* The longer boundary counts. */
    {"Content-Type: multipart/mixed; boundary=b\n\n--b\n"
     "Content-Type: multipart/mixed; boundary=bb\n\n--bb\n\none\n--bb--\n"
     "--b\n\ntwo\n--b--",
	"<1 multipart/mixed parts><1.1 multipart/mixed parts>"
	"<1.1.1 text/plain></1.1.1 one></1.1><1.2 text/plain></1.2 two></1>",
	0},
    {"Content-Type: multipart/mixed; boundary=b--\n\n--b--\n"
     "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n\ntwo\n"
     "--b----",
	"<1 multipart/mixed parts><1.1 multipart/mixed parts>"
	"<1.1.1 text/plain></1.1.1 one></1.1><1.2 text/plain></1.2 two></1>",
	DEFECT_UNCLOSED_MULTIPART},
    /* One boundary for two multiparts: the inner one's first. */
    {MIXED "\n--b\n" MIXED "\n--b\n\none\n--b--\n--b\n\ntwo\n--b--\n",
	"<1 multipart/mixed parts><1.1 multipart/mixed parts>"
	"<1.1.1 text/plain></1.1.1 one></1.1><1.2 text/plain></1.2 two></1>",
	0},
    /* Not closed. */
    {MIXED "\n--b\n\none\n",
	"<1 multipart/mixed parts><1.1 text/plain></1.1 one\n></1>",
	DEFECT_UNCLOSED_MULTIPART},
    {MIXED "\n--b", "<1 multipart/mixed parts><1.1 text/plain></1.1></1>",
	DEFECT_UNCLOSED_MULTIPART},
    {MIXED "\n--b\nA: b", "<1 multipart/mixed parts><1.1 text/plain></1.1></1>",
	DEFECT_UNCLOSED_MULTIPART},
    {MIXED "\nnothing\n", "<1 multipart/mixed parts></1>",
	DEFECT_UNCLOSED_MULTIPART},
    {MIXED, "<1 multipart/mixed parts></1>", DEFECT_UNCLOSED_MULTIPART},
    {MIXED "\n--b\n" ALT "\n--c\n\none\n--b\n\ntwo\n--b--\n",
	"<1 multipart/mixed parts><1.1 multipart/alternative parts>"
	"<1.1.1 text/plain></1.1.1 one></1.1><1.2 text/plain></1.2 two></1>",
	DEFECT_UNCLOSED_MULTIPART},
    {MIXED "\n--b\n" ALT "\n--c\n\none\n--b--\n--c\n",
	"<1 multipart/mixed parts><1.1 multipart/alternative parts>"
	"<1.1.1 text/plain></1.1.1 one></1.1></1>",
	DEFECT_UNCLOSED_MULTIPART},
    {MIXED "\n--b\n" ALT "\n--c\n\none\n--c--\nbetween\n--b--\n--c\n",
	"<1 multipart/mixed parts><1.1 multipart/alternative parts>"
	"<1.1.1 text/plain></1.1.1 one></1.1></1>",
	0},
    /* No boundary. */
    {"Content-Type: multipart/mixed\n\n--b\n\none\n",
	"<1 multipart/mixed></1 --b\n\none\n>", DEFECT_NO_BOUNDARY},
    {"Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\none\n",
	"<1 multipart/mixed></1 --\n\none\n>", DEFECT_NO_BOUNDARY},
    {"Content-Type: multipart/mixed; boundary=\" \"\n\n--\n\none\n",
	"<1 multipart/mixed></1 --\n\none\n>", DEFECT_NO_BOUNDARY},
    /* Headers that end without blank line. */
    {MIXED "--b\n\none\n--b--",
	"<1 multipart/mixed parts><1.1 text/plain></1.1 one></1>",
	DEFECT_NO_BLANK_LINE},
    {MIXED "--b--", "<1 multipart/mixed parts></1>", DEFECT_NO_BLANK_LINE},
    {MIXED "\n--b\nContent-Type: text/html\n--b\n--b\n\n--b\ntext\n--b--",
	"<1 multipart/mixed parts><1.1 text/html></1.1><1.2 text/plain></1.2>"
	"<1.3 text/plain></1.3><1.4 text/plain></1.4 text></1>",
	DEFECT_NO_BLANK_LINE},
    {MIXED "\n--b\n" ALT "--c\n\none\n--b--",
	"<1 multipart/mixed parts><1.1 multipart/alternative parts>"
	"<1.1.1 text/plain></1.1.1 one></1.1></1>",
	DEFECT_NO_BLANK_LINE | DEFECT_UNCLOSED_MULTIPART},
    {MIXED "\n--b\n" ALT "--b--",
	"<1 multipart/mixed parts><1.1 multipart/alternative parts></1.1></1>",
	DEFECT_UNCLOSED_MULTIPART},
    {MIXED "\n--b\n stray\n--b\nFrom x y\n stray\n\n--b--",
	"<1 multipart/mixed parts><1.1 text/plain></1.1  stray>"
	"<1.2 text/plain></1.2 From x y\n stray\n></1>",
	DEFECT_NO_BLANK_LINE},
    {MIXED "\n--b\n--x: y\n\none\n--b--",
	"<1 multipart/mixed parts><1.1 text/plain></1.1 one></1>", 0},
    /* Messages in messages. */
    {RFC822 "\nA: b\n\nhello\n",
	"<1 message/rfc822 message><1.1 text/plain></1.1 hello\n>"
	"</1 A: b\n\nhello\n>",
	0},
    {RFC822 "\n" RFC822 "\nhello",
	"<1 message/rfc822 message><1.1 message/rfc822 message>"
	"<1.1.1 text/plain></1.1.1 hello></1.1 hello></1 " RFC822 "\nhello>",
	DEFECT_NO_BLANK_LINE},
    {RFC822 "A: b", "<1 message/rfc822 message><1.1 text/plain></1.1></1>", 0},
    {RFC822 "no colon",
	"<1 message/rfc822 message><1.1 text/plain></1.1 no colon>"
	"</1 no colon>",
	DEFECT_NO_BLANK_LINE},
    {MIXED "\n--b\n" RFC822 "\n" ALT "\npre\n--c\n\none\n--c--\nepi\n"
	   "--b\n\ntwo\n--b--\n",
	"<1 multipart/mixed parts><1.1 message/rfc822 message>"
	"<1.1.1 multipart/alternative parts>"
	"<1.1.1.1 text/plain></1.1.1.1 one></1.1.1>"
	"</1.1 " ALT "\npre\n--c\n\none\n--c--\nepi>"
	"<1.2 text/plain></1.2 two></1>",
	0},
    {MIXED "\n--b\n" RFC822 "\nA: b\n\n--b\n" RFC822 "\nA: b\n--b\n" RFC822
	   "\n--b\n" RFC822 "--b--\n",
	"<1 multipart/mixed parts>"
	"<1.1 message/rfc822 message><1.1.1 text/plain></1.1.1></1.1 A: b\n>"
	"<1.2 message/rfc822 message><1.2.1 text/plain></1.2.1></1.2 A: b>"
	"<1.3 message/rfc822 message><1.3.1 text/plain></1.3.1></1.3>"
	"<1.4 message/rfc822 message><1.4.1 text/plain></1.4.1></1.4></1>",
	0},
    {MIXED "\n--b\n" RFC822 "\n" MIXED "\n--b\n\none\n\n--b--\n--b--\n",
	"<1 multipart/mixed parts><1.1 message/rfc822 message>"
	"<1.1.1 multipart/mixed parts><1.1.1.1 text/plain></1.1.1.1 one\n>"
	"</1.1.1></1.1 " MIXED "\n--b\n\none\n\n--b--></1>",
	0},
    {"Content-Type: message/global\nContent-Transfer-Encoding: base64\n\nQUJD",
	"<1 message/global base64></1 QUJD>", 0},
    {"Content-Type: message/delivery-status\n\nA: b\n",
	"<1 message/delivery-status></1 A: b\n>", 0},
    {"Content-Type: text/rfc822-headers\n\nA: b\n",
	"<1 text/rfc822-headers></1 A: b\n>", 0},
    /* RFC 2046 5.1.5 */
    {"Content-Type: multipart/digest; boundary=b\n\n--b\n\nA: b\n\none\n"
     "--b\nContent-Type: text/html\n\ntwo\n--b\n\n--b\nno colon\n--b--\n",
	"<1 multipart/digest parts>"
	"<1.1 message/rfc822 message><1.1.1 text/plain></1.1.1 one>"
	"</1.1 A: b\n\none><1.2 text/html></1.2 two>"
	"<1.3 message/rfc822 message><1.3.1 text/plain></1.3.1></1.3>"
	"<1.4 message/rfc822 message><1.4.1 text/plain></1.4.1 no colon>"
	"</1.4 no colon></1>",
	DEFECT_NO_BLANK_LINE},
};

static void
fail(const char *name, const char *what, const char *got)
{
	fprintf(stderr, "mime: %.80s: %s: %s\n", name, what, got);
	failures++;
}

static void
trace_reset(struct trace *t)
{
	buf_reset(&t->events);
	for (size_t i = 0; i < t->n; i++)
		buf_reset(&t->contents[i]);
	t->n = 0;
}

static void
trace_release(struct trace *t)
{
	buf_release(&t->events);
	for (size_t i = 0; i < MIME_PARTS_MAX; i++)
		buf_release(&t->contents[i]);
}

/* Feed text: the bytes before cut at once, then step at a time. */
static defect_set
run(struct trace *t, const char *text, size_t len, size_t cut, size_t step)
{
	struct mime *m = mime_new(&events, t);
	defect_set defects;
	size_t n;

	trace_reset(t);
	mime_add(m, text, cut);
	for (size_t i = cut; i < len; i += n) {
		n = len - i < step ? len - i : step;
		mime_add(m, text + i, n);
	}
	mime_end(m);
	defects = mime_defects(m);
	mime_free(m);
	return defects;
}

static void
check_run(size_t i, struct trace *t, size_t cut, size_t step)
{
	const char *text = cases[i].text;
	defect_set defects = run(t, text, strlen(text), cut, step);
	char got[64];

	if (strcmp(t->events.data, cases[i].events) != 0) {
		snprintf(got, sizeof got, "cut %zu step %zu", cut, step);
		fail(text, got, t->events.data);
	}
	snprintf(got, sizeof got, "%llx", (unsigned long long)defects);
	if (defects != cases[i].defects)
		fail(text, "defects", got);
}

static void
check_case(size_t i, struct trace *t)
{
	size_t len = strlen(cases[i].text);

	check_run(i, t, 0, 1);
	for (size_t cut = 0; cut <= len; cut++)
		check_run(i, t, cut, len);
}

/* A text of many, and what becomes of it. */
static void
check_long(const char *name, const struct buf *text, size_t n_parts,
    const char *last_path, defect_set defects)
{
	struct trace t = {0};
	struct buf want = BUF_INIT;
	defect_set got = run(&t, text->data, text->len, 0, text->len);
	char number[64];

	snprintf(
	    number, sizeof number, "%zu parts, last %s", t.n, t.paths[t.n - 1]);
	if (t.n != n_parts || strcmp(t.paths[t.n - 1], last_path) != 0)
		fail(name, "parts", number);
	snprintf(number, sizeof number, "%llx", (unsigned long long)got);
	if (got != defects)
		fail(name, "defects", number);
	buf_add(&want, t.events.data, t.events.len);
	for (size_t step = 1; step < 5000; step = step * 3 + 1) {
		if (step < 100 && text->len > 1000000)
			continue;
		if (run(&t, text->data, text->len, 0, step) != got ||
		    strcmp(t.events.data, want.data) != 0)
			fail(name, "cut", "other events");
	}
	buf_release(&want);
	trace_release(&t);
}

static void
repeat(struct buf *b, const char *s, size_t times)
{
	for (size_t i = 0; i < times; i++)
		buf_addstr(b, s);
}

static void
check_many_parts(void)
{
	struct buf b = BUF_INIT;

	buf_addstr(&b, MIXED "\n");
	repeat(&b, "--b\n\nx\n", MIME_PARTS_MAX - 1);
	buf_addstr(&b, "--b--\n");
	check_long("parts", &b, MIME_PARTS_MAX, "1.999", 0);

	buf_reset(&b);
	buf_addstr(&b, MIXED "\n");
	repeat(&b, "--b\n\nx\n", 20000);
	buf_addstr(&b, "--b--\n");
	check_long(
	    "more parts", &b, MIME_PARTS_MAX, "1.999", DEFECT_TOO_MANY_PARTS);

	buf_reset(&b);
	buf_addstr(&b, MIXED "\n");
	repeat(&b, "--b\n\nx\n", MIME_PARTS_MAX - 2);
	buf_addstr(&b, "--b\n" RFC822 "\nA: b\n\nx\n--b--\n");
	check_long("a message as the last part", &b, MIME_PARTS_MAX, "1.999",
	    DEFECT_TOO_MANY_PARTS);
	buf_release(&b);
}

static void
check_nesting(void)
{
	struct buf b = BUF_INIT, path = BUF_INIT;

	for (size_t i = 0; i < 100000; i++)
		buf_addf(&b,
		    "Content-Type: multipart/mixed; boundary=%zu\n\n--%zu\n", i,
		    i);
	buf_addch(&path, '1');
	repeat(&path, ".1", MIME_DEPTH_MAX - 1);
	check_long("nesting", &b, MIME_DEPTH_MAX, path.data,
	    DEFECT_TOO_DEEP | DEFECT_UNCLOSED_MULTIPART);

	buf_reset(&b);
	repeat(&b, RFC822 "\n", 100);
	buf_reset(&path);
	buf_addch(&path, '1');
	repeat(&path, ".1", MIME_MESSAGES_MAX);
	check_long(
	    "messages", &b, MIME_MESSAGES_MAX + 1, path.data, DEFECT_TOO_DEEP);
	buf_release(&b);
	buf_release(&path);
}

/* Lines about as long as a boundary may be. */
static void
check_long_lines(void)
{
	struct buf b = BUF_INIT;

	for (size_t n = MIME_BOUNDARY_MAX; n <= MIME_BOUNDARY_MAX + 1; n++) {
		buf_reset(&b);
		buf_addstr(&b, "Content-Type: multipart/mixed; boundary=");
		repeat(&b, "x", n);
		buf_addstr(&b, "\n\n--");
		repeat(&b, "x", n);
		buf_addstr(&b, "\n\nhello\n--");
		repeat(&b, "x", n);
		buf_addstr(&b, "--\n");
		if (n == MIME_BOUNDARY_MAX)
			check_long("long boundary", &b, 2, "1.1", 0);
		else
			check_long(
			    "longer boundary", &b, 1, "1", DEFECT_NO_BOUNDARY);
	}
	for (size_t n = 990; n < 1010; n++) {
		bool is_boundary = 3 + n + 1 <= 1000;

		buf_reset(&b);
		buf_addstr(&b, MIXED "\n--b");
		repeat(&b, " ", n);
		buf_addstr(&b, "\n\nhello\n--b--\n");
		check_long("blanks", &b, is_boundary ? 2 : 1,
		    is_boundary ? "1.1" : "1", 0);
		/* The same at the end of the message, without line end. */
		b.len -= strlen("\n\nhello\n--b--\n");
		check_long("blanks at the end", &b, is_boundary ? 2 : 1,
		    is_boundary ? "1.1" : "1", DEFECT_UNCLOSED_MULTIPART);
	}
	buf_reset(&b);
	buf_addstr(&b, MIXED "\n--b\nA: ");
	repeat(&b, "x", HEADER_MAX);
	buf_addstr(&b, "\nB: c\n\n--b\n\nx\n--b--\n");
	check_long("long header", &b, 3, "1.2", DEFECT_HEADER_TOO_LONG);
	buf_release(&b);
}

/* What the message's own header is, and where its body begins. */
static void
check_header(void)
{
	static const char text[] = "From x y\nA: b\n" MIXED "--b\n\nx\n--b--\n";
	struct trace t = {0};
	struct mime *m = mime_new(&events, &t);

	mime_add(m, text, sizeof text - 1);
	mime_end(m);
	if (mime_from_size(m) != 9 ||
	    mime_header_size(m) != 14 + strlen(MIXED) ||
	    header_next(mime_header(m), "a", NULL) == NULL ||
	    mime_header(m)->n != 2 ||
	    mime_header(m)->defects != DEFECT_NO_BLANK_LINE)
		fail(text, "header", "other");
	mime_free(m);
	trace_release(&t);
}

int
main(void)
{
	struct trace t = {0};

	buf_addstr(&t.events, "");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_case(i, &t);
	trace_release(&t);
	check_many_parts();
	check_nesting();
	check_long_lines();
	check_header();
	return failures > 0;
}
