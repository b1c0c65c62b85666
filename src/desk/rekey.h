/* Data keys sealed anew, when the public key is another. */
#ifndef DESK_REKEY_H
#define DESK_REKEY_H

#include "core/err.h"
#include "queue/engines.h"

/*
 * Seal the data keys of all rows and blobs to keys.public, with the secret keys
 * of the ring; content is not touched, nor is what is plain.
 *
 * What is there after a kill, and what the next run does:
 *
 *   while a blob's key is written   one write within a sector: the old or the
 *                                   new one, and either is in the ring; at
 *                                   its end a run syncs what was left so
 *   between blob and row            each says by itself which key it needs
 *   before the commit               rows as they were: done again
 *
 * Mails that cannot be opened are named, count as failed (ERR_TEMP), and keep
 * nobody up.  Says on stderr what it did.
 */
int rekey(struct queue *q, struct err *e);

#endif
