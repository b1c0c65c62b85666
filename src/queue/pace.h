/*
 * Tenants whose moments (lock/rate.h) are all given away: take passes over
 * them, so that they fill no window and others' mails flow.
 *
 * Who sends reserves moments, and holds the mails that have one until it comes.
 * When the last moment that a mail of a tenant was given is more than
 * PACE_AHEAD_MS away, or one was refused, it calls pace_of and what follows:
 *
 *   - the hold ends PACE_BEFORE_MS before that moment, so that the next mails
 *     are there in time, and holds mail of that priority and of lower ones
 *     only: what is urgent is taken;
 *   - urgent mail reserves the first moment that is free, and its sender
 *     exchanges that with the earliest one of a mail in hand that has the same
 *     scopes and a lower priority.  Then it is that mail which waits, and for
 *     whose priority the tenant is held.  So that there is something to
 *     exchange, urgent mail asks with a longer within_ms than others;
 *   - for a minute after it, no more mails of the tenant are in flight than
 *     go in some seconds.
 */
#ifndef QUEUE_PACE_H
#define QUEUE_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "queue/engines.h"

enum {
	PACE_AHEAD_MS = 1000,
	PACE_BEFORE_MS = 1000,
	PACE_FLIGHT_MS = 2000, /* so long the mails in flight may take */
};

/*
 * Fill until and most of p for a mail of which lock/rate.h said at, in a scope
 * that lets so many a second through (0: it is the limit of a day, or another
 * one).  Is the tenant to be held?
 */
bool pace_of(struct mail_pace *p, int64_t at, bool is_reserved, double per_s,
    int64_t now);

/*
 * Hold them, in one transaction; what is held already for nearly as long costs
 * no write.  ERR_TEMP.
 */
int queue_hold_for_rate(
    struct queue *q, const struct mail_pace *all, size_t n, struct err *e);

#endif
