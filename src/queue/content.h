/* The bytes of a mail, from the store back to those who want them. */
#ifndef QUEUE_CONTENT_H
#define QUEUE_CONTENT_H

#include <jv.h>
#include <stdbool.h>

#include "core/err.h"
#include "queue/queue.h"

/*
 * Replace a record's "blob" by "content": inline up to CONTENT_INLINE_MAX or
 * always, else a spool file.  A record without a blob stays as it is.
 * ERR_DATA: the blob is gone, or too large for a line.
 */
int content_load(struct queue *q, jv *rec, bool is_inline, struct err *e);

/* Write the message of mail id to a descriptor.  ERR_DATA: there is none. */
int content_write(struct queue *q, const char *id, int fd, struct err *e);

/* Copy from one descriptor to another, in windows. */
int content_copy(int from, int to, const char *name, struct err *e);

#endif
