/*
 * A command that takes mail as sendmail(1) does: COMMAND ARG... -i -f SENDER --
 * RECIPIENT, the message on its stdin, its answer an exit status of
 * sysexits(3).  No shell.
 */
#ifndef SEND_COMMAND_H
#define SEND_COMMAND_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/buf.h"
#include "core/err.h"
#include "queue/engines.h"
#include "send/letter.h"
#include "send/verdict.h"

enum {
	COMMAND_FDS = 2, /* to poll */
	COMMAND_SAID_MAX = 2048, /* bytes kept of what it says */
};

struct command {
	pid_t pid; /* and its group; 0: none runs */
	int pidfd; /* -1: it has ended */
	int out; /* its stdout and stderr; -1: at the end */
	int message; /* ours, to see how much of it was read */
	int64_t due_at; /* monotonic */
	bool is_timed_out;
	char *mark; /* in the environment of its family */
	struct buf said;
};

/* ERR_TEMP: it was not started. */
int command_start(
    struct command *c, struct queue *q, const struct letter *l, struct err *e);

void command_watch(const struct command *c, struct pollfd fds[COMMAND_FDS]);

/* After the poll, and at c->due_at: true, it is over, and *v says how. */
bool command_step(struct command *c, const struct pollfd fds[COMMAND_FDS],
    int64_t now, struct verdict *v);

/* Kill it with all that it has started. */
void command_kill(struct command *c);

#endif
