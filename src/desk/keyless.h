/* Sealed blobs where their secret key is not: what can be seen of them. */
#ifndef DESK_KEYLESS_H
#define DESK_KEYLESS_H

#include "core/err.h"
#include "ledger/owned.h"
#include "queue/engines.h"

/*
 * 1: it is sealed to a key that is not in the ring, and as long as its header
 * says; *why says which.  0: it is none of these, or is not there.  -1,
 * ERR_DATA: it is damaged, whatever the key would show.
 */
int keyless_look(struct queue *q, const struct owned *blob, struct err *why);

#endif
