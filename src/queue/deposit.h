/*
 * A deposit: one "content" of a record on its way to being a blob.  First each
 * is taken, which may fail for it alone; then all are put together.
 */
#ifndef QUEUE_DEPOSIT_H
#define QUEUE_DEPOSIT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "core/json.h"
#include "queue/engines.h"
#include "store/seal.h"

struct deposit {
	char ref[BLOB_REF];
	struct state *state;
	char *spool; /* the file that becomes the blob; NULL: there is none */
	bool is_ours; /* it was made here, and nobody else knows of it */
	bool is_known; /* a blob of an earlier try is there, and stays */
};

/* Of part of mail id (0: the message itself). */
void deposit_init(
    struct deposit *d, struct queue *q, const char *id, int part, int64_t at);

/*
 * Take a content of either kind.  may_be_stored: it is no error when its file
 * is gone and the blob is there, since a run that failed has put it.  On 0
 * *blob is the "blob" section; a "temporary" file will be consumed.  ERR_DATA:
 * there is no such content.
 */
int deposit_take(struct deposit *d, struct queue *q, json content,
    bool may_be_stored, json *blob, struct err *e);

/*
 * The "blob" section of content.base64 alone, for who brings the bytes himself
 * (queue/intake.h).  What he has to bring goes to *stored, base64 too, when it
 * is not what came: sealed, where key is not NULL.
 */
int deposit_take_base64(const struct deposit *d, const char *base64, size_t n,
    const struct seal_data_key *key, struct buf *stored, json *blob,
    struct err *e);

/*
 * A file of the spool that somebody has written, sealed where it must be, and
 * its "size" and "digest" in blob: it is ours from now on.  ERR_DATA: under
 * this reference other bytes are stored.
 */
int deposit_take_spool(struct deposit *d, struct queue *q, const char *path,
    json blob, struct err *e);

/* Put n of them, those that have no file excepted.  ERR_TEMP: any may be. */
int deposit_put(
    struct queue *q, const struct deposit *all, size_t n, struct err *e);

/* Files of ours that were not put are removed. */
void deposit_release(struct deposit *d);

#endif
