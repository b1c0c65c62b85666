#include "queue/engines.h"

#include "core/config.h"
#include "queue/intake.h"

void
queue_init(struct queue *q, struct state *s)
{
	*q = (struct queue){.state = s};
}

void
queue_close(struct queue *q)
{
	intake_close(q->intake);
	mail_close(q->mail);
	blobs_close(q->blobs);
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
