/*
 * When cron's programs ran last, for doctor: runs/NAME in the state directory,
 * a time in RFC 3339.  It is only advice: not synced, and no run fails for it.
 */
#ifndef QUEUE_LAST_RUN_H
#define QUEUE_LAST_RUN_H

#include <stdint.h>

#include "core/err.h"
#include "store/state.h"

/* A run of name ("mail-retry-due") has come to a good end. */
void last_run_note(const struct state *s, const char *name);

/* When that was; 0: never, or nobody knows. */
int64_t last_run_at(const struct state *s, const char *name);

#endif
