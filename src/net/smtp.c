#include "net/smtp.h"

#include <stdlib.h>

#include "core/buf.h"
#include "core/clock.h"
#include "net/smtp_connection.h"
#include "net/smtp_limits.h"
#include "net/smtp_mail.h"

static char *
name_of(const struct smtp_server *s)
{
	if (s->path != NULL)
		return xstrdup(s->path);
	return xasprintf(strchr(s->host, ':') != NULL ? "[%s]:%d" : "%s:%d",
	    s->host, s->port);
}

struct smtp *
smtp_open(struct net *net, const struct smtp_server *server, struct err *e)
{
	struct smtp *c = xcalloc(1, sizeof *c);

	c->server = server;
	c->limits = smtp_limits_of(server);
	c->name = name_of(server);
	line_init(&c->line);
	smtp_reader_reset(&c->reader);
	c->step = STEP_OPENING;
	c->opening = smtp_opening_new(net, server, c->name, e);
	if (c->opening != NULL)
		return c;
	smtp_close(c);
	return NULL;
}

static void
go_on_opening(struct smtp *c)
{
	switch (smtp_opening_step(
	    c->opening, c->now, &c->line, &c->caps, &c->why)) {
	case SMTP_OPENED_NOT_YET:
		return;
	case SMTP_OPENED:
		if (c->server->is_lmtp) {
			c->reader.caps = &c->caps;
			smtp_set_step(c, STEP_GREETING, c->limits.command);
		} else {
			smtp_set_step(c, STEP_IDLE, INT64_MAX);
		}
		break;
	case SMTP_OPENED_FAILED:
		smtp_set_step(c, STEP_CLOSED, INT64_MAX);
		break;
	}
	smtp_opening_free(c->opening);
	c->opening = NULL;
}

enum smtp_state
smtp_state(const struct smtp *c)
{
	switch (c->step) {
	case STEP_OPENING:
	case STEP_GREETING:
	case STEP_LHLO:
		return SMTP_OPENING;
	case STEP_IDLE:
		return SMTP_IDLE;
	case STEP_CLOSED:
		return SMTP_CLOSED;
	default:
		return SMTP_BUSY;
	}
}

const struct smtp_answer *
smtp_why(const struct smtp *c)
{
	return &c->why;
}

void
smtp_send(struct smtp *c, const struct smtp_mail *mail)
{
	struct err e = ERR_INIT;

	c->now = clock_mono_ms();
	c->is_refused = c->has_recipient = false;
	c->said = c->awaited = c->needs_rset ? COMMAND_RSET : COMMAND_MAIL;
	smtp_set_step(c, STEP_COMMANDS, c->limits.command);
	if (smtp_body_open(&c->body, mail, &e) == -1)
		smtp_set_answer(c, SMTP_BROKEN, NULL, &e);
	else if (smtp_mail_check(mail, &c->body.seen, &c->caps, &e) == -1)
		smtp_set_answer(c, SMTP_IMPOSSIBLE, NULL, &e);
	else {
		c->needs_rset = true; /* unless it is accepted */
		smtp_say_next(c);
		smtp_write(c);
	}
}

void
smtp_watch(const struct smtp *c, struct pollfd *fd)
{
	*fd = (struct pollfd){.fd = c->line.fd, .events = POLLIN};
	if (c->opening != NULL)
		fd->fd = smtp_opening_fd(c->opening);
	else if (c->out_sent < c->out.len || c->step == STEP_BODY)
		fd->events |= POLLOUT;
}

int64_t
smtp_due(const struct smtp *c)
{
	return c->opening != NULL ? smtp_opening_due(c->opening) : c->due;
}

static void
check_time(struct smtp *c)
{
	struct err e = ERR_INIT;

	if (c->line.fd == -1 || c->step == STEP_ANSWERED || c->now < c->due)
		return;
	if (c->step == STEP_COMMANDS)
		err_set(&e, ERR_TEMP, "%s: no answer within the time limit",
		    smtp_awaited(c));
	else if (c->step == STEP_BODY && c->now >= c->body_due)
		err_set(&e, ERR_TEMP, "message: it was taken too slowly");
	else if (c->step == STEP_BODY)
		err_set(&e, ERR_TEMP,
		    "message: none of it was taken within the time limit");
	else if (c->step == STEP_END || c->step == STEP_EMPTY)
		err_set(
		    &e, ERR_TEMP, "message: no answer within the time limit");
	else
		err_set(&e, ERR_TEMP, "no answer within the time limit");
	smtp_break(c, &e);
}

bool
smtp_step(
    struct smtp *c, short revents, int64_t now, struct smtp_answer *answer)
{
	c->now = now;
	if (c->opening != NULL)
		go_on_opening(c);
	else if (c->line.fd != -1) {
		if (revents & (POLLIN | POLLERR | POLLHUP))
			smtp_read(c);
		if (c->line.fd != -1)
			smtp_write(c);
	}
	check_time(c);
	if (c->step != STEP_ANSWERED)
		return false;
	*answer = c->answer;
	smtp_set_step(c, c->line.fd == -1 ? STEP_CLOSED : STEP_IDLE, INT64_MAX);
	return true;
}

void
smtp_close(struct smtp *c)
{
	struct err e = ERR_INIT;

	if (c == NULL)
		return;
	if (c->step == STEP_IDLE && c->line.fd != -1)
		line_send(&c->line, "QUIT\r\n", 6, &e);
	smtp_opening_free(c->opening);
	line_close(&c->line);
	smtp_body_release(&c->body);
	buf_release(&c->out);
	free(c->name);
	free(c);
}
