/*
 * The operator's ways back: `mail-retry revive`, `uncertain` and `stranded`.
 */
#ifndef RETRY_AGAIN_H
#define RETRY_AGAIN_H

#include <stdbool.h>

#include "core/err.h"
#include "queue/engines.h"
#include "retry/choice.h"
#include "retry/pace.h"

/* From one state to another, by hand. */
struct again {
	struct choice choice;
	enum mail_state from, to;
	const char *stage; /* for the history */
	const char *queue; /* of what was never queued */
	const char *reason; /* or NULL */
	struct pace pace;
	bool is_dry, is_echo;
};

/*
 * What becomes ready has its tries before it again, and its age counts from
 * now; what may have happened is marked.  A mail whose bytes are gone is named
 * (ERR_DATA) and stays.
 */
int again_run(struct queue *q, struct again *how, struct err *e);

/*
 * The same for the records on stdin, each of which takes the place of the one
 * that its row has: all but its id, tenant and stored bytes may be another.
 */
int again_edited(struct queue *q, struct again *how, struct err *e);

#endif
