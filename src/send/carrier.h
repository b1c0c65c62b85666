/*
 * What takes letters out, one at a time: a connection, a command, a Maildir.
 *
 *   opening ---> idle ---> poised ---> busy (---> idle)
 *      |          |          |          |
 *      +----------+----------+----------+--> closed: it is over with it
 *
 * Poised, it has a letter whose lease is started and whose moment comes.
 */
#ifndef SEND_CARRIER_H
#define SEND_CARRIER_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/smtp.h"
#include "queue/engines.h"
#include "send/command.h"
#include "send/lane.h"
#include "send/letter.h"
#include "send/maildir.h"
#include "send/verdict.h"

enum {
	CARRIER_FDS = COMMAND_FDS, /* to poll, of each */
	CARRIER_MAILS = 1000, /* then it has had enough */
	CARRIER_IDLE_MS = 5 * 1000, /* kept so long without work */
	/* Opening for longer, or busy with one letter, it takes no place. */
	CARRIER_SLOW_MS = 2 * 1000,
	CARRIER_LATE_MS = 5 * 1000,
};

enum carrier_state {
	CARRIER_OPENING,
	CARRIER_IDLE,
	CARRIER_POISED,
	CARRIER_BUSY,
	CARRIER_CLOSED,
};

struct carrier {
	enum carrier_state state;
	struct lane *lane;
	struct letter *letter; /* poised or busy: this one */
	size_t carried;
	int64_t opened_at, idle_since; /* monotonic */
	struct maildir maildir;
	struct command command;
	struct smtp *smtp;
	struct smtp_mail mail;
};

/* What carriers need. */
struct carrier_tools {
	struct queue *queue;
	struct net *net; /* opened when it is needed first */
};

/* Opening, or idle.  NULL: it cannot be had, *v says why. */
struct carrier *carrier_open(
    struct carrier_tools *tools, struct lane *lane, struct verdict *v);

/* Poised, it sends its letter: busy; *v says what came of it already, or its
 * status is NULL. */
void carrier_send(
    struct carrier_tools *tools, struct carrier *c, struct verdict *v);

/*
 * What it polls for, and until when (monotonic; INT64_MAX: any time): its own
 * limits, and the time from which it takes no place.
 */
void carrier_watch(const struct carrier *c, struct pollfd fds[CARRIER_FDS]);
int64_t carrier_due(const struct carrier *c, int64_t now);

/* Does it take a place from other lanes? */
bool carrier_has_place(const struct carrier *c, int64_t now);

/*
 * After the poll.  true: *v says what came of its letter, which is c->letter
 * until carrier_done; or, with no letter, why it could not be opened.
 */
bool carrier_step(struct carrier *c, const struct pollfd fds[CARRIER_FDS],
    int64_t now, struct verdict *v);

/* Its letter is answered: it is idle, if it is not closed. */
struct letter *carrier_done(struct carrier *c, int64_t now);

/* Whatever it does ends. */
void carrier_close(struct carrier *c);

void carrier_tools_release(struct carrier_tools *tools);

#endif
