/*
 * Bytes of which there may be many: in memory to begin with, in an unnamed file
 * when they are more than BULK_MEMORY.  They are added at the end and read from
 * anywhere.
 */
#ifndef CORE_BULK_H
#define CORE_BULK_H

#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

enum {
	BULK_MEMORY = 256 * 1024,
};

/* Makes an unnamed file, open for reading and writing; -1: ERR_TEMP. */
typedef int bulk_file_fn(void *ctx, struct err *e);

struct bulk {
	struct buf memory; /* while fd is -1 */
	int fd;
	int64_t size;
	bulk_file_fn *file; /* NULL: they all stay in memory */
	void *ctx;
};

void bulk_init(struct bulk *b, bulk_file_fn *file, void *ctx);

/* What is in a regular file, which is the bulk's from now on. */
int bulk_init_file(struct bulk *b, int fd, struct err *e);

/* ERR_TEMP: the file. */
int bulk_add(struct bulk *b, const void *data, size_t n, struct err *e);

/* Up to n bytes from there; 0 at the end, -1: ERR_TEMP. */
int64_t bulk_read(
    const struct bulk *b, int64_t at, void *out, size_t n, struct err *e);

void bulk_release(struct bulk *b);

#endif
