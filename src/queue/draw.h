/*
 * Between a promise and the ledger: what was received is written to the intake,
 * and drawn from there into blobs and rows.  Inside of queue/ only.
 */
#ifndef QUEUE_DRAW_H
#define QUEUE_DRAW_H

#include "queue/intake.h"
#include "queue/queue.h"

/* The engines, opened when they are first needed.  NULL: ERR_TEMP. */
struct blobs *queue_blobs(struct queue *q, struct err *e);
struct mail_engine *queue_ledger(struct queue *q, struct err *e);
struct intake *queue_intake(struct queue *q, struct err *e);

/* Does this ledger have an intake before it? */
bool queue_has_intake(const struct queue *q);

/*
 * Put n entries on stable storage, through the intake or straight into blobs
 * and ledger.  ERR_TEMP.
 */
int queue_promise(struct queue *q, const struct intake_entry *entries, size_t n,
    struct err *e);

#endif
