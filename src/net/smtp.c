#include "net/smtp.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "net/line.h"
#include "net/smtp_body.h"
#include "net/smtp_caps.h"
#include "net/smtp_limits.h"
#include "net/smtp_mail.h"
#include "net/smtp_open.h"
#include "net/smtp_reply.h"
#include "net/smtp_secret.h"

enum {
	/* What one step sends of a large mail: others have their turn. */
	STEP_BYTES = 1024 * 1024,
};

enum step {
	STEP_OPENING, /* libcurl's */
	STEP_GREETING, /* LMTP: waiting for it */
	STEP_LHLO, /* LMTP: waiting for its answer */
	STEP_IDLE,
	STEP_COMMANDS, /* RSET MAIL RCPT DATA are said, or being said */
	STEP_BODY, /* the message is being sent */
	STEP_END, /* all of it has left: its reply is waited for */
	STEP_EMPTY, /* the same after a lone dot, for nobody */
	STEP_ANSWERED, /* the answer waits for smtp_step to fetch it */
	STEP_CLOSED,
};

/* In the order in which they are said. */
enum command {
	COMMAND_RSET,
	COMMAND_MAIL,
	COMMAND_RCPT,
	COMMAND_DATA,
	COMMANDS,
};

static const struct {
	const char *name;
	enum reply_stage stage;
} commands[COMMANDS] = {
    {"RSET", REPLY_MAIL},
    {"MAIL", REPLY_MAIL},
    {"RCPT", REPLY_RCPT},
    {"DATA", REPLY_DATA},
};

struct smtp {
	const struct smtp_server *server;
	struct smtp_limits limits;
	char *name; /* in errors */
	struct smtp_opening *opening;
	struct line line;
	struct smtp_caps caps;
	struct smtp_reader reader;
	enum step step;
	int64_t now, due;
	int64_t body_due; /* when all of the message is to be sent */
	bool needs_rset; /* before the next mail */
	struct buf out; /* commands */
	size_t out_sent;
	/* The mail: */
	struct smtp_body body;
	enum command said, awaited; /* next command to say; whose reply comes */
	bool is_refused; /* MAIL or RCPT was, by refusal */
	bool has_recipient; /* RCPT was accepted, whatever became of MAIL */
	struct reply refusal;
	struct smtp_answer answer;
	struct smtp_answer why;
};

static void
set_step(struct smtp *c, enum step step, int64_t limit)
{
	c->step = step;
	c->due = limit == INT64_MAX ? limit : c->now + limit;
}

static bool
has_mail(const struct smtp *c)
{
	return c->step >= STEP_COMMANDS && c->step <= STEP_EMPTY;
}

/* Where in the dialog we are, for who asks why it went no further. */
static enum reply_stage
stage_of(const struct smtp *c)
{
	switch (c->step) {
	case STEP_COMMANDS:
		return commands[c->awaited < COMMANDS ? c->awaited
						      : COMMAND_DATA]
		    .stage;
	case STEP_BODY:
	case STEP_END:
	case STEP_EMPTY:
		return REPLY_END;
	default:
		return REPLY_CONNECT;
	}
}

/* The mail's fate is known; what becomes of the connection is another thing. */
static void
set_answer(struct smtp *c, enum smtp_outcome outcome, const struct reply *reply,
    const struct err *error)
{
	c->answer.outcome = outcome;
	c->answer.error = (struct err)ERR_INIT;
	if (error != NULL)
		c->answer.error = *error;
	if (reply != NULL)
		c->answer.reply = *reply;
	else
		c->answer.reply = (struct reply){.stage = stage_of(c)};
	smtp_hide_secret(c->server->password, &c->answer.reply);
	smtp_body_close(&c->body);
	if (outcome == SMTP_ACCEPTED)
		c->needs_rset = false;
	set_step(c, STEP_ANSWERED, 0);
	c->due = 0;
}

static void
end_line(struct smtp *c)
{
	line_close(&c->line);
	buf_reset(&c->out);
	c->out_sent = 0;
	if (c->step != STEP_ANSWERED)
		set_step(c, STEP_CLOSED, INT64_MAX);
}

/* The line cannot be used any more, for that reason. */
static void
break_line(struct smtp *c, struct err *error)
{
	err_prefix(error, "%s", c->name);
	if (c->line.fd == -1)
		return;
	c->why = (struct smtp_answer){.outcome = SMTP_BROKEN, .error = *error};
	if (has_mail(c) && (c->is_refused || c->step == STEP_EMPTY))
		set_answer(c, SMTP_REFUSED, &c->refusal, NULL);
	else if (has_mail(c))
		set_answer(c, c->step == STEP_END ? SMTP_UNKNOWN : SMTP_BROKEN,
		    NULL, error);
	end_line(c);
}

/* The server's words are the reason. */
static void
close_refused(struct smtp *c, const struct reply *reply)
{
	c->why = (struct smtp_answer){.outcome = SMTP_REFUSED, .reply = *reply};
	c->why.reply.stage = REPLY_CONNECT;
	smtp_hide_secret(c->server->password, &c->why.reply);
	err_set(&c->why.error, ERR_TEMP, "%s: closed by the server", c->name);
	end_line(c);
}

static void
unexpected(struct smtp *c, const char *what, int code)
{
	struct err e = ERR_INIT;

	err_set(&e, ERR_TEMP, "%s: %d is no answer to that", what, code);
	break_line(c, &e);
}

static void
say(struct smtp *c, enum command command)
{
	switch (command) {
	case COMMAND_MAIL:
		smtp_mail_from(&c->out, c->body.mail, &c->body.seen, &c->caps);
		break;
	case COMMAND_RCPT:
		smtp_mail_to(&c->out, c->body.mail, &c->caps);
		break;
	default:
		buf_addstr(&c->out, commands[command].name);
		buf_addstr(&c->out, "\r\n");
		break;
	}
}

/* All at once if the server wants that (RFC 2920), else the next one. */
static void
say_next(struct smtp *c)
{
	do
		say(c, c->said++);
	while (c->caps.has_pipelining && c->said < COMMANDS);
	c->due = c->now + (c->awaited == COMMAND_DATA ? c->limits.data
						      : c->limits.command);
}

static void
begin_body(struct smtp *c)
{
	struct err e = ERR_INIT;

	if (!c->is_refused) {
		set_step(c, STEP_BODY, c->limits.block);
		c->body_due =
		    c->now + smtp_body_ms(&c->limits, c->body.seen.size);
		return;
	}
	if (c->server->is_lmtp || c->has_recipient) {
		/*
		 * For nobody LMTP would answer nothing (RFC 2033, 4.2).  And
		 * who takes a recipient of what it has refused would deliver
		 * an empty message.
		 */
		err_set(&e, ERR_TEMP, "DATA is accepted for nobody");
		break_line(c, &e);
		return;
	}
	/* It takes the message for nobody (RFC 2920, 3.1). */
	buf_addstr(&c->out, ".\r\n");
	set_step(c, STEP_EMPTY, c->limits.end);
}

/* Is it yes?  Otherwise the mail may have its answer. */
static bool
take_refusal(struct smtp *c, const struct reply *reply)
{
	bool is_yes = c->awaited == COMMAND_DATA ? reply->code == 354
						 : reply->code / 100 == 2;

	if (is_yes)
		return true;
	if (reply->code / 100 == 2 || reply->code / 100 == 3) {
		unexpected(c, commands[c->awaited].name, reply->code);
		return false;
	}
	if (!c->is_refused) {
		c->is_refused = true;
		c->refusal = *reply;
	}
	return false;
}

static void
on_command_reply(struct smtp *c, struct reply *reply)
{
	bool is_yes;

	reply->stage = commands[c->awaited].stage;
	if (c->awaited == COMMAND_RSET && reply->code / 100 != 2 &&
	    reply->code != 421) {
		unexpected(c, "RSET", reply->code);
		return;
	}
	is_yes = take_refusal(c, reply);
	if (c->step != STEP_COMMANDS)
		return;
	if (reply->code == 421) {
		set_answer(c, SMTP_REFUSED, &c->refusal, NULL);
		close_refused(c, reply);
	} else if (c->awaited == COMMAND_DATA) {
		if (is_yes)
			begin_body(c);
		else
			set_answer(c, SMTP_REFUSED, &c->refusal, NULL);
	} else {
		c->has_recipient |= is_yes && c->awaited == COMMAND_RCPT;
		c->awaited++;
		if (c->said > c->awaited)
			c->due = c->now + (c->awaited == COMMAND_DATA
						  ? c->limits.data
						  : c->limits.command);
		else if (c->is_refused)
			set_answer(c, SMTP_REFUSED, &c->refusal, NULL);
		else
			say_next(c);
	}
}

/* To the message, perhaps before all of it was sent. */
static void
on_end_reply(struct smtp *c, struct reply *reply)
{
	bool was_early = c->step == STEP_BODY;

	reply->stage = REPLY_END;
	if (reply->code / 100 == 3 || (was_early && reply->code / 100 == 2)) {
		unexpected(c, "message", reply->code);
		return;
	}
	set_answer(c, reply->code / 100 == 2 ? SMTP_ACCEPTED : SMTP_REFUSED,
	    reply, NULL);
	if (was_early || reply->code == 421)
		close_refused(c, reply);
}

static void
say_lhlo(struct smtp *c)
{
	char host[256] = "";
	const char *helo = c->server->helo;

	if (helo == NULL) {
		gethostname(host, sizeof host - 1);
		helo = host[0] != '\0' ? host : "localhost";
	}
	buf_addf(&c->out, "LHLO %s\r\n", helo);
	set_step(c, STEP_LHLO, c->limits.command);
}

static void
on_reply(struct smtp *c, struct reply *reply)
{
	switch (c->step) {
	case STEP_GREETING:
		if (reply->code == 220)
			say_lhlo(c);
		else
			close_refused(c, reply);
		break;
	case STEP_LHLO:
		c->reader.caps = NULL;
		if (reply->code == 250)
			set_step(c, STEP_IDLE, INT64_MAX);
		else
			close_refused(c, reply);
		break;
	case STEP_COMMANDS:
		on_command_reply(c, reply);
		break;
	case STEP_BODY:
	case STEP_END:
		on_end_reply(c, reply);
		break;
	case STEP_EMPTY:
		set_answer(c, SMTP_REFUSED, &c->refusal, NULL);
		if (reply->code == 421)
			close_refused(c, reply);
		break;
	default:
		/* Nobody asked: 421, or they and we are not in step. */
		close_refused(c, reply);
	}
}

/* What has come is all taken, unless the line ends meanwhile. */
static void
take_bytes(struct smtp *c, const char *data, size_t n)
{
	struct err e = ERR_INIT;
	size_t used;

	for (; n > 0 && c->line.fd != -1; data += used, n -= used) {
		enum smtp_got got = smtp_reader_add(&c->reader, data, n, &used);

		if (got == SMTP_GOT_REPLY)
			on_reply(c, &c->reader.reply);
		else if (got == SMTP_GOT_GARBAGE) {
			err_set(&e, ERR_TEMP, "what it answers is not SMTP");
			break_line(c, &e);
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

static void
read_replies(struct smtp *c)
{
	struct err e = ERR_INIT;

	if (!read_all(c, &e))
		break_line(c, &e);
}

/* It takes no more; what it has said before that still counts. */
static void
write_failed(struct smtp *c, struct err *e)
{
	struct err end = ERR_INIT;

	read_all(c, &end);
	if (c->line.fd != -1)
		break_line(c, e);
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
		set_step(c, STEP_END, c->limits.end);
		return false;
	}
	if (smtp_body_next(&c->body, &e) == 0)
		return true;
	break_line(c, &e);
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

static void
write_all(struct smtp *c)
{
	if (write_commands(c) && c->step == STEP_BODY)
		write_body(c);
}

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
			set_step(c, STEP_GREETING, c->limits.command);
		} else {
			set_step(c, STEP_IDLE, INT64_MAX);
		}
		break;
	case SMTP_OPENED_FAILED:
		set_step(c, STEP_CLOSED, INT64_MAX);
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
	set_step(c, STEP_COMMANDS, c->limits.command);
	if (smtp_body_open(&c->body, mail, &e) == -1)
		set_answer(c, SMTP_BROKEN, NULL, &e);
	else if (smtp_mail_check(mail, &c->body.seen, &c->caps, &e) == -1)
		set_answer(c, SMTP_IMPOSSIBLE, NULL, &e);
	else {
		c->needs_rset = true; /* unless it is accepted */
		say_next(c);
		write_all(c);
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
		    commands[c->awaited].name);
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
	break_line(c, &e);
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
			read_replies(c);
		if (c->line.fd != -1)
			write_all(c);
	}
	check_time(c);
	if (c->step != STEP_ANSWERED)
		return false;
	*answer = c->answer;
	set_step(c, c->line.fd == -1 ? STEP_CLOSED : STEP_IDLE, INT64_MAX);
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
