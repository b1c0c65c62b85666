/*
 * Breakers, as `mail-queue settle` tells them what came of each route: results
 * in a row of the same class of trouble that no single mail can have
 * ("credentials", "configuration", "network") hold the route's mail, until one
 * of it works.  One result is enough where it says so itself ("holds"): a login
 * that was refused is refused for all.  "holds": false says that the route
 * works and the trouble is the mail's own, whatever its class.
 */
#ifndef QUEUE_BREAKER_H
#define QUEUE_BREAKER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/json.h"
#include "queue/engines.h"

enum {
	BREAKER_RESULTS = 10, /* in a row; 0: no breaker opens */
	BREAKER_PROBE_S = 300, /* between two mails that are let through */
};

/* Is a result of this class one that opens a breaker?  NULL is none. */
bool breaker_is_trouble(const char *class);

struct breaker_runs {
	struct mail_run *all;
	size_t n;
};

/*
 * The next result that was written down, in a record with its lease; borrowed
 * until breaker_end.  One without a "route" counts for none, nor does a
 * snooze, unless it holds it or has such a class with the "code" of an answer.
 */
void breaker_add(struct breaker_runs *runs, json rec);

/*
 * Tell the engine, and on stderr what opened or closed; then release.  A
 * failure is said and costs nothing but the count.
 */
void breaker_end(struct queue *q, struct breaker_runs *runs);

#endif
