/*
 * Decisions about mails, written down in batches: each batch is one short
 * transaction, so that who takes or settles is never held up, and who is killed
 * leaves each mail decided or as it was.
 */
#ifndef RETRY_MOVER_H
#define RETRY_MOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "queue/engines.h"
#include "retry/pace.h"

enum {
	MOVER_BATCH = 500,
	MOVER_BYTES = 1024 * 1024, /* of text that waits for its batch */
};

/* One decision.  Strings are copied. */
struct decided {
	enum mail_state to;
	const char *stage; /* for the history, ":retry" */
	const char *status; /* of its entry, or NULL */
	const char *reason; /* the same */
	const char *queue; /* of a stored one, else NULL */
	bool is_anew, is_marked, is_edited;
	const char *record, *last; /* instead of the row's, or NULL */
	size_t record_len, last_len;
};

struct pending;

struct mover {
	struct queue *q;
	bool is_dry; /* print what would be done, and do nothing */
	bool is_echo; /* print the records of what was done */
	struct pace *pace; /* or NULL; it counts what becomes ready */
	/* Of those that came into a state; those that had moved meanwhile. */
	int64_t moved[MAIL_STATES], lost;
	bool is_over; /* its time is: decide nothing more */
	/* Kept by what follows. */
	struct pending *all;
	size_t n, ready, bytes;
	struct buf out;
};

/*
 * Decide about row as it is now.  -1: ERR_TEMP; what was decided before and is
 * not in the ledger yet is not decided then.
 */
int mover_add(struct mover *m, const struct mail_row *row,
    const struct decided *d, struct err *e);

/* Write down what waits. */
int mover_flush(struct mover *m, struct err *e);

void mover_release(struct mover *m);

#endif
