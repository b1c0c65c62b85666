/*
 * `mail-store expire`: mails that have been in an end state for longer than the
 * configuration wants to have them.  Without a word of it, nothing goes.
 *
 * The row and its history go, and its blobs are doomed, in one transaction;
 * then the files go; then they are forgotten.  A kill between two of them
 * leaves what the next run begins with.
 */
#ifndef DESK_EXPIRE_H
#define DESK_EXPIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "queue/engines.h"

/* Those that the configuration may name. */
#define EXPIRE_STATES "succeeded skipped dead parked dropped"

struct expiring {
	const char *tenant, *state; /* only these; NULL: all */
	int64_t count; /* at most; 0: all */
	int64_t rate; /* in a second; 0: as fast as it goes */
	int64_t budget_s; /* end after it; 0: when all is done */
	bool is_dry; /* only print the ids */
};

/* With -v it says how many there were.  ERR_TEMP. */
int expire_run(struct queue *q, const struct expiring *how, struct err *e);

#endif
