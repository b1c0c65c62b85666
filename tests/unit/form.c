/* Unit tests of mail/form.c: the bytes that a handler gets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/file.h"
#include "mail/form.h"

enum {
	WINDOW = 65536, /* of mail/form.c */
	AT_S = 1795302360, /* Sat Nov 21 23:06:00 2026 */
};

static int failures;

static void
fail(const char *what, const char *detail)
{
	fprintf(stderr, "form: %s: %s\n", what, detail);
	failures++;
}

/* A file with these bytes, at its start. */
static int
file_of(const char *data, size_t len)
{
	struct err e = ERR_INIT;
	int fd = memfd_create("message", 0);

	if (fd == -1 || file_write(fd, data, len, -1, "memfd", &e) == -1 ||
	    lseek(fd, 0, SEEK_SET) != 0)
		exit(1);
	return fd;
}

/* The message in its form, or NULL: ERR_DATA. */
static char *
reform(enum mail_form form, const struct form_envelope *env, const char *data,
    size_t len, size_t *got_len)
{
	struct err e = ERR_INIT;
	struct buf got = BUF_INIT;
	int in = file_of(data, len), out = file_of("", 0);

	if (form_copy(form, env, in, out, &e) == -1) {
		if (e.class != ERR_DATA)
			fail("class", e.text);
		close(in);
		close(out);
		return NULL;
	}
	lseek(out, 0, SEEK_SET);
	if (file_read_fd(out, SIZE_MAX / 4, &got, "memfd", &e) == -1)
		fail("read", e.text);
	close(in);
	close(out);
	*got_len = got.len;
	return buf_detach(&got);
}

static const struct {
	const char *in, *want;
} lines[] = {
    {"", ""},
    {"a", "a"},
    {"a\n", "a\n"},
    {"a\r\n", "a\n"},
    {"a\r\nb\r\n\r\nc", "a\nb\n\nc"},
    {"\r\n", "\n"},
    {"\r", "\r"},
    {"a\rb", "a\rb"},
    {"a\r\r\nb", "a\r\nb"},
    {"a\n\rb\r", "a\n\rb\r"},
    {"\r\r\r", "\r\r\r"},
};

static void
test_lines(void)
{
	char *got;
	size_t len;

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		got = reform(
		    FORM_LF, NULL, lines[i].in, strlen(lines[i].in), &len);
		if (got == NULL || strcmp(got, lines[i].want) != 0)
			fail("lf", lines[i].want);
		free(got);
	}
}

#define DATE "  Sat Nov 21 23:06:00 2026\n"

static const struct {
	const char *sender, *recipient, *original_to;
	const char *want; /* before the message */
} headers[] = {
    {"a@example.com", "b@example.jp", "c@example.jp",
	"From a@example.com" DATE "Return-Path: <a@example.com>\n"
	"X-Original-To: c@example.jp\nDelivered-To: b@example.jp\n"},
    {"a@example.com", "b@example.jp", NULL,
	"From a@example.com" DATE "Return-Path: <a@example.com>\n"
	"Delivered-To: b@example.jp\n"},
    /* The null sender, and nothing known. */
    {"", "b@example.jp", "",
	"From MAILER-DAEMON" DATE "Return-Path: <>\n"
	"Delivered-To: b@example.jp\n"},
    {NULL, NULL, NULL, "From MAILER-DAEMON" DATE "Return-Path: <>\n"},
    /* Quoted where RFC 5322 wants it, once. */
    {"a..b@docomo.ne.jp", "a b@x", ".a@x",
	"From \"a..b\"@docomo.ne.jp" DATE
	"Return-Path: <\"a..b\"@docomo.ne.jp>\n"
	"X-Original-To: \".a\"@x\nDelivered-To: \"a b\"@x\n"},
    {"\"a..b\"@x", "a\"b\\c@x", "a@b@x",
	"From \"a..b\"@x" DATE "Return-Path: <\"a..b\"@x>\n"
	"X-Original-To: \"a@b\"@x\nDelivered-To: \"a\\\"b\\\\c\"@x\n"},
    {"root", "\xe3\x81\x82@x", "a.@x",
	"From root" DATE "Return-Path: <root>\n"
	"X-Original-To: \"a.\"@x\nDelivered-To: \xe3\x81\x82@x\n"},
};

static void
test_headers(void)
{
	static const char message[] = "Subject: x\r\n\r\nbody\r\n";
	char *got;
	size_t len, n;

	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
		const struct form_envelope env = {headers[i].sender,
		    headers[i].recipient, headers[i].original_to,
		    AT_S * INT64_C(1000)};

		n = strlen(headers[i].want);
		got =
		    reform(FORM_POSTFIX, &env, message, strlen(message), &len);
		if (got == NULL || strncmp(got, headers[i].want, n) != 0 ||
		    strcmp(got + n, "Subject: x\n\nbody\n") != 0)
			fail("postfix", got != NULL ? got : "refused");
		free(got);
	}
}

/* It came through local(8): it has all that already. */
static void
test_from_line(void)
{
	static const char message[] = "From a@x  date\r\nSubject: x\r\n";
	const struct form_envelope env = {"a@x", "b@x", NULL, 0};
	char *got;
	size_t len;

	got = reform(FORM_POSTFIX, &env, message, strlen(message), &len);
	if (got == NULL || strcmp(got, "From a@x  date\nSubject: x\n") != 0)
		fail("a From line", got != NULL ? got : "refused");
	free(got);
	got = reform(FORM_POSTFIX, &env, "From", 4, &len);
	if (got == NULL || strncmp(got, "From a@x", 8) != 0 ||
	    strcmp(got + len - 5, "\nFrom") != 0)
		fail("nearly a From line", got != NULL ? got : "refused");
	free(got);
}

/* Nobody writes a field of his own into the header. */
static void
test_injection(void)
{
	const struct form_envelope bad[] = {
	    {"a@x\nSubject: y", "b@x", NULL, 0},
	    {"a@x", "b@x\r", NULL, 0},
	    {"a@x", "b@x", "c\n@x", 0},
	};
	size_t len;
	char *got;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		got = reform(FORM_POSTFIX, &bad[i], "x", 1, &len);
		if (got != NULL)
			fail("injection", got);
		free(got);
	}
}

/* A CR LF that two windows share, at each place round the border; NUL stays. */
static void
test_windows(void)
{
	static char message[2 * WINDOW + 8];
	char *got;
	size_t len;

	for (size_t at = WINDOW - 2; at <= WINDOW + 1; at++) {
		memset(message, 0, sizeof message);
		message[at] = '\r';
		message[at + 1] = '\n';
		message[2 * WINDOW - 1] = '\r';
		got = reform(FORM_LF, NULL, message, 2 * WINDOW, &len);
		if (got == NULL || len != 2 * WINDOW - 1 || got[at] != '\n' ||
		    got[at - 1] != '\0' || got[at + 1] != '\0' ||
		    got[len - 1] != '\r')
			fail("windows", "wrong bytes");
		free(got);
	}
}

int
main(void)
{
	setenv("TZ", "UTC", 1);
	test_lines();
	test_headers();
	test_from_line();
	test_injection();
	test_windows();
	if (form_parse("raw") != FORM_RAW || form_parse("lf") != FORM_LF ||
	    form_parse("postfix") != FORM_POSTFIX || form_parse("") != -1)
		fail("form_parse", "wrong");
	return failures > 0;
}
