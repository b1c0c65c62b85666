/*
 * `mail-queue take`: lease ready mails and write them out, and keep the leases
 * alive until somebody behind the pipe has started or settled them.
 */
#ifndef QUEUE_TAKER_H
#define QUEUE_TAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "queue/engines.h"

enum {
	TAKER_LEASE_S = 120,
	TAKER_WINDOW = 32,
};

struct taker {
	const char *queue;
	int64_t window; /* at most so many leases unsettled */
	int64_t lease_s;
	int64_t count; /* take so many and end at once; 0: no limit */
	int64_t wait_s; /* wait so long for mail; -1 for ever, 0 not at all */
	bool is_single; /* end at once (0) when another such take runs */
};

/*
 * Take until nothing is ready (see wait_s), a signal comes (INT, TERM, HUP:
 * what was not started is given back; a second one ends at once), or the reader
 * is gone.  -1, ERR_TEMP: also when nobody works on what was taken.
 */
int taker_run(struct queue *q, const struct taker *how, struct err *e);

#endif
