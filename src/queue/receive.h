/*
 * Receiving: what mail-store put and mail-queue put promise, in arrays, so that
 * records which came together share their syncs.
 */
#ifndef QUEUE_RECEIVE_H
#define QUEUE_RECEIVE_H

#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"
#include "core/jsonl.h"
#include "queue/engines.h"

enum {
	/*
	 * Longest record that is stored: what take, list and show add to it
	 * must still fit into a line.
	 */
	QUEUE_RECORD_MAX = JSONL_LINE_MAX - 512 * 1024,
};

/*
 * The record as it is stored, without what belongs to one run, and in at most
 * QUEUE_RECORD_MAX bytes, for what nobody could read again is refused
 * (ERR_DATA).  Does not consume rec.
 */
int queue_stored_form(json rec, struct buf *out, struct err *e);

struct storing_how {
	int attach_dir; /* below which paths of attachments are; -1: none are */
};

/*
 * Store records, the first *n_done of n (all of them, unless they become too
 * large together): "content" becomes "blob", mail that is to be sent a record
 * for each recipient (queue/outbound.h), and a row (stored) is there.  On
 * return recs[i] is the record to pass on, or an array of several; failures of
 * single records are in errs[i] and leave recs[i] as it was, and nothing of it
 * is stored.  -1: ERR_TEMP, nothing promised of any.
 */
int queue_store(struct queue *q, const struct storing_how *how, json *recs,
    struct err *errs, size_t n, size_t *n_done, struct err *e);

/*
 * Put n checked records on a queue, at once or not before ready_at (0: now).
 * Each record's "priority" counts.  Does not consume recs.  ERR_DATA failures
 * of single records are in errs[i].  -1: ERR_TEMP, nothing promised.
 */
int queue_put(struct queue *q, const json *recs, struct err *errs, size_t n,
    const char *queue, int64_t ready_at, struct err *e);

#endif
