/*
 * A connection from within: where its dialog is.  smtp.c has what others call,
 * smtp_dialog.c what is said and what replies mean, smtp_traffic.c the bytes.
 */
#ifndef NET_SMTP_CONNECTION_H
#define NET_SMTP_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "net/line.h"
#include "net/smtp.h"
#include "net/smtp_body.h"
#include "net/smtp_caps.h"
#include "net/smtp_open.h"
#include "net/smtp_reply.h"

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

/* limit: milliseconds from now, or INT64_MAX. */
void smtp_set_step(struct smtp *c, enum step step, int64_t limit);

/* The mail's fate is known; what becomes of the connection is another thing. */
void smtp_set_answer(struct smtp *c, enum smtp_outcome outcome,
    const struct reply *reply, const struct err *error);

/* The line cannot be used any more, for that reason. */
void smtp_break(struct smtp *c, struct err *error);

/* All at once if the server wants that (RFC 2920), else the next one. */
void smtp_say_next(struct smtp *c);

/* Whose reply comes, while commands are said. */
const char *smtp_awaited(const struct smtp *c);

/* One that is complete, whatever it answers. */
void smtp_on_reply(struct smtp *c, struct reply *reply);

/* All that has come; all that can be sent now. */
void smtp_read(struct smtp *c);
void smtp_write(struct smtp *c);

#endif
