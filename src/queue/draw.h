/*
 * Between a promise and the ledger: what was received is written to the intake,
 * and drawn from there into blobs and rows.
 */
#ifndef QUEUE_DRAW_H
#define QUEUE_DRAW_H

#include <stddef.h>

#include "core/err.h"
#include "queue/engines.h"
#include "queue/intake.h"

/*
 * Draw what was received since into the ledger, and open it.  Every reader of
 * rows does this first.
 */
int queue_draw(struct queue *q, struct err *e);

/* The ledger, opened and drawn; NULL: ERR_TEMP. */
struct mail_engine *queue_mail(struct queue *q, struct err *e);

/*
 * Put n entries on stable storage, through the intake or straight into blobs
 * and ledger.  ERR_TEMP.
 */
int queue_promise(struct queue *q, const struct intake_entry *entries, size_t n,
    struct err *e);

#endif
