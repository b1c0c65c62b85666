#include "queue/engines.h"

#include "core/config.h"
#include "core/spawn.h"
#include "queue/intake.h"

void
queue_init(struct queue *q, struct state *s)
{
	*q = (struct queue){.state = s};
}

void
queue_close(struct queue *q)
{
	if (q->drawing > 0)
		spawn_reap(q->drawing);
	intake_close(q->intake);
	mail_close(q->mail);
	blobs_close(q->blobs);
}

static int
with_state(int (*open_state)(struct state *s, struct err *e), queue_work *work,
    void *ctx, struct err *e)
{
	struct state state;
	struct queue queue;
	int r = open_state(&state, e);

	queue_init(&queue, &state);
	if (r == 0)
		r = work(&queue, ctx, e);
	queue_close(&queue);
	state_close(&state);
	return r;
}

int
queue_with(queue_work *work, void *ctx, struct err *e)
{
	return with_state(state_open, work, ctx, e);
}

int
queue_with_anyway(queue_work *work, void *ctx, struct err *e)
{
	return with_state(state_open_anyway, work, ctx, e);
}

static const char *
mail_spec(const struct queue *q)
{
	return config_str(
	    &q->state->config, "engines.mail", QUEUE_MAIL_DEFAULT);
}

bool
queue_has_intake(const struct queue *q)
{
	return (mail_caps(mail_spec(q)) & MAIL_CAN_INTAKE) != 0;
}

struct blobs *
queue_blobs(struct queue *q, struct err *e)
{
	if (q->blobs == NULL)
		q->blobs = blobs_open(q->state,
		    config_str(&q->state->config, "engines.blobs",
			QUEUE_BLOBS_DEFAULT),
		    e);
	return q->blobs;
}

struct mail_engine *
queue_ledger(struct queue *q, struct err *e)
{
	if (q->mail == NULL)
		q->mail = mail_open(q->state, mail_spec(q), e);
	return q->mail;
}

struct intake *
queue_intake(struct queue *q, struct err *e)
{
	if (q->intake == NULL)
		q->intake = intake_open(q->state, e);
	return q->intake;
}
