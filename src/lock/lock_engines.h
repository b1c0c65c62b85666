/*
 * The lock engines that there are; only lock/lock.c, what else is in lock.db,
 * and tests need this.
 */
#ifndef LOCK_LOCK_ENGINES_H
#define LOCK_LOCK_ENGINES_H

#include "lock/lock.h"
#include "store/db.h"

extern const struct lock_ops lock_sqlite_ops; /* "sqlite:": lock.db */
extern const struct lock_ops lock_mem_ops; /* "mem:" lives in the process */
extern const struct lock_ops lock_fail_ops; /* "fail:N:SPEC" */
extern const struct lock_ops lock_trace_ops; /* "trace:SPEC" */

/* Of lock.db, without the tables of lock/rate_sqlite.c. */
extern const struct db_schema lock_sqlite_schema;

#endif
