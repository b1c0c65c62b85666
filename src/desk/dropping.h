/* `mail-queue drop`: mail that waits and is not wanted any more. */
#ifndef DESK_DROPPING_H
#define DESK_DROPPING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/option.h"
#include "desk/listing.h"
#include "queue/engines.h"

struct dropping {
	struct listing filter;
	/*
	 * Ids, and keys of records or what they begin with; a mail must be one
	 * of each kind that is given.
	 */
	struct string_list ids, keys, prefixes;
	const char *reason; /* for the history, or NULL */
	bool is_dry; /* only print what would be dropped */
	bool is_echo; /* print the ids of what was dropped */
};

/*
 * Drop them.  Mail that is leased, or done, stays as it is; how many there were
 * of either is said on stderr.
 */
int dropping_run(struct queue *q, const struct dropping *how, struct err *e);

#endif
