/*
 * `mail-store import`: what export has written, made mails again
 * (desk/image.h says in which state).  Each is whole or not there: bytes
 * first, as blobs that have their owner's name, then the row; a kill between
 * the two leaves blobs that the next run takes for its own.
 */
#ifndef DESK_IMPORT_H
#define DESK_IMPORT_H

#include "core/err.h"
#include "queue/engines.h"

/*
 * All mails of dir, which is of either kind.  A mail that is here already stays
 * as it is; one whose row or bytes are broken is named (ERR_DATA), and the
 * others are done.  With -v it says how many there are.
 */
int import_run(struct queue *q, const char *dir, struct err *e);

#endif
