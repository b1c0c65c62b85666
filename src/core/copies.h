/*
 * Many files on their way to their names: each is written beside its name, all
 * are synced together (core/sync.h), then renamed, and the directory is synced.
 * A file that has its name is whole; what a kill leaves ends in ".tmp" and is
 * written anew by the next run.
 */
#ifndef CORE_COPIES_H
#define CORE_COPIES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "core/sync.h"

struct copies {
	int dir, tmp_dir; /* -1: not entered */
	struct {
		int fd;
		char *name;
	} files[SYNC_MAX];
	size_t n;
	bool is_dirty; /* names were made, by us or before; it is not synced */
	struct sync sync;
};

/* clang-format off */
#define COPIES_INIT {.dir = -1, .tmp_dir = -1}
/* clang-format on */

/*
 * What follows goes into the directory path below root, which is made when it
 * is missing; tmp is where files are written first, NULL: in path too.  What
 * was begun elsewhere is published.  ERR_TEMP, like all here.
 */
int copies_enter(struct copies *c, int root, const char *path, const char *tmp,
    struct err *e);

/* A new file, to be named; the descriptor, which stays this module's, or -1. */
int copies_begin(struct copies *c, const char *name, struct err *e);

/* Forget the last one begun. */
void copies_cancel(struct copies *c);

/*
 * Give a file of another directory its name here as well, a hard link: at once,
 * durable with the others.  1, 0 it has to be copied, -1.
 */
int copies_link(
    struct copies *c, int from_dir, const char *name, struct err *e);

/*
 * On 0 all that was begun is on stable storage under its name, as is what the
 * directory had before.
 */
int copies_publish(struct copies *c, struct err *e);

/* What was not published is gone. */
void copies_release(struct copies *c);

#endif
