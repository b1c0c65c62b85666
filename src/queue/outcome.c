#include "queue/outcome.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/id.h"
#include "core/json.h"
#include "core/tool.h"
#include "mail/record.h"
#include "queue/breaker.h"
#include "queue/queue.h"

/* A name as programs write it, borrowed from result. */
static const char *
name_in(json result, const char *key, const char *fallback)
{
	const char *s = json_str(result, key);

	return s != NULL && name_valid(s, strlen(s)) ? s : fallback;
}

static bool
is_retried(const struct queue *q, json rec)
{
	return strcmp(config_tenant_str(&q->state->config,
			  json_str(rec, "tenant"), "on_uncertain", "park"),
		   "retry") == 0;
}

/* The age of "retry", as mail-retry(1) has it, 0 without one. */
static int64_t
age_in(json retry, const char *class)
{
	json of_class = config_in(config_in(retry, "classes"), class);
	int64_t age_s = config_in_duration_s(of_class, "age", 0);

	return age_s > 0 ? age_s : config_in_duration_s(retry, "age", 0);
}

/*
 * Snoozed for ever by an answer that is the same for ever, a mail would never
 * be anybody's concern: old enough, mail-retry decides.  What waits for us, for
 * a limit of ours or an operator, may wait.
 */
static int64_t
old_ms(const struct queue *q, json rec, json result)
{
	const struct config *c = &q->state->config;
	const char *class = json_str(result, "class");
	const char *stage = json_str(result, "stage");
	int64_t age_s;

	if (stage == NULL || strcmp(stage, "mail-send") != 0 ||
	    json_str(result, "route") == NULL || json_true(result, "holds"))
		return 0;
	if (class == NULL)
		class = "";
	age_s = age_in(
	    config_in(config_tenant(c, json_str(rec, "tenant")), "retry"),
	    class);
	if (age_s == 0)
		age_s = age_in(config_in(c->root, "retry"), class);
	return (age_s > 0 ? age_s : OUTCOME_AGE_S) * 1000;
}

/* One record's outcome, as the ledger wants it.  text keeps the result. */
static int
read_outcome(const struct queue *q, json rec, struct mail_settle *s,
    struct buf *text, struct err *e)
{
	json result;
	const char *status = record_status(rec);
	int r = queue_lease(rec, &s->lease, e);

	if (r == 0)
		return err_set(e, ERR_DATA,
		    "%s: no lease: only what mail-queue take gave out can be "
		    "settled",
		    record_id(rec));
	if (r == -1 || !record_has_result(rec))
		return r == -1 ? -1 : 0;
	r = status != NULL ? mail_status_parse(status) : -1;
	if (r == -1)
		return err_set(e, ERR_DATA,
		    "%s: result.status must be one of ok retry snooze skip "
		    "fail uncertain",
		    record_id(rec));
	s->status = (enum mail_status)r;
	result = json_member(rec, "result", JSON_OBJECT);
	s->stage = name_in(result, "stage", "unknown");
	s->class = name_in(result, "class", NULL);
	s->is_retried = is_retried(q, rec);
	s->after_ms =
	    json_int(result, "after_s", s->status == STATUS_SNOOZE ? 60 : 0) *
	    1000;
	if (s->after_ms < 0)
		s->after_ms = 0;
	if (s->status == STATUS_SNOOZE)
		s->old_ms = old_ms(q, rec, result);
	json_dump(result, text);
	return 0;
}

static void
say_unusual(const struct mail_settle *s)
{
	struct err e = ERR_INIT;

	if (s->is_unknown) {
		err_set(&e, ERR_DATA, "%s: no such mail in the ledger",
		    s->lease.id);
		tool_failed(&e);
	} else if (s->is_stale) {
		tool_say("%s: its lease was over; the history has this result",
		    s->lease.id);
	}
}

/* Of those that count: what it means for their routes. */
static void
tell_breakers(struct queue *q, const struct mail_settle *settles,
    const json *recs, size_t n)
{
	struct breaker_runs runs = {0};

	for (size_t i = 0; i < n; i++)
		if (settles[i].status != STATUS_NONE &&
		    !settles[i].is_unknown && !settles[i].is_stale)
			breaker_add(&runs, recs[i]);
	breaker_end(q, &runs);
}

int
outcome_batch(void *ctx, struct batch_item *items, size_t n, struct err *e)
{
	const struct outcome *o = ctx;
	struct mail_settle *settles = xcalloc(n, sizeof *settles);
	struct buf *texts = xcalloc(n, sizeof *texts);
	json *recs = xcalloc(n, sizeof *recs); /* borrowed */
	size_t m = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		struct err bad = ERR_INIT;
		struct mail_settle *s = &settles[m];

		items[i].fate = o->is_echo ? BATCH_EMIT : BATCH_SWALLOW;
		if (record_check(items[i].rec, &bad) == -1 ||
		    read_outcome(o->queue, items[i].rec, s, &texts[m], &bad) ==
			-1) {
			batch_refuse(&items[i], &bad);
			*s = (struct mail_settle){0};
			continue;
		}
		if (s->status != STATUS_NONE) {
			s->result = texts[m].data;
			s->result_len = texts[m].len;
		}
		recs[m++] = items[i].rec;
	}
	r = queue_settle(o->queue, settles, m, e);
	if (r == 0)
		tell_breakers(o->queue, settles, recs, m);
	for (size_t i = 0; r == 0 && i < m; i++)
		say_unusual(&settles[i]);
	for (size_t i = 0; i < n; i++)
		buf_release(&texts[i]);
	free(texts);
	free(recs);
	free(settles);
	return r;
}
