/*
 * The engines of one state directory: ledger, blobs, and the intake before
 * them, opened when they are first needed.
 */
#ifndef QUEUE_ENGINES_H
#define QUEUE_ENGINES_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/err.h"
#include "ledger/mail.h"
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
	pid_t drawing; /* a child that draws (queue/draw.c); 0: none */
};

void queue_init(struct queue *q, struct state *s);
/* Waits for a child that draws. */
void queue_close(struct queue *q);

/* A verb's work on the queues of the state directory: open, work, close. */
typedef int queue_work(struct queue *q, void *ctx, struct err *e);
int queue_with(queue_work *work, void *ctx, struct err *e);

/* The same, also while the configuration is broken: state_open_anyway. */
int queue_with_anyway(queue_work *work, void *ctx, struct err *e);

/* Opened, but nothing drawn (queue/draw.h).  NULL: ERR_TEMP. */
struct blobs *queue_blobs(struct queue *q, struct err *e);
struct mail_engine *queue_ledger(struct queue *q, struct err *e);
struct intake *queue_intake(struct queue *q, struct err *e);

/* Does this ledger have an intake before it? */
bool queue_has_intake(const struct queue *q);

#endif
