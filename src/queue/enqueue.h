/* `mail-queue put`: the gate, and the queue behind it. */
#ifndef QUEUE_ENQUEUE_H
#define QUEUE_ENQUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/batch.h"
#include "core/err.h"
#include "queue/engines.h"
#include "queue/gate.h"

struct enqueue {
	struct queue *queue;
	struct gate gate;
	const char *name; /* of the queue */
	int64_t ready_at; /* 0: now */
	bool is_echo; /* records are emitted, with a result */
};

/* The work of a batch (core/batch.h); ctx is a struct enqueue. */
int enqueue_batch(void *ctx, struct batch_item *items, size_t n, struct err *e);

#endif
