/* The bytes that come and go. */
#include "net/smtp_connection.h"

enum {
	/* What one step sends of a large mail: others have their turn. */
	STEP_BYTES = 1024 * 1024,
};

/* What has come is all taken, unless the line ends meanwhile. */
static void
take_bytes(struct smtp *c, const char *data, size_t n)
{
	struct err e = ERR_INIT;
	size_t used;

	for (; n > 0 && c->line.fd != -1; data += used, n -= used) {
		enum smtp_got got = smtp_reader_add(&c->reader, data, n, &used);

		if (got == SMTP_GOT_REPLY)
			smtp_on_reply(c, &c->reader.reply);
		else if (got == SMTP_GOT_GARBAGE) {
			err_set(&e, ERR_TEMP, "what it answers is not SMTP");
			smtp_break(c, &e);
		}
	}
}

/* *e: the line ended; false. */
static bool
read_all(struct smtp *c, struct err *e)
{
	char data[4096];

	while (c->line.fd != -1) {
		int64_t n = line_recv(&c->line, data, sizeof data, e);

		if (n <= 0)
			return n == 0;
		take_bytes(c, data, (size_t)n);
		if (n < (int64_t)sizeof data && !line_is_buffered(&c->line))
			break;
	}
	return true;
}

void
smtp_read(struct smtp *c)
{
	struct err e = ERR_INIT;

	if (!read_all(c, &e))
		smtp_break(c, &e);
}

/* It takes no more; what it has said before that still counts. */
static void
write_failed(struct smtp *c, struct err *e)
{
	struct err end = ERR_INIT;

	read_all(c, &end);
	if (c->line.fd != -1)
		smtp_break(c, e);
}

/* Until all is sent, or no more can be: false. */
static bool
write_commands(struct smtp *c)
{
	struct err e = ERR_INIT;
	int64_t n;

	while (c->line.fd != -1 && c->out_sent < c->out.len) {
		n = line_send(&c->line, c->out.data + c->out_sent,
		    c->out.len - c->out_sent, &e);
		if (n == -1)
			write_failed(c, &e);
		if (n <= 0)
			return false;
		c->out_sent += (size_t)n;
	}
	buf_reset(&c->out);
	c->out_sent = 0;
	return c->line.fd != -1;
}

/* The window is sent: the next one, or it was the last. */
static bool
next_window(struct smtp *c)
{
	struct err e = ERR_INIT;

	if (c->body.is_last) {
		smtp_set_step(c, STEP_END, c->limits.end);
		return false;
	}
	if (smtp_body_next(&c->body, &e) == 0)
		return true;
	smtp_break(c, &e);
	return false;
}

static void
write_body(struct smtp *c)
{
	struct smtp_body *b = &c->body;
	struct err e = ERR_INIT;
	size_t sum = 0;

	while (c->step == STEP_BODY && sum < STEP_BYTES) {
		int64_t n = line_send(&c->line, b->window.data + b->sent,
		    b->window.len - b->sent, &e);

		if (n == -1)
			write_failed(c, &e);
		if (n <= 0)
			return;
		b->sent += (size_t)n;
		sum += (size_t)n;
		c->due = c->now + c->limits.block;
		if (c->due > c->body_due)
			c->due = c->body_due;
		if (b->sent == b->window.len && !next_window(c))
			return;
	}
}

void
smtp_write(struct smtp *c)
{
	if (write_commands(c) && c->step == STEP_BODY)
		write_body(c);
}
