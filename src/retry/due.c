#include "retry/due.h"

#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/progress.h"
#include "core/tool.h"
#include "queue/draw.h"
#include "queue/last_run.h"
#include "retry/alarm.h"
#include "retry/check.h"
#include "retry/locks.h"
#include "retry/mover.h"
#include "retry/sum.h"
#include "store/state.h"

enum {
	UNCHECKED_MAX = 20, /* that many are named */
};

struct run {
	struct queue *q;
	struct due *how;
	struct mover mover;
	struct locks locks;
	struct sum sum;
	struct fate fate; /* of the group at work */
	/* Its mails are walked over twice; these, queued until then, first. */
	int64_t old_before;
	bool is_old; /* this is the first walk */
	int64_t now;
	int unchecked; /* whose bytes cannot be looked at */
};

static int
make_dead(
    struct run *r, const struct mail_row *row, const char *why, struct err *e)
{
	struct decided d = {
	    .to = MAIL_DEAD,
	    .stage = ":dead",
	    .status = "fail",
	    .reason = why,
	};

	return mover_add(&r->mover, row, &d, e);
}

/*
 * It cannot be known whether it may go on: named, and left.  Others may be
 * sound, so that a directory which cannot be read keeps none of them up.
 */
static int
leave(struct run *r, const struct mail_row *row, struct err *why)
{
	err_prefix(why, "%s: stays deferred", row->id);
	why->class = ERR_TEMP;
	if (++r->unchecked <= UNCHECKED_MAX)
		tool_failed(why);
	return 0;
}

/* It was had, and the row has not heard of it: the stored outcome is its own.
 */
static int
make_settled(struct run *r, const struct mail_row *row,
    const struct buf *result, struct err *e)
{
	struct decided d = {
	    .to = MAIL_SUCCEEDED,
	    .stage = ":resolved",
	    .status = "ok",
	    .reason = "its lock is done",
	    .last = result->data,
	    .last_len = result->len,
	};

	return mover_add(&r->mover, row, &d, e);
}

static int
make_ready(
    struct run *r, const struct mail_row *row, const char *why, struct err *e)
{
	struct decided d = {
	    .to = MAIL_READY,
	    .stage = ":retry",
	    .reason = why,
	};
	struct err gone = ERR_INIT, bad = ERR_INIT;
	struct buf result = BUF_INIT;
	int is_done = locks_is_done(&r->locks, row->id, &result, &bad);
	int is_there =
	    is_done == 0 ? check_blobs(r->q, row, &gone, &bad) : is_done;
	int ret;

	if (is_done == -1)
		ret =
		    err_set(e, ERR_TEMP, "%s: its lock: %s", row->id, bad.text);
	else if (is_there == -1)
		ret = leave(r, row, &bad);
	else if (is_done == 1)
		ret = make_settled(r, row, &result, e);
	else if (is_there == 0)
		ret = make_dead(r, row, gone.text, e);
	else
		ret = mover_add(&r->mover, row, &d, e);
	buf_release(&result);
	return ret;
}

static int
decide(void *ctx, const struct mail_row *row, struct err *e)
{
	struct run *r = ctx;
	char why[RULES_REASON];
	enum decision decision = fate_decide(&r->fate, row, r->now, why);
	int is_chosen;

	if (r->mover.is_over)
		return -1; /* no error, but the end */
	if (decision == DECIDE_WAIT)
		return 0;
	/* The first walk is for those that die, which the second leaves. */
	if (r->is_old ? decision != DECIDE_DEAD
		      : decision == DECIDE_DEAD && row->since <= r->old_before)
		return 0;
	is_chosen = choice_has(&r->how->choice, row, e);
	if (is_chosen != 1)
		return is_chosen;
	return decision == DECIDE_DEAD ? make_dead(r, row, why, e)
				       : make_ready(r, row, why, e);
}

static int
walk(struct run *r, const struct mail_waiting *which, struct err *e)
{
	r->is_old = which->order == MAIL_DEFERRED_SINCE;
	if (r->q->mail->ops->waiting(r->q->mail, which, decide, r, e) == -1 &&
	    !r->mover.is_over)
		return -1;
	return r->mover.is_over ? 0 : mover_flush(&r->mover, e);
}

/* Those that are too old first: they are found by their age. */
static int
decide_group(struct run *r, const struct mail_group *g, struct err *e)
{
	struct mail_waiting old = {
	    .order = MAIL_DEFERRED_SINCE, .queue = r->how->queue, .group = g};
	struct mail_waiting due = {
	    .order = MAIL_DEFERRED_AT, .queue = r->how->queue, .group = g};
	int64_t ready = r->mover.moved[MAIL_READY];
	int64_t dead = r->mover.moved[MAIL_DEAD];
	int64_t done = r->mover.moved[MAIL_SUCCEEDED];
	struct sum_class *c;
	int result = 0;

	if (rules_fate(&r->how->rules, g, &r->fate, e) == -1)
		return -1;
	old.before = fate_old_before(&r->fate, r->now);
	due.before = fate_due_before(&r->fate, r->now);
	r->old_before = INT64_MIN;
	if (!r->fate.is_spent && !r->fate.is_now) {
		r->old_before = old.before;
		result = walk(r, &old, e);
	}
	if (result == 0 && !r->mover.is_over)
		result = walk(r, &due, e);
	c = sum_of(&r->sum, g->class);
	ready = r->mover.moved[MAIL_READY] - ready;
	dead = r->mover.moved[MAIL_DEAD] - dead;
	c->ready += ready;
	c->dead += dead;
	done = r->mover.moved[MAIL_SUCCEEDED] - done;
	c->waiting += g->n - ready - dead - done;
	return result;
}

static bool
is_wanted(const struct choice *c, const struct mail_group *g)
{
	return (c->which.tenant == NULL ||
		   strcmp(c->which.tenant, g->tenant) == 0) &&
	       (c->class == NULL || strcmp(c->class, g->class) == 0);
}

static int
decide_all(struct run *r, struct err *e)
{
	struct mail_group g = {.tries = -1};
	int result;

	while ((result = r->q->mail->ops->next_group(
		    r->q->mail, r->how->queue, &g, e)) == 1) {
		if (!is_wanted(&r->how->choice, &g))
			continue;
		if (decide_group(r, &g, e) == -1)
			return -1;
		if (r->mover.is_over || pace_is_over(&r->how->pace)) {
			r->mover.is_over = true;
			return 0;
		}
	}
	return result;
}

/* A parked one whose lock knows what came of it needs nobody to look. */
static int
settle_parked(void *ctx, const struct mail_row *row, struct err *e)
{
	struct run *r = ctx;
	struct buf result = BUF_INIT;
	struct err bad = ERR_INIT;
	int is_done, ret = choice_has(&r->how->choice, row, e);

	if (ret != 1)
		return ret;
	if (pace_is_over(&r->how->pace))
		return -1; /* no error, but the end */
	is_done = locks_is_done(&r->locks, row->id, &result, &bad);
	ret = 0;
	if (is_done == -1)
		ret =
		    err_set(e, ERR_TEMP, "%s: its lock: %s", row->id, bad.text);
	else if (is_done == 1)
		ret = make_settled(r, row, &result, e);
	buf_release(&result);
	return ret;
}

static int
count_parked(void *ctx, const struct mail_stats *s, struct err *e)
{
	(void)e;
	*(int64_t *)ctx += s->n[MAIL_PARKED];
	return 0;
}

static int
settle_all_parked(struct run *r, struct err *e)
{
	struct mail_filter f = {
	    .state = MAIL_PARKED,
	    .queue = r->how->queue,
	    .tenant = r->how->choice.which.tenant,
	};
	struct mail_engine *m = r->q->mail;
	int64_t n = 0;

	if (m->ops->stats(m, r->how->queue, count_parked, &n, e) == -1)
		return -1;
	if (n == 0 || r->mover.is_over)
		return 0;
	if (m->ops->list(m, &f, settle_parked, r, e) == -1 &&
	    !pace_is_over(&r->how->pace))
		return -1;
	return mover_flush(&r->mover, e);
}

static int
report(struct run *r, struct err *e)
{
	const struct mover *m = &r->mover;

	tool_verbose("%s%lld ready, %lld dead", m->is_dry ? "would be: " : "",
	    (long long)m->moved[MAIL_READY], (long long)m->moved[MAIL_DEAD]);
	if (m->is_over)
		tool_verbose("its time was over before all was decided");
	if (r->unchecked > UNCHECKED_MAX)
		tool_say("%d more stay deferred, for the same reason or "
			 "another",
		    r->unchecked - UNCHECKED_MAX);
	if (!r->how->has_sum)
		return 0;
	return sum_print(&r->sum, r->how->queue, m->is_over, &r->how->look, e);
}

static int
run(struct run *r, struct err *e)
{
	int result;

	if (queue_mail(r->q, e) == NULL)
		return -1;
	r->how->rules.config = &r->q->state->config;
	r->now = clock_now_ms();
	pace_start(&r->how->pace);
	progress_start("decided", r->how->is_echo || r->how->is_dry);
	result = decide_all(r, e);
	if (result == 0)
		result = settle_all_parked(r, e);
	progress_end();
	if (result == 0)
		result = report(r, e);
	if (result == 0 && !r->how->is_dry)
		last_run_note(r->q->state, "mail-retry-due");
	if (result == 0 && !r->how->is_dry)
		result = alarm_dead(r->q, r->how->queue, e);
	if (result == 0 && !r->how->is_dry)
		result = alarm_holds(r->q, r->how->queue, e);
	return result;
}

int
due_run(struct queue *q, struct due *how, struct err *e)
{
	struct run r = {
	    .q = q,
	    .how = how,
	    .locks = {.q = q},
	    .mover = {.q = q,
		.is_dry = how->is_dry,
		.is_echo = how->is_echo,
		.pace = &how->pace},
	};
	int lock = -1, result = 1;

	if (!how->is_dry)
		result = state_lock(q->state, "retry", how->queue, &lock, e);
	if (result == 0)
		tool_verbose("another run is at work on %s", how->queue);
	if (result == 1)
		result = choice_open(&how->choice, e) == 0 ? run(&r, e) : -1;
	choice_close(&how->choice);
	mover_release(&r.mover);
	locks_release(&r.locks);
	sum_release(&r.sum);
	if (lock != -1)
		close(lock);
	return result;
}
