/*
 * Who removes blobs has a lock for itself, which a backup, verify and import
 * share: what the rows that they have read name, or those that they are about
 * to write, is not removed under them.
 */
#ifndef QUEUE_REMOVAL_H
#define QUEUE_REMOVAL_H

#include <stdbool.h>

#include "core/err.h"
#include "queue/engines.h"

/* The descriptor to close, or -1: ERR_TEMP, also when another has had it for a
 * minute. */
int removal_lock(struct state *s, bool is_removing, struct err *e);

/*
 * Remove the files of blobs whose rows are gone, also those that a killed run
 * has left; not of a mail that has come back since, nor those of today, which
 * one may just find again: they are for the next run.  With the lock.
 */
int removal_of_doomed(struct queue *q, struct err *e);

#endif
