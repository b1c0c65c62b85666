/*
 * The locks that mails of a queue may have (lock/lock.h), as mail-retry asks
 * them.  Where there are none, for nobody uses mail-lock, it costs nothing and
 * makes none.
 */
#ifndef RETRY_LOCKS_H
#define RETRY_LOCKS_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/err.h"
#include "lock/lock.h"
#include "queue/engines.h"

struct locks {
	struct queue *q;
	struct lock_engine *engine; /* opened when it is first needed */
	bool is_known; /* whether there are any */
};

/*
 * Was the effect of this mail had, whatever its row says?  1 with the result
 * appended to *result; 0; -1: ERR_TEMP.
 */
int locks_is_done(
    struct locks *l, const char *id, struct buf *result, struct err *e);

enum locks_fate {
	LOCKS_DONE, /* it has happened */
	LOCKS_AGAIN, /* it is tried again */
	LOCKS_FAIL, /* it has not happened, and will not */
};

/*
 * Somebody has decided about a parked mail: its lock, if it has one that is
 * uncertain or claimed, becomes done with this result, or free; a claim stays
 * with a mail that is tried again, which takes it over.  ERR_TEMP.
 */
int locks_resolve(struct locks *l, const char *id, enum locks_fate fate,
    const struct buf *result, struct err *e);

void locks_release(struct locks *l);

#endif
