/*
 * The event loop of mail-dispatch: records from stdin, a handler for each, many
 * at once, and each record to stdout as soon as its handler is over.
 *
 * No more is read than can be started, beyond what one read(2) brings; only
 * records whose own handler has no room wait in memory (LOOP_WAITING_MAX), so
 * that those behind them come by.  Slow readers of stdout stop new handlers,
 * never the time limits of those that run.  The first INT, TERM or HUP: nothing
 * more is started, records that were read go out as they came, what runs is
 * finished.  The second: all families are killed.
 */
#ifndef HANDLER_LOOP_H
#define HANDLER_LOOP_H

#include <stddef.h>

#include "core/err.h"
#include "handler/job.h"

enum {
	HANDLERS_MAX = 240, /* four descriptors each, of the usual 1024 */
	LOOP_WAITING_MAX = 64,
	LOOP_WAITING_BYTES = 16 * 1024 * 1024,
};

/*
 * Run until the end of stdin, with at most parallel (1 to HANDLERS_MAX)
 * handlers at once.  Failures that do not end the run are reported
 * (tool_failed); -1 is for what ends it (ERR_TEMP).
 */
int handler_loop(const struct job_plan *plan, size_t parallel, struct err *e);

#endif
