/* The reverse of queue/receive.h: blobs become content again. */
#ifndef QUEUE_LOAD_H
#define QUEUE_LOAD_H

#include <stdbool.h>

#include "core/err.h"
#include "core/json.h"
#include "queue/engines.h"

/*
 * Replace "blob" by "content" in a record and in its message.parts: inline up
 * to CONTENT_INLINE_MAX while the line has room, or always, else a spool file.
 * What has no blob stays as it is.  ERR_DATA: a blob is gone, or too large for
 * a line; rec is then unchanged.
 */
int queue_load(struct queue *q, json *rec, bool is_inline, struct err *e);

#endif
