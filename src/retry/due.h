/*
 * `mail-retry due`: what is decided about the deferred mails of a queue.
 *
 * Crash table.  NAME is the row, CALL the system call at which `mail-retry due`
 * is killed (each one of that kind in turn, before and after it), STATES the
 * states that a mail which is due, and one which is spent, may be in for the
 * next reader.  tests/mail-retry-crash.bats reads these rows and tries each.
 *
 *   NAME            CALL       DUE              SPENT
 *   due-commit      fdatasync  deferred ready   deferred dead
 *   due-write       pwrite64   deferred ready   deferred dead
 *   due-truncate    ftruncate  deferred ready   deferred dead
 *   due-output      write      deferred ready   deferred dead
 *
 * In each of them the history has the decision if, and only if, the row has
 * it; and the next run decides what is left.
 */
#ifndef RETRY_DUE_H
#define RETRY_DUE_H

#include <stdbool.h>

#include "core/err.h"
#include "core/look.h"
#include "queue/engines.h"
#include "retry/choice.h"
#include "retry/pace.h"
#include "retry/rules.h"

struct due {
	const char *queue;
	struct choice choice; /* tenant, class, matching and jq only */
	struct rules rules; /* config is set by due_run */
	struct pace pace;
	bool is_dry, is_echo;
	bool has_sum; /* print what was decided */
	struct look look; /* of that */
};

/*
 * One run at a time: while another is at work on the queue it does nothing.
 * Prints, if it is asked to, records and at the end the sum: a table, or
 *
 *   {"queue","ready","dead","waiting","is_over","classes":{C:{"ready","dead",
 *    "waiting"}}}
 *
 * is_over: its time was, before all was decided.
 */
int due_run(struct queue *q, struct due *how, struct err *e);

#endif
