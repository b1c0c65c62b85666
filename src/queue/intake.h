/*
 * The intake: where the receiving programs write, one synced append a step,
 * and from which the next reader draws into blobs and ledger by batches.  An
 * alias pipe starts three programs a mail; opening SQLite in two of them costs
 * more than all the rest, and blob, directory and two commits are five syncs
 * where this needs two.  tests/bench/README.md has the measurement.
 *
 * On disk (state directory, intake/): a ring of INTAKE_SEGMENTS files that are
 * made once and never renamed or removed, so that no directory needs a sync;
 * and "turn", which says where to append.
 *
 *   append   shared flock on a segment, one write, fdatasync
 *   draw     exclusive flock on intake/lock (one at a time); for each segment
 *            that is not empty: move the turn away from it, take it
 *            exclusively (appenders are gone in a moment), apply its entries,
 *            then truncate it
 *
 * An entry is a line: SipHash of the rest, then fields, then the record.  What
 * a killed or full-disk append left behind has a wrong hash and was never
 * acknowledged; it is kept in intake/torn for people, and passed over.
 * Applying is idempotent, so a draw that died is simply repeated.  A segment
 * whose appender is stopped while it holds the lock is read, but not
 * truncated, until that process is gone.
 */
#ifndef QUEUE_INTAKE_H
#define QUEUE_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "store/state.h"

enum {
	INTAKE_SEGMENTS = 4,
	/*
	 * Above it, the appender draws, in a child, lest nobody ever does:
	 * first the last one of a line, since the others can go on meanwhile.
	 * Postfix lets its commands write files of 50 MB only
	 * (mailbox_size_limit).
	 */
	INTAKE_GROWN = 16 * 1024 * 1024,
	INTAKE_GROWN_TWICE = 2 * INTAKE_GROWN,
};

/* What one step of receiving promised.  Strings are borrowed. */
struct intake_entry {
	int64_t at;
	const char *id, *tenant;
	/* put: queue is not NULL. */
	const char *queue;
	int64_t priority, ready_at;
	/* store: the blob's bytes as base64, NULL when it is stored already. */
	const char *ref;
	const char *base64;
	size_t base64_len;
	const char *record;
	size_t record_len;
};

struct intake;

/*
 * Open it, making what is missing.  NULL: ERR_TEMP.  s is borrowed.
 */
struct intake *intake_open(struct state *s, struct err *e);
void intake_close(struct intake *in);

/* Format one entry, to be appended. */
void intake_format(const struct intake_entry *entry, struct buf *out);

/*
 * Append formatted entries; on 0 they are on stable storage.  *size is how much
 * there is now, 0 when that is not known.
 */
int intake_append(
    struct intake *in, const struct buf *entries, int64_t *size, struct err *e);

/* Apply n entries; -1 stops the draw, and they will come again. */
typedef int intake_apply_fn(
    void *ctx, const struct intake_entry *entries, size_t n, struct err *e);

/*
 * Draw everything that is there.  is_waiting: where another process draws, wait
 * for it, since the caller wants to see what that one drew; else leave it to
 * that one.
 */
int intake_draw(struct intake *in, bool is_waiting, intake_apply_fn *apply,
    void *ctx, struct err *e);

#endif
