/*
 * Telling somebody, once a cause: "on_dead" and "on_hold" of the configuration,
 * programs that get one JSON object on their standard input.
 */
#ifndef RETRY_ALARM_H
#define RETRY_ALARM_H

#include "core/err.h"
#include "queue/engines.h"

enum {
	ALARM_LIMIT_S = 30, /* for the program */
	ALARM_AGAIN_S = 86400, /* a cause that goes on is told again then */
	ALARM_CAUSES = 100, /* in one run; the rest are told by the next */
	ALARM_NAMES = 10, /* ids, and tenants, in one object */
};

/*
 * Tell of what died in the queue since the last time, by cause: class of the
 * trouble, route and exit status.
 *
 *   {"event":"dead","queue","class","route","code","reason","mails",
 *    "tenants":[…],"ids":[…],"at"}
 *
 * What could not be told is said on stderr, makes the exit status 75, and is
 * tried again by the next run.  -1: ERR_TEMP, of the ledger only.
 */
int alarm_dead(struct queue *q, const char *queue, struct err *e);

/*
 * The same of each route of the queue whose breaker has opened:
 * {"event":"hold","queue","route","reason","since","until","at"}.
 */
int alarm_holds(struct queue *q, const char *queue, struct err *e);

#endif
