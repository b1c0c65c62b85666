/*
 * A spool file in the making: content too large for a line, written as it is
 * read, then named by one record or by several.  Where there is a public key
 * (keys.public) it is sealed while it is written: nothing of it is ever on the
 * disk in the clear.
 */
#ifndef STORE_SPOOL_H
#define STORE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"
#include "store/seal.h"
#include "store/state.h"

struct spool {
	struct state *state;
	int fd; /* -1: not being written */
	char **paths; /* "spool/…", each a name of the same file */
	size_t n;
	size_t n_given; /* so many of them belong to somebody else now */
	bool is_begun; /* some content came */
	struct sealer *sealer; /* NULL: it is not sealed */
	struct buf out; /* sealed and not yet written */
};

/* Nothing is created before spool_begin. */
/* clang-format off */
#define SPOOL_INIT {.fd = -1}
/* clang-format on */

/* Create it.  ERR_TEMP, also when the disk is nearly full. */
int spool_begin(struct spool *sp, struct state *s, struct err *e);

int spool_write(struct spool *sp, const void *data, size_t n, struct err *e);

/* Give all of it to add again, from the first byte, before spool_finish. */
int spool_replay(const struct spool *sp,
    int (*add)(void *ctx, const char *data, size_t n, struct err *e), void *ctx,
    struct err *e);

/*
 * All is written.  Afterwards there are n names, hard links: whoever stores a
 * record's content renames its file, so that each record needs one of its own.
 * It is not synced: that is for who stores it.
 */
int spool_finish(struct spool *sp, size_t n, struct err *e);

/* Remove the names that were not given away, and forget the rest. */
void spool_release(struct spool *sp);

#endif
