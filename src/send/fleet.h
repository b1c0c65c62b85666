/*
 * All lanes and all that carries their letters.  When carriers are short each
 * lane that has something to do has its share of them; one that does not answer
 * takes no place from the others, and no lane has more than all places.
 */
#ifndef SEND_FLEET_H
#define SEND_FLEET_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "send/carrier.h"
#include "send/lane.h"
#include "send/moments.h"

enum {
	FLEET_SLOW_MAX = 200, /* carriers that take no place */
	FLEET_PATIENCE_MS = 10 * 1000, /* for any answer of a server's */
};

struct fleet {
	struct carrier_tools tools;
	struct moments moments;
	size_t max; /* carriers */
	struct lane **lanes;
	size_t n_lanes;
	struct carrier **carriers;
	size_t n;
};

void fleet_init(struct fleet *f, struct queue *queue, size_t max);
void fleet_release(struct fleet *f);

struct lane *fleet_lane(struct fleet *f, struct transport *t);

/* Of the lane's carriers. */
size_t fleet_count(
    const struct fleet *f, const struct lane *lane, enum carrier_state state);

/*
 * An idle carrier for one of due letters of the lane, opened if need be.  NULL:
 * there is none now; where v->status is set it cannot be had, and why.
 */
struct carrier *fleet_carrier(
    struct fleet *f, struct lane *lane, size_t due, struct verdict *v);

/*
 * The time (monotonic) from which the lane's letters do not all wait for its
 * server to answer, at its greeting or to any mail; INT64_MAX: it does, or has
 * no more than one.
 */
int64_t fleet_patience(const struct fleet *f, const struct lane *lane);

/* Close what is over, has had enough, or has nothing to do. */
void fleet_sweep(struct fleet *f);

#endif
