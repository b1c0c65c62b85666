/*
 * The letters of one transport that wait, and its trouble.  While it has
 * trouble that all its mail has, they share its verdict, and nobody asks the
 * server again.
 */
#ifndef SEND_LANE_H
#define SEND_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "send/letter.h"
#include "send/verdict.h"

enum {
	LANE_DEAD_MS = 5 * 1000, /* how long nobody asks: it was not there */
	LANE_HELD_MS = 60 * 1000, /* or it did not want us */
	LANE_CROWDED_MS = 60 * 1000, /* or no more of us */
};

struct lane {
	struct transport *transport;
	struct letter *first, **end; /* those that wait, in their order */
	size_t n;
	size_t carriers; /* it has */
	bool is_up; /* one was opened since its last trouble */
	size_t cap; /* the server wants no more; 0: not known */
	int64_t cap_until, held_until; /* monotonic; 0: it is not */
	struct verdict trouble; /* why it is held */
};

struct lane *lane_new(struct transport *t);
void lane_free(struct lane *lane);

/* At the end, or first of all. */
void lane_add(struct lane *lane, struct letter *l);
void lane_add_first(struct lane *lane, struct letter *l);

/* The first one, or the first whose moment has come; NULL: there is none. */
struct letter *lane_take(struct lane *lane);
struct letter *lane_take_due(struct lane *lane, int64_t now);

/* How many have come to their moment, and when the next one does. */
size_t lane_count_due(const struct lane *lane, int64_t now, int64_t *next);

/* From now on, for so long, all its letters have this trouble. */
void lane_hold(struct lane *lane, const struct verdict *v);
bool lane_is_held(struct lane *lane, int64_t now);

#endif
