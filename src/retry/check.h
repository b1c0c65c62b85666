/* What must be true before a mail is made ready. */
#ifndef RETRY_CHECK_H
#define RETRY_CHECK_H

#include "core/err.h"
#include "queue/engines.h"

/*
 * Are the blobs of this record there, its own and those of its parts?  1, 0
 * with *why (it can never work), -1: ERR_TEMP, nobody knows.
 */
int check_blobs(struct queue *q, const struct mail_row *row, struct err *why,
    struct err *e);

#endif
