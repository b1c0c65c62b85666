/*
 * Many files, synced together.  One fsync after the other is a flush of the
 * disk for each, and most of the wait is for those; when all are asked for at
 * once, the kernel lets them share their flushes (for 260 files of 14 KB on
 * ext4: 15 flushes instead of 520).  Unlike syncfs it waits for nobody else's
 * files, and means on every file system what fsync means.
 */
#ifndef CORE_SYNC_H
#define CORE_SYNC_H

#include <stddef.h>

#include "core/err.h"

enum {
	SYNC_MAX = 64, /* so many at once */
};

struct sync_file {
	int fd;
	const char *name; /* for the error text */
};

/* What is kept from one call to the next; starts as zeros. */
struct sync {
	unsigned long aio; /* the kernel's context; 0: none yet */
};

/*
 * At most SYNC_MAX files; on 0 all of them are on stable storage.  ERR_TEMP:
 * any of them may not be.
 */
int sync_files(
    struct sync *s, const struct sync_file *files, size_t n, struct err *e);

/* It takes the kernel some 30 ms where there were many. */
void sync_release(struct sync *s);

#endif
