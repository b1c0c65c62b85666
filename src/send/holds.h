/*
 * Tenants whose moments are given away for some time: take passes over them
 * (queue/pace.h), so that their mail does not fill the window.
 */
#ifndef SEND_HOLDS_H
#define SEND_HOLDS_H

#include <stddef.h>
#include <stdint.h>

#include "lock/rate.h"
#include "queue/engines.h"
#include "send/letter.h"

struct hold;

struct holds {
	struct hold *all;
	size_t n;
};

/* What was reserved for a letter, or was not. */
void holds_note(struct holds *h, const struct letter *l,
    const struct rate_ask *ask, int64_t now);

/* Write them down; a failure is reported and costs no letter anything. */
void holds_end(struct holds *h, struct queue *q);

#endif
