/* Ledger engines round another, for tests: one fails, one says what is done. */
#include <stdlib.h>

#include "core/buf.h"
#include "ledger/mail_engines.h"
#include "store/wrap.h"

struct mail_wrap {
	struct mail_engine base;
	struct mail_engine *inner;
	struct wrap wrap;
};

/* spec is NULL when it could not be read. */
static struct mail_engine *
wrap(struct state *s, struct wrap how, const char *spec, struct err *e)
{
	struct mail_engine *inner = spec != NULL ? mail_open(s, spec, e) : NULL;
	struct mail_wrap *w;

	if (inner == NULL)
		return NULL;
	w = xcalloc(1, sizeof *w);
	w->inner = inner;
	w->wrap = how;
	return &w->base;
}

static struct mail_engine *
fail_open(struct state *s, const char *rest, struct err *e)
{
	struct wrap how = {.noun = "mail"};
	const char *spec = wrap_fail(&how, "mail", rest, e);

	return wrap(s, how, spec, e);
}

static struct mail_engine *
trace_open(struct state *s, const char *rest, struct err *e)
{
	struct wrap how = {.noun = "mail"};
	const char *spec = wrap_trace(&how, rest);

	return wrap(s, how, spec, e);
}

/* The engine inside, or NULL when this call is to fail. */
static struct mail_engine *
enter(struct mail_engine *m, const char *call, size_t n, struct err *e)
{
	struct mail_wrap *w = (struct mail_wrap *)m;

	return wrap_enter(&w->wrap, call, n, e) == 0 ? w->inner : NULL;
}

static int
wrap_put(
    struct mail_engine *m, const struct mail_put *puts, size_t n, struct err *e)
{
	m = enter(m, "put", n, e);
	return m != NULL ? m->ops->put(m, puts, n, e) : -1;
}

static int
wrap_take(struct mail_engine *m, const struct mail_take *how, mail_row_fn *fn,
    void *ctx, struct err *e)
{
	m = enter(m, "take", how->max, e);
	return m != NULL ? m->ops->take(m, how, fn, ctx, e) : -1;
}

static int
wrap_start(struct mail_engine *m, const char *stage, struct mail_start *starts,
    size_t n, int64_t now, struct err *e)
{
	m = enter(m, "start", n, e);
	return m != NULL ? m->ops->start(m, stage, starts, n, now, e) : -1;
}

static int
wrap_renew(
    struct mail_engine *m, const char *owner, int64_t until, struct err *e)
{
	m = enter(m, "renew", 1, e);
	return m != NULL ? m->ops->renew(m, owner, until, e) : -1;
}

static int
wrap_give_back(struct mail_engine *m, const char *owner, bool is_counted,
    int64_t now, struct err *e)
{
	m = enter(m, "give_back", 1, e);
	return m != NULL ? m->ops->give_back(m, owner, is_counted, now, e) : -1;
}

static int
wrap_settle(struct mail_engine *m, struct mail_settle *settles, size_t n,
    int64_t now, struct err *e)
{
	m = enter(m, "settle", n, e);
	return m != NULL ? m->ops->settle(m, settles, n, now, e) : -1;
}

static int
wrap_update(struct mail_engine *m, struct mail_update *updates, size_t n,
    int64_t now, struct err *e)
{
	m = enter(m, "update", n, e);
	return m != NULL ? m->ops->update(m, updates, n, now, e) : -1;
}

static int
wrap_pause(struct mail_engine *m, const struct mail_hold *h, struct err *e)
{
	m = enter(m, "pause", 1, e);
	return m != NULL ? m->ops->pause(m, h, e) : -1;
}

static int
wrap_resume(struct mail_engine *m, const char *queue, const char *tenant,
    bool *was_held, struct err *e)
{
	m = enter(m, "resume", 1, e);
	return m != NULL ? m->ops->resume(m, queue, tenant, was_held, e) : -1;
}

static int
wrap_pace(struct mail_engine *m, const struct mail_pace *all, size_t n,
    int64_t now, struct err *e)
{
	m = enter(m, "pace", n, e);
	return m != NULL ? m->ops->pace(m, all, n, now, e) : -1;
}

static int
wrap_holds(struct mail_engine *m, mail_hold_fn *fn, void *ctx, struct err *e)
{
	m = enter(m, "holds", 1, e);
	return m != NULL ? m->ops->holds(m, fn, ctx, e) : -1;
}

static int
wrap_runs(struct mail_engine *m, struct mail_run *runs, size_t n, int64_t now,
    struct err *e)
{
	m = enter(m, "runs", n, e);
	return m != NULL ? m->ops->runs(m, runs, n, now, e) : -1;
}

static int
wrap_next_group(struct mail_engine *m, const char *queue, struct mail_group *g,
    struct err *e)
{
	m = enter(m, "next_group", 1, e);
	return m != NULL ? m->ops->next_group(m, queue, g, e) : -1;
}

static int
wrap_waiting(struct mail_engine *m, const struct mail_waiting *which,
    mail_row_fn *fn, void *ctx, struct err *e)
{
	m = enter(m, "waiting", 1, e);
	return m != NULL ? m->ops->waiting(m, which, fn, ctx, e) : -1;
}

static int
wrap_move(struct mail_engine *m, struct mail_move *moves, size_t n, int64_t now,
    struct err *e)
{
	m = enter(m, "move", n, e);
	return m != NULL ? m->ops->move(m, moves, n, now, e) : -1;
}

static int
wrap_told(struct mail_engine *m, const char *queue, const char *cause,
    int64_t now, int64_t *at, struct err *e)
{
	m = enter(m, "told", 1, e);
	return m != NULL ? m->ops->told(m, queue, cause, now, at, e) : -1;
}

static int
wrap_drop(struct mail_engine *m, struct mail_drop *drops, size_t n, int64_t now,
    struct err *e)
{
	m = enter(m, "drop", n, e);
	return m != NULL ? m->ops->drop(m, drops, n, now, e) : -1;
}

static int
wrap_keep(struct mail_engine *m, struct mail_keep *keeps, size_t n, int64_t now,
    struct err *e)
{
	m = enter(m, "keep", n, e);
	return m != NULL ? m->ops->keep(m, keeps, n, now, e) : -1;
}

static int
wrap_remove(
    struct mail_engine *m, struct mail_remove *removes, size_t n, struct err *e)
{
	m = enter(m, "remove", n, e);
	return m != NULL ? m->ops->remove(m, removes, n, e) : -1;
}

static int
wrap_doomed(struct mail_engine *m, mail_ref_fn *fn, void *ctx, struct err *e)
{
	m = enter(m, "doomed", 1, e);
	return m != NULL ? m->ops->doomed(m, fn, ctx, e) : -1;
}

static int
wrap_gone(
    struct mail_engine *m, const char *const *refs, size_t n, struct err *e)
{
	m = enter(m, "gone", n, e);
	return m != NULL ? m->ops->gone(m, refs, n, e) : -1;
}

static int
wrap_doubt(struct mail_engine *m, const struct mail_policy *policy, int64_t now,
    struct mail_doubts *out, struct err *e)
{
	m = enter(m, "doubt", 1, e);
	return m != NULL ? m->ops->doubt(m, policy, now, out, e) : -1;
}

static int
wrap_admit(
    struct mail_engine *m, struct mail_image *images, size_t n, struct err *e)
{
	m = enter(m, "admit", n, e);
	return m != NULL ? m->ops->admit(m, images, n, e) : -1;
}

static int
wrap_leases(struct mail_engine *m, const char *owner, int64_t now,
    struct mail_leases *out, struct err *e)
{
	m = enter(m, "leases", 1, e);
	return m != NULL ? m->ops->leases(m, owner, now, out, e) : -1;
}

static int
wrap_next_due(
    struct mail_engine *m, const char *queue, int64_t *at, struct err *e)
{
	m = enter(m, "next_due", 1, e);
	return m != NULL ? m->ops->next_due(m, queue, at, e) : -1;
}

static int
wrap_list(struct mail_engine *m, const struct mail_filter *f, mail_row_fn *fn,
    void *ctx, struct err *e)
{
	m = enter(m, "list", 1, e);
	return m != NULL ? m->ops->list(m, f, fn, ctx, e) : -1;
}

static int
wrap_history(struct mail_engine *m, const char *id, mail_history_fn *fn,
    void *ctx, struct err *e)
{
	m = enter(m, "history", 1, e);
	return m != NULL ? m->ops->history(m, id, fn, ctx, e) : -1;
}

static int
wrap_stats(struct mail_engine *m, const char *queue, mail_stats_fn *fn,
    void *ctx, struct err *e)
{
	m = enter(m, "stats", 1, e);
	return m != NULL ? m->ops->stats(m, queue, fn, ctx, e) : -1;
}

static int
wrap_check(struct mail_engine *m, struct err *e)
{
	m = enter(m, "check", 1, e);
	return m != NULL ? m->ops->check(m, e) : -1;
}

static void
wrap_close(struct mail_engine *m)
{
	mail_close(((struct mail_wrap *)m)->inner);
	free(m);
}

/* Whoever waits looks again after a while where there is no wait_fd. */
#define OPERATIONS                                                             \
	.put = wrap_put, .take = wrap_take, .start = wrap_start,               \
	.renew = wrap_renew, .give_back = wrap_give_back,                      \
	.settle = wrap_settle, .update = wrap_update, .pause = wrap_pause,     \
	.resume = wrap_resume, .pace = wrap_pace, .holds = wrap_holds,         \
	.runs = wrap_runs, .drop = wrap_drop, .next_group = wrap_next_group,   \
	.waiting = wrap_waiting, .move = wrap_move, .told = wrap_told,         \
	.doubt = wrap_doubt, .keep = wrap_keep, .remove = wrap_remove,         \
	.doomed = wrap_doomed, .gone = wrap_gone, .admit = wrap_admit,         \
	.leases = wrap_leases, .next_due = wrap_next_due, .list = wrap_list,   \
	.history = wrap_history, .stats = wrap_stats, .check = wrap_check,     \
	.close = wrap_close

const struct mail_ops mail_fail_ops = {
    .scheme = "fail",
    .open = fail_open,
    OPERATIONS,
};

const struct mail_ops mail_trace_ops = {
    .scheme = "trace",
    .open = trace_open,
    OPERATIONS,
};
