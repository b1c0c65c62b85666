/* `mail-queue settle`: from records with results to outcomes in the ledger. */
#ifndef QUEUE_OUTCOME_H
#define QUEUE_OUTCOME_H

#include <stdbool.h>

#include "core/batch.h"
#include "core/err.h"
#include "queue/engines.h"

enum {
	OUTCOME_AGE_S = 5 * 86400, /* of retry/rules.h */
};

struct outcome {
	struct queue *queue;
	bool is_echo; /* records are emitted */
};

/* The work of a batch (core/batch.h); ctx is a struct outcome. */
int outcome_batch(void *ctx, struct batch_item *items, size_t n, struct err *e);

#endif
