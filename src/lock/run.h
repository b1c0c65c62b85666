/* `mail-lock run`: a command, at most one at a time, or once only. */
#ifndef LOCK_RUN_H
#define LOCK_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "lock/lock.h"

enum {
	LOCK_RUN_LEASE_S = 120, /* renewed while the command runs */
};

struct lock_run {
	const char *key;
	char *const *argv; /* ends with NULL */
	int64_t lease_s, ttl_s;
	bool is_once; /* what has ended well is not run again within ttl_s */
	bool must_run; /* that another holds the lock is an error */
};

/*
 * Run it and wait for its end.  The claim is renewed while it runs; when the
 * claim is lost it is ended, for another may run by then.  ERR_TEMP: it failed,
 * or could not be started.
 */
int lock_run(
    struct lock_engine *locks, const struct lock_run *how, struct err *e);

#endif
