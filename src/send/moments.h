/*
 * When letters may go: moments of lock/rate.h, in the scopes of their
 * transport, their tenant and where they go to,
 *
 *   transports.X.limits   tenants.T.limits   transports.X.domains.D.limits
 *
 * each {per_s, per_day, connections}; and their share of connections.
 */
#ifndef SEND_MOMENTS_H
#define SEND_MOMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/id.h"
#include "lock/rate.h"
#include "queue/engines.h"
#include "send/lane.h"
#include "send/letter.h"

enum {
	/* A letter waits in hand, at most; one of a priority above 0, which
	   may have the moment of another then. */
	MOMENTS_WITHIN_MS = 10 * 1000,
	MOMENTS_URGENT_WITHIN_MS = 20 * 1000,
	/* Before its moment a letter is made ready, and its lease started. */
	MOMENTS_LEAD_MS = 100,
	MOMENTS_LEASE_MS = 60 * 1000, /* of connections, unless renewed */
};

struct moments {
	struct queue *queue;
	struct rates *rates; /* opened when they are needed first */
	char owner[ID_TEXT]; /* of connections */
	size_t connected;
	int64_t renew_at; /* wall clock; 0: nothing to renew */
};

void moments_init(struct moments *m, struct queue *queue);
void moments_release(struct moments *m);

/*
 * Reserve moments for n letters, in one transaction: l->at.  One that is too
 * far away is done: "snooze".  When rates cannot be had they are withheld.
 * Urgent ones have the first moments of less urgent letters that wait in these
 * lanes, which have theirs then.
 */
void moments_reserve(struct moments *m, struct lane **lanes, size_t n_lanes,
    struct letter **letters, size_t n);

/*
 * Was its moment missed, or is it farther away than any that is reserved, since
 * the clock was set back?  Then another is to be reserved.
 */
bool moments_is_missed(const struct letter *l, int64_t now);
bool moments_is_far(const struct letter *l, int64_t now);
void moments_forget(struct letter *l);

/* The server has said: slower; not before after_s, 0: it did not say when. */
void moments_slow_down(
    struct moments *m, const struct letter *l, int64_t after_s);

/*
 * A connection of the transport's limit; and one of its tenant's and its
 * domain's, for a letter on its way.  false: none is free now.
 */
bool moments_connect(struct moments *m, const struct transport *t);
void moments_disconnect(struct moments *m, const struct transport *t);
bool moments_join(struct moments *m, struct letter *l);
void moments_leave(struct moments *m, struct letter *l);

/* Keep what there is; when it is to be called again (wall clock). */
int64_t moments_renew(struct moments *m, int64_t now);

#endif
