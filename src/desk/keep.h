/* `mail-store keep`: the legal hold, past which nothing expires. */
#ifndef DESK_KEEP_H
#define DESK_KEEP_H

#include <stdbool.h>

#include "core/err.h"
#include "queue/engines.h"

struct keeping {
	char *const *ids; /* ended by NULL */
	const char *reason; /* for the history, or NULL */
	bool is_released; /* end it */
};

/* All or nothing; an id that is no mail's is named (ERR_DATA), the others are
 * kept. */
int keep_run(struct queue *q, const struct keeping *how, struct err *e);

#endif
