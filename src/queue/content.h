/* The bytes of a mail, from the store back to those who want them. */
#ifndef QUEUE_CONTENT_H
#define QUEUE_CONTENT_H

#include <stdbool.h>

#include "core/err.h"
#include "core/json.h"
#include "queue/engines.h"

/*
 * A descriptor on the message of a record, from "blob" or "content", at its
 * start; the caller closes it.  -1: ERR_DATA when there is none (the blob is
 * gone or damaged, the record has neither), else ERR_TEMP, also when the secret
 * key is missing.  Does not consume rec.
 */
int queue_open_message(struct queue *q, json rec, struct err *e);

/* The same of a section that has "content". */
int queue_open_content(struct queue *q, json rec, struct err *e);

/* The same for a part's "blob" section. */
int queue_open_section(struct queue *q, json blob, struct err *e);

/*
 * The same for a blob's reference.  Whether it is that of another mail cannot
 * be seen then.
 */
int queue_open_blob(struct queue *q, const char *ref, struct err *e);

/* The same as it is stored (store/seal_file.h). */
int queue_open_stored(struct queue *q, const char *ref, struct err *e);

/* Write the message of mail id to a descriptor.  ERR_DATA: there is none. */
int content_write(struct queue *q, const char *id, int fd, struct err *e);

/*
 * Write the decoded content of one of its parts (mail/extract.h).  ERR_DATA:
 * there is no such part, or it has no content.
 */
int content_write_part(
    struct queue *q, const char *id, const char *part, int fd, struct err *e);

/* Copy from one descriptor to another, in windows. */
int content_copy(int from, int to, const char *name, struct err *e);

#endif
