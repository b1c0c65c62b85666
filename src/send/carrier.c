#include "send/carrier.h"

#include <stdlib.h>

#include "core/buf.h"
#include "core/clock.h"

/* An operator's to mend: all mail of the transport has it. */
static struct carrier *
cannot_open(struct carrier *c, const struct err *why, struct verdict *v)
{
	free(c);
	*v = verdict_trouble("snooze", "configuration", why);
	return NULL;
}

struct carrier *
carrier_open(struct carrier_tools *tools, struct lane *lane, struct verdict *v)
{
	struct carrier *c = xcalloc(1, sizeof *c);
	const struct transport *t = lane->transport;
	struct err e = ERR_INIT;

	(void)tools;
	c->lane = lane;
	c->state = CARRIER_IDLE;
	c->opened_at = c->idle_since = clock_mono_ms();
	c->maildir = (struct maildir){-1, -1};
	c->command = (struct command){.pidfd = -1, .out = -1, .message = -1};
	if (t->url.kind == TRANSPORT_MAILDIR &&
	    maildir_open(&c->maildir, t->url.path, &e) == -1)
		return cannot_open(c, &e, v);
	return c;
}

/* The letter is with it, and *v says what came of it. */
static void
answer(struct carrier *c, struct verdict *v, int r, const struct err *e)
{
	*v = (struct verdict){.status = "ok", .code = -1};
	if (r == -1)
		*v = verdict_trouble("retry", "storage", e);
	(void)c;
}

void
carrier_send(struct carrier_tools *tools, struct carrier *c, struct letter *l,
    struct verdict *v)
{
	struct err e = ERR_INIT;

	*v = (struct verdict){.status = NULL};
	c->letter = l;
	c->state = CARRIER_BUSY;
	if (c->lane->transport->url.kind == TRANSPORT_MAILDIR)
		answer(c, v, maildir_deliver(&c->maildir, l, &e), &e);
	else if (command_start(&c->command, tools->queue, l, &e) == -1)
		*v = verdict_trouble("snooze", "configuration", &e);
}

void
carrier_watch(const struct carrier *c, struct pollfd fds[CARRIER_FDS])
{
	command_watch(&c->command, fds);
}

int64_t
carrier_due(const struct carrier *c)
{
	if (c->state == CARRIER_BUSY)
		return c->command.due_at;
	return c->idle_since + CARRIER_IDLE_MS;
}

bool
carrier_step(struct carrier *c, const struct pollfd fds[CARRIER_FDS],
    int64_t now, struct verdict *v)
{
	return c->state == CARRIER_BUSY &&
	       command_step(&c->command, fds, now, v);
}

struct letter *
carrier_done(struct carrier *c, int64_t now)
{
	struct letter *l = c->letter;

	c->letter = NULL;
	c->carried++;
	c->idle_since = now;
	if (c->state == CARRIER_BUSY)
		c->state = CARRIER_IDLE;
	return l;
}

void
carrier_close(struct carrier *c)
{
	command_kill(&c->command);
	maildir_close(&c->maildir);
	if (c->letter != NULL)
		letter_free(c->letter);
	free(c);
}
