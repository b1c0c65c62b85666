/* What is said to a server, and what its replies mean. */
#include <string.h>
#include <unistd.h>

#include "net/smtp_connection.h"
#include "net/smtp_limits.h"
#include "net/smtp_mail.h"
#include "net/smtp_secret.h"

static const struct {
	const char *name;
	enum reply_stage stage;
} commands[COMMANDS] = {
    {"RSET", REPLY_MAIL},
    {"MAIL", REPLY_MAIL},
    {"RCPT", REPLY_RCPT},
    {"DATA", REPLY_DATA},
};

void
smtp_set_step(struct smtp *c, enum step step, int64_t limit)
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

void
smtp_set_answer(struct smtp *c, enum smtp_outcome outcome,
    const struct reply *reply, const struct err *error)
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
	smtp_set_step(c, STEP_ANSWERED, 0);
	c->due = 0;
}

static void
end_line(struct smtp *c)
{
	line_close(&c->line);
	buf_reset(&c->out);
	c->out_sent = 0;
	if (c->step != STEP_ANSWERED)
		smtp_set_step(c, STEP_CLOSED, INT64_MAX);
}

void
smtp_break(struct smtp *c, struct err *error)
{
	err_prefix(error, "%s", c->name);
	if (c->line.fd == -1)
		return;
	c->why = (struct smtp_answer){.outcome = SMTP_BROKEN, .error = *error};
	if (has_mail(c) && (c->is_refused || c->step == STEP_EMPTY))
		smtp_set_answer(c, SMTP_REFUSED, &c->refusal, NULL);
	else if (has_mail(c))
		smtp_set_answer(c,
		    c->step == STEP_END ? SMTP_UNKNOWN : SMTP_BROKEN, NULL,
		    error);
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
	smtp_break(c, &e);
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

void
smtp_say_next(struct smtp *c)
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
		smtp_set_step(c, STEP_BODY, c->limits.block);
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
		smtp_break(c, &e);
		return;
	}
	/* It takes the message for nobody (RFC 2920, 3.1). */
	buf_addstr(&c->out, ".\r\n");
	smtp_set_step(c, STEP_EMPTY, c->limits.end);
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
		smtp_set_answer(c, SMTP_REFUSED, &c->refusal, NULL);
		close_refused(c, reply);
	} else if (c->awaited == COMMAND_DATA) {
		if (is_yes)
			begin_body(c);
		else
			smtp_set_answer(c, SMTP_REFUSED, &c->refusal, NULL);
	} else {
		c->has_recipient |= is_yes && c->awaited == COMMAND_RCPT;
		c->awaited++;
		if (c->said > c->awaited)
			c->due = c->now + (c->awaited == COMMAND_DATA
						  ? c->limits.data
						  : c->limits.command);
		else if (c->is_refused)
			smtp_set_answer(c, SMTP_REFUSED, &c->refusal, NULL);
		else
			smtp_say_next(c);
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
	smtp_set_answer(c,
	    reply->code / 100 == 2 ? SMTP_ACCEPTED : SMTP_REFUSED, reply, NULL);
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
	smtp_set_step(c, STEP_LHLO, c->limits.command);
}

void
smtp_on_reply(struct smtp *c, struct reply *reply)
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
			smtp_set_step(c, STEP_IDLE, INT64_MAX);
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
		smtp_set_answer(c, SMTP_REFUSED, &c->refusal, NULL);
		if (reply->code == 421)
			close_refused(c, reply);
		break;
	default:
		/* Nobody asked: 421, or they and we are not in step. */
		close_refused(c, reply);
	}
}

const char *
smtp_awaited(const struct smtp *c)
{
	return commands[c->awaited].name;
}
