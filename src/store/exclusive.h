/*
 * One program alone in the state directory, for upgrade.  Whoever opens it has
 * a shared flock on the directory while it works there (state_open takes it),
 * so that no program of one release works on what another has changed under it.
 */
#ifndef STORE_EXCLUSIVE_H
#define STORE_EXCLUSIVE_H

#include "core/err.h"
#include "store/state.h"

enum {
	EXCLUSIVE_WAIT_MS = 10000, /* receiving programs come and go */
};

/* Share s->dir with others.  ERR_TEMP: somebody has it alone, and so he has
 * after wait_ms. */
int state_share(struct state *s, int wait_ms, struct err *e);

/*
 * Have it alone, until s is closed.  ERR_TEMP when others do not go in time;
 * one of them is named.  Also sees programs of releases that took no lock, by
 * what they have open (proc(5)), as far as this user may look.
 */
int state_exclude(struct state *s, struct err *e);

#endif
