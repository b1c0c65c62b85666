/* `mail-lock acquire`: from records to locks. */
#ifndef LOCK_CLAIM_H
#define LOCK_CLAIM_H

#include <stddef.h>
#include <stdint.h>

#include "core/batch.h"
#include "core/config.h"
#include "core/err.h"
#include "core/jq.h"
#include "lock/lock.h"

enum {
	/* How long a record waits behind another's claim: as long as that is
	 * old, but within these. */
	CLAIM_AFTER_MIN_S = 60,
	CLAIM_AFTER_MAX_S = 3600,
};

struct claiming {
	struct lock_engine *locks;
	const struct config *config; /* tenants.T.on_uncertain */
	struct jq_program *key; /* NULL: lock_key */
	int64_t lease_s;
};

/*
 * The work of a batch (core/batch.h); ctx is a struct claiming.  What acquire
 * gets has "lock":{"key", "state":"claimed"} then; what it does not get has a
 * result of stage mail-lock or, when it was done before, the stored one with
 * "detail":{"replayed":true}. What has a result already passes untouched.
 */
int claim_batch(void *ctx, struct batch_item *items, size_t n, struct err *e);

#endif
