#include "send/carrier.h"

#include <stdlib.h>

#include "core/buf.h"
#include "core/clock.h"
#include "mail/record.h"

static struct net *
open_net(struct carrier_tools *tools, struct err *e)
{
	if (tools->net == NULL)
		tools->net = net_open(e);
	return tools->net;
}

/* false: *v says why it cannot be had. */
static bool
connect_to(struct carrier *c, struct carrier_tools *tools, struct verdict *v)
{
	struct err e = ERR_INIT;
	const struct smtp_server *server =
	    transport_server(c->lane->transport, &e);

	if (server == NULL) {
		*v = verdict_trouble("snooze", "credentials", &e);
		return false;
	}
	if (open_net(tools, &e) != NULL)
		c->smtp = smtp_open(tools->net, server, &e);
	if (c->smtp != NULL) {
		c->state = CARRIER_OPENING;
		return true;
	}
	/* Nobody was asked: it is how this transport, or this host, is set up.
	 */
	*v = verdict_trouble("snooze", "configuration", &e);
	return false;
}

static bool
open_maildir(struct carrier *c, struct verdict *v)
{
	struct err e = ERR_INIT;

	if (maildir_open(&c->maildir, c->lane->transport->url.path, &e) == 0)
		return true;
	*v = verdict_trouble("snooze", "configuration", &e);
	return false;
}

static bool
open_kind(struct carrier *c, struct carrier_tools *tools, struct verdict *v)
{
	switch (c->lane->transport->url.kind) {
	case TRANSPORT_SMTP:
		return connect_to(c, tools, v);
	case TRANSPORT_MAILDIR:
		return open_maildir(c, v);
	default:
		return true;
	}
}

struct carrier *
carrier_open(struct carrier_tools *tools, struct lane *lane, struct verdict *v)
{
	struct carrier *c = xcalloc(1, sizeof *c);

	c->lane = lane;
	c->state = CARRIER_IDLE;
	c->opened_at = c->idle_since = clock_mono_ms();
	c->maildir = (struct maildir){-1, -1};
	c->command = (struct command){.pidfd = -1, .out = -1, .message = -1};
	if (open_kind(c, tools, v))
		return c;
	free(c);
	return NULL;
}

static void
send_smtp(struct carrier *c, const struct letter *l)
{
	const struct transport *t = c->lane->transport;

	c->mail = (struct smtp_mail){
	    .sender = l->sender,
	    .recipient = l->recipient,
	    .head = l->head.data != NULL ? l->head.data : "",
	    .head_len = l->head.len,
	    .message = &l->message,
	    .notify = t->dsn_notify,
	    .ret = t->dsn_ret,
	    .envid = t->dsn_notify != NULL || t->dsn_ret != NULL
			 ? record_id(l->rec)
			 : NULL,
	};
	smtp_send(c->smtp, &c->mail);
}

void
carrier_send(struct carrier_tools *tools, struct carrier *c, struct verdict *v)
{
	const struct letter *l = c->letter;
	struct err e = ERR_INIT;

	*v = (struct verdict){.status = NULL};
	c->state = CARRIER_BUSY;
	switch (c->lane->transport->url.kind) {
	case TRANSPORT_SMTP:
		send_smtp(c, l);
		break;
	case TRANSPORT_MAILDIR:
		*v = (struct verdict){.status = "ok", .code = -1};
		if (maildir_deliver(&c->maildir, l, &e) == -1)
			*v = verdict_trouble("retry", "storage", &e);
		break;
	default:
		if (command_start(&c->command, tools->queue, l, &e) == -1)
			*v = verdict_trouble("snooze", "configuration", &e);
	}
}

void
carrier_watch(const struct carrier *c, struct pollfd fds[CARRIER_FDS])
{
	command_watch(&c->command, fds);
	if (c->smtp != NULL)
		smtp_watch(c->smtp, &fds[0]);
}

/* When it gives its place up, unless something has come of it by then. */
static int64_t
place_until(const struct carrier *c)
{
	if (c->state == CARRIER_OPENING)
		return c->opened_at + CARRIER_SLOW_MS;
	if (c->state == CARRIER_BUSY)
		return c->letter->started_at + CARRIER_LATE_MS;
	return INT64_MAX;
}

bool
carrier_has_place(const struct carrier *c, int64_t now)
{
	return now < place_until(c);
}

int64_t
carrier_due(const struct carrier *c, int64_t now)
{
	int64_t due = c->state == CARRIER_IDLE ? c->idle_since + CARRIER_IDLE_MS
					       : INT64_MAX;

	if (place_until(c) > now && place_until(c) < due)
		due = place_until(c);
	if (c->command.pid > 0 && c->command.due_at < due)
		due = c->command.due_at;
	if (c->smtp != NULL && smtp_due(c->smtp) < due)
		due = smtp_due(c->smtp);
	return due;
}

/* What the connection is by now. */
static enum carrier_state
smtp_is(const struct carrier *c)
{
	switch (smtp_state(c->smtp)) {
	case SMTP_OPENING:
		return CARRIER_OPENING;
	case SMTP_IDLE:
		return CARRIER_IDLE;
	case SMTP_BUSY:
		return CARRIER_BUSY;
	default:
		return CARRIER_CLOSED;
	}
}

static bool
step_smtp(struct carrier *c, short revents, int64_t now, struct verdict *v)
{
	bool was_opening = c->state == CARRIER_OPENING;
	struct smtp_answer answer;

	if (revents == 0 && smtp_due(c->smtp) > now)
		return false;
	if (smtp_step(c->smtp, revents, now, &answer)) {
		*v = verdict_of_answer(&answer, c->carried > 0);
		return true;
	}
	if (c->state != CARRIER_POISED || smtp_is(c) == CARRIER_CLOSED)
		c->state = smtp_is(c);
	if (!was_opening)
		return false;
	c->idle_since = now;
	if (c->state == CARRIER_CLOSED)
		*v = verdict_of_answer(smtp_why(c->smtp), false);
	return c->state == CARRIER_CLOSED;
}

bool
carrier_step(struct carrier *c, const struct pollfd fds[CARRIER_FDS],
    int64_t now, struct verdict *v)
{
	if (c->smtp != NULL)
		return step_smtp(c, fds[0].revents, now, v);
	return c->state == CARRIER_BUSY && c->command.pid > 0 &&
	       command_step(&c->command, fds, now, v);
}

struct letter *
carrier_done(struct carrier *c, int64_t now)
{
	struct letter *l = c->letter;

	c->letter = NULL;
	c->carried++;
	c->idle_since = now;
	c->state = c->smtp != NULL ? smtp_is(c) : CARRIER_IDLE;
	return l;
}

void
carrier_close(struct carrier *c)
{
	if (c->smtp != NULL)
		smtp_close(c->smtp);
	command_kill(&c->command);
	maildir_close(&c->maildir);
	if (c->letter != NULL)
		letter_free(c->letter);
	free(c);
}

void
carrier_tools_release(struct carrier_tools *tools)
{
	net_close(tools->net);
	tools->net = NULL;
}
