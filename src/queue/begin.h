/*
 * Just before the effects of a program: the leases of its records are started,
 * all that can be started now in one write.
 */
#ifndef QUEUE_BEGIN_H
#define QUEUE_BEGIN_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/json.h"
#include "ledger/mail.h"
#include "queue/engines.h"

struct begin {
	json *rec; /* gets the number of the attempt in its lease */
	const struct mail_lease *lease; /* NULL: it has none, nothing is done */
	int64_t until; /* when the effect is surely over */
	/* Out: */
	int64_t attempt; /* 0 without a lease */
	struct err err; /* set: it must not be started (ERR_TEMP) */
};

/* stage is the program ("mail-dispatch"). */
void begin_all(struct queue *q, const char *stage, struct begin *all, size_t n);

#endif
