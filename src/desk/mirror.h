/*
 * The blobs of one directory in another, by hard links where that is possible,
 * else by copies.  A blob never changes, so what is there is not done again.
 */
#ifndef DESK_MIRROR_H
#define DESK_MIRROR_H

#include <stdint.h>

#include "core/err.h"

struct mirror_sum {
	int64_t there, linked, copied, removed;
};

/* All blobs below from are below to, too, on stable storage.  ERR_TEMP. */
int mirror_blobs(int from, int to, struct mirror_sum *sum, struct err *e);

/* Blobs below to that are not below from go. */
int mirror_prune(int from, int to, struct mirror_sum *sum, struct err *e);

#endif
