/* Stored mails parsed again, when a better parser has come. */
#ifndef DESK_REPARSE_H
#define DESK_REPARSE_H

#include <stdbool.h>

#include "core/err.h"
#include "desk/listing.h"
#include "queue/engines.h"

struct reparse_options {
	struct listing which;
	char *const *ids; /* only these; the last one is NULL */
	bool is_dry; /* only say what would change */
};

/*
 * Make "message" and "fingerprint" of stored records anew (mail/renew.h), where
 * they differ; each change is in the history.  Mails that cannot be read are
 * named, count as failed (ERR_TEMP), and keep nobody up.  Says on stderr how
 * many were read and changed.
 */
int reparse(struct queue *q, const struct reparse_options *how, struct err *e);

#endif
