/*
 * Where rates are kept: the interface of an engine ("sqlite:", "mem:").  It
 * knows names and bytes; the rules are lock/rate_rules.h's.  Only lock/rate.c
 * and tests need this.
 *
 * Between begin and end one process has it all to itself; all other operations
 * but is_slow are called there.  Errors are ERR_TEMP.  Times are milliseconds
 * since the epoch.
 */
#ifndef LOCK_RATE_ENGINES_H
#define LOCK_RATE_ENGINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "store/state.h"

struct rate_engine;

struct rate_ops {
	const char *scheme;
	struct rate_engine *(*open)(struct state *s, struct err *e);
	int (*begin)(struct rate_engine *r, struct err *e);
	/* result -1, or nothing was written: as if nothing had been. */
	int (*end)(
	    struct rate_engine *r, int result, bool is_written, struct err *e);
	/* What is kept of a scope, "" if nothing is. */
	int (*load)(struct rate_engine *r, const char *name, struct buf *out,
	    struct err *e);
	/* Until then it is wanted; until slow_until it may be slowed down. */
	int (*store)(struct rate_engine *r, const char *name,
	    const struct buf *bytes, int64_t until, int64_t slow_until,
	    struct err *e);
	/* Is any scope slowed down?  1, 0, -1. */
	int (*is_slow)(struct rate_engine *r, int64_t now, struct err *e);
	/* Forget at most max scopes that nobody wants any more. */
	int (*prune)(
	    struct rate_engine *r, size_t max, int64_t now, struct err *e);
	/*
	 * Connections of a scope: *all, and *own of them owner's.  Those that
	 * are over, or end later than latest, are forgotten.
	 */
	int (*count)(struct rate_engine *r, const char *name, const char *owner,
	    int64_t now, int64_t latest, int64_t *all, int64_t *own,
	    struct err *e);
	/* So many are owner's; until 0: as it was. */
	int (*set)(struct rate_engine *r, const char *name, const char *owner,
	    int64_t n, int64_t until, struct err *e);
	int (*renew)(struct rate_engine *r, const char *owner, int64_t until,
	    struct err *e);
	void (*close)(struct rate_engine *r);
};

/* What every engine's struct begins with. */
struct rate_engine {
	const struct rate_ops *ops;
};

extern const struct rate_ops rate_sqlite_ops; /* tables of lock.db */
extern const struct rate_ops rate_mem_ops; /* lives in the process */

#endif
