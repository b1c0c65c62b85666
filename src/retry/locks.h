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

/*
 * Somebody has decided about an uncertain mail: its lock, if it has one that
 * is uncertain, becomes done with this result, or free.  ERR_TEMP.
 */
int locks_resolve(struct locks *l, const char *id, enum lock_state state,
    const struct buf *result, struct err *e);

void locks_release(struct locks *l);

#endif
