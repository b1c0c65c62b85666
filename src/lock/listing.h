/* What `mail-lock list` prints: locks, as JSON lines or as a table. */
#ifndef LOCK_LISTING_H
#define LOCK_LISTING_H

#include "core/err.h"
#include "core/look.h"
#include "lock/lock.h"

/*
 * {"key","state","id","tenant","at","until","taken_from","result"} for each
 * lock that passes, oldest first; what there is not is left out.
 */
int lock_listing(struct lock_engine *locks, const struct lock_filter *f,
    const struct look *look, struct err *e);

#endif
