/*
 * The rules of the table in lock/lock.h, once for all engines: what was found,
 * who asks, and what is to be written then.
 */
#ifndef LOCK_RULES_H
#define LOCK_RULES_H

#include "lock/lock.h"

/* How many a write of n prunes: more than it adds, so that none pile up. */
#define LOCK_PRUNE(n) (2 * (n) + 8)

enum lock_change {
	LOCK_KEEP, /* write nothing */
	LOCK_WRITE, /* the row as it is now */
	LOCK_REMOVE,
};

/*
 * row is what stands under the key, in state LOCK_FREE where nothing does; it
 * becomes what is to be written.  Its strings are borrowed from both.
 */
enum lock_change lock_rule_acquire(
    struct lock_row *row, struct lock_acquire *a, int64_t now);
enum lock_change lock_rule_settle(
    struct lock_row *row, struct lock_settle *s, int64_t now);
enum lock_change lock_rule_release(
    struct lock_row *row, struct lock_release *r, int64_t now);

/* Note the row in what was asked for. */
void lock_rule_get(const struct lock_row *row, struct lock_get *g, int64_t now);

/* A copy in one piece of memory, its strings too; the caller frees it. */
struct lock_row *lock_row_dup(const struct lock_row *row);

/* Does nobody need it any more? */
bool lock_rule_is_over(const struct lock_row *row, int64_t now);

/* Does it pass? */
bool lock_rule_fits(const struct lock_row *row, const struct lock_filter *f);

#endif
