#include "retry/locks.h"

#include <stdlib.h>

#include "core/clock.h"
#include "core/config.h"

/* 1 open, 0 nobody has ever made a lock, -1. */
static int
open_engine(struct locks *l, struct err *e)
{
	if (l->is_known)
		return l->engine != NULL;
	l->is_known = true;
	return lock_open_made(l->q->state, &l->engine, e);
}

int
locks_is_done(
    struct locks *l, const char *id, struct buf *result, struct err *e)
{
	struct lock_get g = {.id = id};
	int r = open_engine(l, e);

	if (r != 1)
		return r;
	if (l->engine->ops->get(l->engine, &g, 1, clock_now_ms(), e) == -1)
		return -1;
	r = g.state == LOCK_DONE && g.result != NULL;
	if (r == 1)
		buf_addstr(result, g.result);
	free(g.result);
	return r;
}

/* A claim that goes on by hand as well: its record comes for it. */
static bool
is_to_resolve(enum lock_state is, enum locks_fate fate)
{
	return is == LOCK_UNCERTAIN ||
	       (is == LOCK_CLAIMED && fate != LOCKS_AGAIN);
}

int
locks_resolve(struct locks *l, const char *id, enum locks_fate fate,
    const struct buf *result, struct err *e)
{
	struct lock_get g = {.id = id};
	int64_t now = clock_now_ms();
	struct lock_release release = {
	    .id = id,
	    .state = fate == LOCKS_DONE ? LOCK_DONE : LOCK_FREE,
	    .until = now + config_in_duration_s(l->q->state->config.root,
			       "limits.lock_ttl_s", LOCK_TTL_S) *
			       1000,
	    .result = result->data,
	    .result_len = result->len,
	};
	int r = open_engine(l, e);

	if (r != 1)
		return r;
	if (l->engine->ops->get(l->engine, &g, 1, now, e) == -1)
		return -1;
	free(g.result);
	if (!is_to_resolve(g.state, fate))
		return 0;
	return l->engine->ops->release(l->engine, &release, 1, now, e);
}

void
locks_release(struct locks *l)
{
	lock_close(l->engine);
}
