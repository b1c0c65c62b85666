#include "mail/form.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/file.h"
#include "mail/address.h"

enum {
	WINDOW = 65536,
};

#define FROM_LINE "From "

static const char *const names[] = {
    [FORM_RAW] = "raw",
    [FORM_POSTFIX] = "postfix",
    [FORM_LF] = "lf",
};

int
form_parse(const char *name)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

static int
check_address(const char *what, const char *address, struct err *e)
{
	if (address != NULL && strpbrk(address, "\r\n") != NULL)
		return err_set(
		    e, ERR_DATA, "the envelope's %s holds a line end", what);
	return 0;
}

/* asctime(3) in local time, without its line end. */
static void
add_date(struct buf *b, int64_t at_ms)
{
	time_t s = (time_t)(at_ms / 1000);
	struct tm tm;
	char text[64];

	localtime_r(&s, &tm);
	if (strftime(text, sizeof text, "%a %b %e %H:%M:%S %Y", &tm) > 0)
		buf_addstr(b, text);
}

static void
add_header(struct buf *b, const struct form_envelope *env)
{
	const char *sender = env->sender != NULL ? env->sender : "";

	buf_addstr(b, FROM_LINE);
	address_quote(b, sender[0] != '\0' ? sender : "MAILER-DAEMON");
	buf_addstr(b, "  ");
	add_date(b, env->at_ms);
	buf_addstr(b, "\nReturn-Path: <");
	address_quote(b, sender);
	buf_addstr(b, ">\n");
	if (env->original_to != NULL && env->original_to[0] != '\0') {
		buf_addstr(b, "X-Original-To: ");
		address_quote(b, env->original_to);
		buf_addch(b, '\n');
	}
	if (env->recipient != NULL && env->recipient[0] != '\0') {
		buf_addstr(b, "Delivered-To: ");
		address_quote(b, env->recipient);
		buf_addch(b, '\n');
	}
}

static int
check_envelope(const struct form_envelope *env, struct err *e)
{
	if (check_address("sender", env->sender, e) == -1 ||
	    check_address("recipient", env->recipient, e) == -1 ||
	    check_address("original recipient", env->original_to, e) == -1)
		return -1;
	return 0;
}

/* Fill the window; the number of bytes in it, 0 at the end. */
static ssize_t
read_window(int fd, char *window, struct err *e)
{
	size_t n = 0;
	ssize_t r;

	while (n < WINDOW) {
		r = read(fd, window + n, WINDOW - n);
		if (r == -1 && errno == EINTR)
			continue;
		if (r == -1)
			return err_errno(e, "message: read");
		if (r == 0)
			break;
		n += (size_t)r;
	}
	return (ssize_t)n;
}

/*
 * Append a window without the CR of each CR LF.  A CR at its end waits in
 * *held for the next one.
 */
static void
add_lines(struct buf *b, const char *s, size_t len, bool *held)
{
	const char *end = s + len, *cr;

	if (*held && (len == 0 || *s != '\n'))
		buf_addch(b, '\r');
	*held = false;
	while (s < end) {
		cr = memchr(s, '\r', (size_t)(end - s));
		if (cr == NULL) {
			buf_add(b, s, (size_t)(end - s));
			return;
		}
		buf_add(b, s, (size_t)(cr - s));
		s = cr + 1;
		if (s == end)
			*held = true;
		else if (*s != '\n')
			buf_addch(b, '\r');
	}
}

static int
copy(enum mail_form form, const struct form_envelope *env, int in, int out,
    char *window, struct buf *b, struct err *e)
{
	bool held = false, is_first = true;
	ssize_t n;

	do {
		n = read_window(in, window, e);
		if (n == -1)
			return -1;
		buf_reset(b);
		if (is_first && form == FORM_POSTFIX &&
		    (n < (ssize_t)strlen(FROM_LINE) ||
			memcmp(window, FROM_LINE, strlen(FROM_LINE)) != 0))
			add_header(b, env);
		is_first = false;
		add_lines(b, window, (size_t)n, &held);
		if (file_write(out, b->data, b->len, -1, "message", e) == -1)
			return -1;
	} while (n == WINDOW);
	return held ? file_write(out, "\r", 1, -1, "message", e) : 0;
}

int
form_copy(enum mail_form form, const struct form_envelope *env, int in, int out,
    struct err *e)
{
	struct buf b = BUF_INIT;
	char *window;
	int r;

	if (form == FORM_POSTFIX && check_envelope(env, e) == -1)
		return -1;
	window = xmalloc(WINDOW);
	r = copy(form, env, in, out, window, &b, e);
	free(window);
	buf_release(&b);
	return r;
}
