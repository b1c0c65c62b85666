/* `mail-lock settle`: from outcomes to locks. */
#ifndef LOCK_SETTLE_H
#define LOCK_SETTLE_H

#include <stddef.h>
#include <stdint.h>

#include "core/batch.h"
#include "core/err.h"
#include "lock/lock.h"

struct settling {
	struct lock_engine *locks;
	int64_t ttl_s;
};

/* The work of a batch (core/batch.h); ctx is a struct settling. */
int settle_batch(void *ctx, struct batch_item *items, size_t n, struct err *e);

#endif
