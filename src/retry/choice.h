/* Which mails an operator means. */
#ifndef RETRY_CHOICE_H
#define RETRY_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "core/jq.h"
#include "desk/listing.h"
#include "queue/engines.h"

/* A mail must be all that is given. */
struct choice {
	struct listing which; /* but for its state */
	char *const *ids; /* n_ids of them; without any: all */
	size_t n_ids;
	const char *class; /* of its trouble; NULL: any */
	const char *matching; /* is in the reason of its last result */
	const char *jq; /* is true of its record, as list has it */
	struct jq_program *program; /* kept by choice_open */
};

/* Is anything chosen at all? */
bool choice_is_made(const struct choice *c);

/* ERR_USAGE: what is no jq program, or no id. */
int choice_open(struct choice *c, struct err *e);
void choice_close(struct choice *c);

/*
 * Is it this one, as far as class, matching and jq go?  1, 0, -1: ERR_TEMP.
 * What jq fails on, or cannot look into (ledger/sealed.h), is named, and is not
 * meant.
 */
int choice_has(
    const struct choice *c, const struct mail_row *row, struct err *e);

/*
 * Those in this state, oldest first.  An id that is no mail's is named
 * (ERR_DATA), and so is one that is in another state.
 */
int choice_walk(const struct choice *c, struct queue *q, enum mail_state state,
    mail_row_fn *fn, void *ctx, struct err *e);

#endif
