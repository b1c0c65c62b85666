/*
 * The event loop of mail-send: records from stdin, their mails out, and each
 * record to stdout as soon as its fate is known.
 *
 * What waits for its moment or for a connection waits in memory, up to
 * POOL_LETTERS records.  Slow readers of stdout stop new mails, never those on
 * their way.  The first INT, TERM or HUP: nothing more is started, records that
 * were read go out as they came, what is on its way is finished.  The second:
 * the end.
 */
#ifndef SEND_LOOP_H
#define SEND_LOOP_H

#include <stddef.h>

#include "core/err.h"
#include "queue/engines.h"
#include "send/transport.h"

enum {
	SEND_PARALLEL = 4,
	SEND_PARALLEL_MAX = 200,
};

/*
 * Run until the end of stdin, with at most parallel connections at once.
 * Failures that do not end the run are reported (tool_failed); -1 is for what
 * ends it (ERR_TEMP).
 */
int send_loop(struct queue *queue, struct transports *transports,
    size_t parallel, struct err *e);

#endif
