/*
 * `mail-store backup DIR` and `restore DIR`.
 *
 *   DIR/blobs/        every blob, a hard link or a copy
 *   DIR/state/        mail.db, lock.db, intake, layout, backup.json: of one
 *                     moment
 *   DIR/new/          the next DIR/state, while it is made
 *   DIR/lock          one backup at a time
 *
 * The order makes it whole while others write: the intake first, then the
 * databases, then blobs.  What was acknowledged before is in the intake that is
 * copied, or has been drawn into the database that is copied later; both may
 * have it, for applying it twice changes nothing.  The bytes of a row are there
 * before the row is, so that the blobs, copied last, have them all; nothing is
 * removed meanwhile (queue/removal.h).
 *
 *   killed                     what is there, and what the next run does
 *   before DIR/new is whole    DIR/state is the backup before, with its blobs;
 *                              DIR/new is made anew
 *   at the exchange            one or the other is DIR/state, both whole
 *   while blobs are pruned     DIR/state is whole; the rest is pruned
 *
 * A state directory that is restored has the layout "restoring", which no
 * program works in, until all is there and what waits is in doubt
 * (mail_ops.doubt); the next run of restore begins anew.
 */
#ifndef DESK_BACKUP_H
#define DESK_BACKUP_H

#include "core/err.h"
#include "queue/engines.h"

/* ERR_TEMP; the backup that was there is untouched then. */
int backup_run(struct queue *q, const char *dir, struct err *e);

/* Into the state directory, which must be empty.  ERR_TEMP. */
int backup_restore(const char *dir, struct err *e);

#endif
