/* Lock engines round another, for tests: one fails, one says what is done. */
#include <stdlib.h>

#include "core/buf.h"
#include "lock/lock_engines.h"
#include "store/wrap.h"

struct lock_wrap {
	struct lock_engine base;
	struct lock_engine *inner;
	struct wrap wrap;
};

/* spec is NULL when it could not be read. */
static struct lock_engine *
wrap(struct state *s, struct wrap how, const char *spec, struct err *e)
{
	struct lock_engine *inner = spec != NULL ? lock_open(s, spec, e) : NULL;
	struct lock_wrap *w;

	if (inner == NULL)
		return NULL;
	w = xcalloc(1, sizeof *w);
	w->inner = inner;
	w->wrap = how;
	return &w->base;
}

static struct lock_engine *
fail_open(struct state *s, const char *rest, struct err *e)
{
	struct wrap how = {.noun = "lock"};
	const char *spec = wrap_fail(&how, "locks", rest, e);

	return wrap(s, how, spec, e);
}

static struct lock_engine *
trace_open(struct state *s, const char *rest, struct err *e)
{
	struct wrap how = {.noun = "lock"};
	const char *spec = wrap_trace(&how, rest);

	return wrap(s, how, spec, e);
}

/* The engine inside, or NULL when this call is to fail. */
static struct lock_engine *
enter(struct lock_engine *l, const char *call, size_t n, struct err *e)
{
	struct lock_wrap *w = (struct lock_wrap *)l;

	return wrap_enter(&w->wrap, call, n, e) == 0 ? w->inner : NULL;
}

static int
wrap_acquire(struct lock_engine *l, struct lock_acquire *all, size_t n,
    int64_t now, struct err *e)
{
	l = enter(l, "acquire", n, e);
	return l != NULL ? l->ops->acquire(l, all, n, now, e) : -1;
}

static int
wrap_settle(struct lock_engine *l, struct lock_settle *all, size_t n,
    int64_t now, struct err *e)
{
	l = enter(l, "settle", n, e);
	return l != NULL ? l->ops->settle(l, all, n, now, e) : -1;
}

static int
wrap_release(struct lock_engine *l, struct lock_release *all, size_t n,
    int64_t now, struct err *e)
{
	l = enter(l, "release", n, e);
	return l != NULL ? l->ops->release(l, all, n, now, e) : -1;
}

static int
wrap_get(struct lock_engine *l, struct lock_get *all, size_t n, int64_t now,
    struct err *e)
{
	l = enter(l, "get", n, e);
	return l != NULL ? l->ops->get(l, all, n, now, e) : -1;
}

static int
wrap_prune(struct lock_engine *l, size_t max, int64_t now, size_t *pruned,
    struct err *e)
{
	l = enter(l, "prune", max, e);
	return l != NULL ? l->ops->prune(l, max, now, pruned, e) : -1;
}

static int
wrap_list(struct lock_engine *l, const struct lock_filter *f, lock_row_fn *fn,
    void *ctx, struct err *e)
{
	l = enter(l, "list", 1, e);
	return l != NULL ? l->ops->list(l, f, fn, ctx, e) : -1;
}

static int
wrap_check(struct lock_engine *l, struct err *e)
{
	l = enter(l, "check", 1, e);
	return l != NULL ? l->ops->check(l, e) : -1;
}

static void
wrap_close(struct lock_engine *l)
{
	lock_close(((struct lock_wrap *)l)->inner);
	free(l);
}

#define OPERATIONS                                                             \
	.acquire = wrap_acquire, .settle = wrap_settle,                        \
	.release = wrap_release, .get = wrap_get, .prune = wrap_prune,         \
	.list = wrap_list, .check = wrap_check, .close = wrap_close

const struct lock_ops lock_fail_ops = {
    .scheme = "fail",
    .open = fail_open,
    OPERATIONS,
};

const struct lock_ops lock_trace_ops = {
    .scheme = "trace",
    .open = trace_open,
    OPERATIONS,
};
