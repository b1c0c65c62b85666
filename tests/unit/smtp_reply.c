/* Replies of SMTP servers, in whichever pieces they come, and what they offer.
 */
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "net/smtp_reply.h"

static int failed;

static const struct {
	const char *in;
	int code; /* 0: garbage, -1: more is to come */
	const char *enhanced, *text;
} rows[] = {
    {"250 ok\r\n", 250, "", "ok"},
    {"250 ok\n", 250, "", "ok"},
    {"250\r\n", 250, "", ""},
    {"250 \r\n", 250, "", ""},
    {"250 2.0.0 ok\r\n", 250, "2.0.0", "ok"},
    {"550 5.1.1\r\n", 550, "5.1.1", ""},
    {"550 5.1.1x no\r\n", 550, "", "5.1.1x no"},
    {"550 5.1.1234 no\r\n", 550, "", "5.1.1234 no"},
    {"550 5.1 no\r\n", 550, "", "5.1 no"},
    {"550 3.1.1 no\r\n", 550, "", "3.1.1 no"},
    {"450 4.123.456 x\r\n", 450, "4.123.456", "x"},
    {"550-5.1.1 no such\r\n550 5.1.1 user\r\n", 550, "5.1.1", "no such user"},
    {"550-no\r\n550 5.7.1 never\r\n", 550, "", "no never"},
    {"250-\r\n250-\r\n250 x\r\n", 250, "", "x"},
    {"421 \x1b[2J\x07z\r\n", 421, "", "\\x1b[2J\\x07z"},
    {"421 \xe6\x97\xa5\xff\r\n", 421, "", "\xe6\x97\xa5\\xff"},
    {"250 a\rb\r\n", 250, "", "a\\x0db"},
    {"250-one\r\n", -1, "", "one"},
    {"250 no end", -1, "", ""},
    {"25", -1, "", ""},
    {"\r\n", 0, "", ""},
    {"25\r\n", 0, "", ""},
    {"hello\r\n", 0, "", ""},
    {"150 what\r\n", 0, "", ""},
    {"650 what\r\n", 0, "", ""},
    {"2x0 what\r\n", 0, "", ""},
    {"250x what\r\n", 0, "", ""},
    {"250-a\r\n251 b\r\n", 0, "", ""},
    {" 250 a\r\n", 0, "", ""},
};

static void
complain(const char *in, const char *what, const char *got)
{
	printf("%.40s: %s: %s\n", in, what, got);
	failed = 1;
}

/* The last byte of what was used is the last one of the reply. */
static enum smtp_got
feed(struct smtp_reader *r, const char *in, size_t len, size_t piece)
{
	enum smtp_got got = SMTP_GOT_MORE;
	size_t used, n;

	for (size_t i = 0; i < len && got == SMTP_GOT_MORE; i += n) {
		n = len - i < piece ? len - i : piece;
		got = smtp_reader_add(r, in + i, n, &used);
		if (got != SMTP_GOT_GARBAGE && used != n)
			complain(in, "used", "not all");
	}
	return got;
}

static void
check(size_t row, size_t piece)
{
	const char *in = rows[row].in;
	struct smtp_reader r = {.reply.stage = REPLY_RCPT};
	enum smtp_got got;

	smtp_reader_reset(&r);
	/* The second time it begins anew. */
	for (int i = 0; i < 2; i++) {
		got = feed(&r, in, strlen(in), piece);
		if (got != (rows[row].code == 0     ? SMTP_GOT_GARBAGE
			       : rows[row].code < 0 ? SMTP_GOT_MORE
						    : SMTP_GOT_REPLY))
			complain(in, "got", "something else");
		if (rows[row].code <= 0)
			return;
		if (r.reply.code != rows[row].code ||
		    r.reply.stage != REPLY_RCPT)
			complain(in, "code", "another");
		if (strcmp(r.reply.enhanced, rows[row].enhanced) != 0)
			complain(in, "enhanced", r.reply.enhanced);
		if (strcmp(r.reply.text, rows[row].text) != 0)
			complain(in, "text", r.reply.text);
	}
}

/* Two replies at once are taken one by one. */
static void
check_two(void)
{
	static const char in[] = "250-a\r\n250 b\r\n354 c\r\nx";
	struct smtp_reader r = {.lines = 0};
	size_t used;

	smtp_reader_reset(&r);
	if (smtp_reader_add(&r, in, strlen(in), &used) != SMTP_GOT_REPLY ||
	    used != 14 || strcmp(r.reply.text, "a b") != 0)
		complain(in, "first", r.reply.text);
	if (smtp_reader_add(&r, in + 14, strlen(in) - 14, &used) !=
		SMTP_GOT_REPLY ||
	    used != 7 || r.reply.code != 354 || strcmp(r.reply.text, "c") != 0)
		complain(in, "second", r.reply.text);
}

/* A line of so many bytes, so many lines: what comes of them. */
static enum smtp_got
feed_much(size_t bytes, int lines, struct smtp_reader *r)
{
	struct buf in = BUF_INIT;
	enum smtp_got got;

	for (int i = 0; i < lines; i++) {
		buf_addstr(&in, i < lines - 1 ? "250-" : "250 ");
		for (size_t k = 4; k < bytes; k++)
			buf_addch(&in, 'x');
		buf_addstr(&in, "\r\n");
	}
	*r = (struct smtp_reader){.lines = 0};
	smtp_reader_reset(r);
	got = feed(r, in.data, in.len, 4096);
	buf_release(&in);
	return got;
}

static void
check_limits(void)
{
	struct smtp_reader r;

	if (feed_much(SMTP_LINE_MAX - 1, 1, &r) != SMTP_GOT_REPLY ||
	    strlen(r.reply.text) < 500)
		complain("limits", "long line", r.reply.text);
	if (feed_much(SMTP_LINE_MAX + 1, 1, &r) != SMTP_GOT_GARBAGE)
		complain("limits", "longer line", "taken");
	if (feed_much(1000 * 1000, 1, &r) != SMTP_GOT_GARBAGE)
		complain("limits", "1 MB", "taken");
	if (feed_much(80, SMTP_LINES_MAX, &r) != SMTP_GOT_REPLY ||
	    strlen(r.reply.text) != sizeof r.reply.text - 1)
		complain("limits", "lines", r.reply.text);
	if (feed_much(80, SMTP_LINES_MAX + 1, &r) != SMTP_GOT_GARBAGE)
		complain("limits", "more lines", "taken");
}

static void
check_caps(void)
{
	static const char in[] =
	    "250-SIZE.example.com DSN\r\n250-size 1000\r\n"
	    "250-PIPELINING\r\n250-8BITMIMEX\r\n250-STARTTLS\r\n"
	    "250-AUTH=PLAIN\r\n250 SMTPUTF8\r\n";
	static const struct {
		const char *line;
		int64_t max;
	} sizes[] = {
	    {"SIZE", 0},
	    {"SIZE 0", 0},
	    {"SIZE  77", 77},
	    {"SIZE -5", 0},
	    {"SIZE 5x", 0},
	    {"SIZE 99999999999999999999", 0},
	};
	struct smtp_caps caps = {.has_size = false};
	struct smtp_reader r = {.caps = &caps};

	smtp_reader_reset(&r);
	if (feed(&r, in, strlen(in), 7) != SMTP_GOT_REPLY || !caps.has_size ||
	    caps.size_max != 1000 || !caps.has_pipelining ||
	    caps.has_8bitmime || !caps.has_starttls || !caps.has_auth ||
	    !caps.has_smtputf8 || caps.has_dsn)
		complain("caps", "wrong", r.reply.text);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		caps = (struct smtp_caps){.has_size = false};
		smtp_caps_add(&caps, sizes[i].line);
		if (!caps.has_size || caps.size_max != sizes[i].max)
			complain(sizes[i].line, "size", "wrong");
	}
}

int
main(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (size_t piece = 1; piece < 9; piece++)
			check(i, piece);
	check_two();
	check_limits();
	check_caps();
	return failed;
}
