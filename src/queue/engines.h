/*
 * The engines of one state directory: ledger, blobs, and the intake before
 * them, opened when they are first needed.
 */
#ifndef QUEUE_ENGINES_H
#define QUEUE_ENGINES_H

#include <stdbool.h>

#include "core/err.h"
#include "queue/mail.h"
#include "store/blob.h"
#include "store/state.h"

#define QUEUE_BLOBS_DEFAULT "file:"
#define QUEUE_MAIL_DEFAULT "sqlite:"

struct intake;

struct queue {
	struct state *state;
	struct blobs *blobs;
	struct mail_engine *mail;
	struct intake *intake;
};

void queue_init(struct queue *q, struct state *s);
void queue_close(struct queue *q);

/* Opened, but nothing drawn (queue/draw.h).  NULL: ERR_TEMP. */
struct blobs *queue_blobs(struct queue *q, struct err *e);
struct mail_engine *queue_ledger(struct queue *q, struct err *e);
struct intake *queue_intake(struct queue *q, struct err *e);

/* Does this ledger have an intake before it? */
bool queue_has_intake(const struct queue *q);

#endif
