/* The deposits of a record: one for its message, and one for each part. */
#ifndef QUEUE_DEPOSITS_H
#define QUEUE_DEPOSITS_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/json.h"
#include "queue/deposit.h"
#include "queue/engines.h"

struct deposits {
	struct deposit *all;
	size_t n;
};

/*
 * Take the content of each part and put its "blob" in its place; to be put by
 * deposit_put, released on failure too.  at: when the mail was received.
 * ERR_DATA names the part.
 */
int deposits_take_parts(struct queue *q, json *rec, int64_t at,
    struct deposits *out, struct err *e);

/* One more; good until the next. */
struct deposit *deposits_add(struct deposits *d);

void deposits_release(struct deposits *d);

#endif
