/* Unit tests of mail/fingerprint.c: which mails are the same mail. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/id.h"
#include "mail/fingerprint.h"
#include "mail/header.h"

static int failures;

static void
expect(bool ok, const char *what, const char *a, const char *b)
{
	if (ok)
		return;
	fprintf(stderr, "fingerprint: %s: \"%.60s\", \"%.60s\"\n", what, a, b);
	failures++;
}

/* The body's digest, fed in pieces of step bytes. */
static char *
body(const char *s, size_t step, char text[DIGEST_TEXT])
{
	struct body_digest b;
	size_t n;

	body_digest_init(&b);
	for (size_t len = strlen(s); len > 0; len -= n, s += n) {
		n = step < len ? step : len;
		body_digest_add(&b, s, n);
	}
	return body_digest_text(&b, text);
}

/* The same bytes as those that are hashed for them. */
static const struct {
	const char *body, *hashed;
} bodies[] = {
    {"", ""},
    {"\n", ""},
    {"\r\n\r\n\n", ""},
    {"a", "a"},
    {"a\n", "a"},
    {"a\r\n", "a"},
    {"a\r\n\r\n\n", "a"},
    {"\na", "\na"},
    {"\r\n\r\na", "\n\na"},
    {"a\r\nb\r\n", "a\nb"},
    {"a\n\r\n\nb\n", "a\n\n\nb"},
    {"a\rb", "a\rb"},
    {"a\r\r\nb", "a\r\nb"},
    {"a\r", "a\r"},
    {"a\n\r", "a\n\r"},
    {"\r", "\r"},
    {"\r\r\r\n\r", "\r\r\n\r"},
    {" \n", " "},
    {"a \n\t\n", "a \n\t"},
};

static void
check_bodies(void)
{
	char got[DIGEST_TEXT], want[DIGEST_TEXT];
	struct digest d;

	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		digest_init(&d);
		digest_add(&d, bodies[i].hashed, strlen(bodies[i].hashed));
		digest_text(&d, want);
		for (size_t step = 1; step <= 8; step++)
			expect(
			    strcmp(body(bodies[i].body, step, got), want) == 0,
			    "body", bodies[i].body, bodies[i].hashed);
	}
}

static void
check_long_end(void)
{
	char a[DIGEST_TEXT], b[DIGEST_TEXT];
	struct buf text = BUF_INIT;

	buf_addstr(&text, "a");
	for (int i = 0; i < 1000; i++)
		buf_addch(&text, '\n');
	body(text.data, 999, a);
	expect(strcmp(a, body("a", 1, b)) == 0, "long end", "a", "a…");
	buf_addstr(&text, "b");
	expect(strcmp(body(text.data, 700, a), body(text.data, 3, b)) == 0,
	    "pieces", a, b);
	expect(strcmp(a, body("a\nb", 1, b)) != 0, "lines inside", a, b);
	buf_release(&text);
}

static char *
of_header(const char *tenant, const char *recipient, const char *text,
    char out[FINGERPRINT_TEXT])
{
	struct header_scan s = {0};
	struct header h;

	header_scan(&s, text, strlen(text), true);
	header_parse(&h, text, &s);
	fingerprint_mail(tenant, recipient, &h, "b2:00", out);
	header_release(&h);
	return out;
}

#define MAIL "From: a\nTo: b\nSubject: c d\nDate: e\nMessage-ID: f\n\n"

static const struct {
	const char *tenant, *recipient, *header;
	bool is_same; /* as "t", "r@x" and MAIL */
} mails[] = {
    {"t", "r@x", MAIL, true},
    {"t", "R@X", MAIL, true},
    {"T", "r@x", MAIL, false},
    {"t", "s@x", MAIL, false},
    {"tr", "@x", MAIL, false},
    {"t", "r@x", "Received: x\nDelivered-To: r\n" MAIL, true},
    {"t", "r@x", "From x Sat Nov 21\n" MAIL, true},
    {"t", "r@x",
	"MESSAGE-ID:f\r\ndate: e\r\nSubject :\r\n c\r\n\td \r\nFrom:a\r\n"
	"To:  b\r\n\r\n",
	true},
    {"t", "r@x", "From: A\nTo: b\nSubject: c d\nDate: e\nMessage-ID: f\n\n",
	false},
    {"t", "r@x", "From: a\nCc: b\nSubject: c d\nDate: e\nMessage-ID: f\n\n",
	false},
    {"t", "r@x", "From: a\nTo: b\nSubject: c  dx\nDate: e\nMessage-ID: f\n\n",
	false},
    {"t", "r@x", "From: a\nTo: b\nSubject: c d\nDate: g\nMessage-ID: f\n\n",
	false},
    {"t", "r@x", "From: a\nTo: b\nSubject: c d\nDate: e\n\n", false},
    {"t", "r@x", "Subject: z\n" MAIL, false},
    {"t", "r@x",
	"From: a\nFrom: \nTo: b\nSubject: c d\nDate: e\nMessage-ID: f\n\n",
	false},
};

static void
check_mails(void)
{
	char want[FINGERPRINT_TEXT], got[FINGERPRINT_TEXT];
	char swapped[FINGERPRINT_TEXT];

	of_header("t", "r@x", MAIL, want);
	for (size_t i = 0; i < sizeof mails / sizeof *mails; i++) {
		of_header(
		    mails[i].tenant, mails[i].recipient, mails[i].header, got);
		expect((strcmp(got, want) == 0) == mails[i].is_same, "mail",
		    mails[i].header, mails[i].recipient);
	}
	of_header("t", "r@x", "Subject: a\nSubject: b\n\n", got);
	of_header("t", "r@x", "Subject: b\nSubject: a\n\n", swapped);
	expect(strcmp(got, swapped) != 0, "order", "a b", "b a");
}

/* Fixed for ever: a stored fingerprint must match that of a later release. */
static void
check_format(void)
{
	char got[FINGERPRINT_TEXT];

	of_header("ne-001", "Info@Example.JP", MAIL, got);
	expect(strcmp(got, "f1:"
			   "44852fa4353b44e68ccb23fdc1bd6c7ce9061677c665b146445"
			   "aa97ccbe4a40f") == 0,
	    "format", got, "mail");
	fingerprint_raw("ne-001", "Info@Example.JP", "b2:00", got);
	expect(strcmp(got, "f1:"
			   "fbb7d925f330d9f9192cf2c9ad15bb32e5108b1725fc5be95e2"
			   "5627f125a129c") == 0,
	    "format", got, "raw");
}

static void
check_identity(void)
{
	static const struct {
		const char *header;
		bool has;
	} rows[] = {{"Subject: x\n\n", false}, {"Date: x\n\n", true},
	    {"message-id: x\n\n", true}, {"Date:\nMessage-ID: \n \n\n", false},
	    {"Date:\nDate: x\n\n", true}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct header_scan s = {0};
		struct header h;

		header_scan(&s, rows[i].header, strlen(rows[i].header), true);
		header_parse(&h, rows[i].header, &s);
		expect(fingerprint_has_identity(&h) == rows[i].has, "identity",
		    rows[i].header, "");
		header_release(&h);
	}
}

int
main(void)
{
	check_bodies();
	check_long_end();
	check_mails();
	check_format();
	check_identity();
	return failures > 0;
}
