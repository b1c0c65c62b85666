/*
 * "fail:N:SPEC": from its call N on every operation says ERR_TEMP and changes
 * nothing of what the N before it have made.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "lock/lock.h"
#include "store/state.h"

enum {
	NOW = 1000000,
};

static int failures;

static bool
check(bool ok, const char *what, int line)
{
	if (!ok) {
		fprintf(stderr, "line %d: not true: %s\n", line, what);
		failures++;
	}
	return ok;
}

#define CHECK(condition) check(condition, #condition, __LINE__)

static int
acquire(struct lock_engine *l, const char *key, struct err *e)
{
	struct lock_acquire a = {.key = key,
	    .id = key,
	    .tenant = "",
	    .content = "",
	    .until = 2 * NOW};

	return l->ops->acquire(l, &a, 1, NOW, e);
}

static int
acquire_a(struct lock_engine *l, struct err *e)
{
	return acquire(l, "a", e);
}

static int
acquire_b(struct lock_engine *l, struct err *e)
{
	return acquire(l, "b", e);
}

static int
settle_a(struct lock_engine *l, struct err *e)
{
	struct lock_settle s = {.key = "a",
	    .id = "a",
	    .tenant = "",
	    .content = "",
	    .state = LOCK_DONE,
	    .until = 2 * NOW,
	    .result = "{}",
	    .result_len = 2};

	return l->ops->settle(l, &s, 1, NOW, e);
}

static int
get_b(struct lock_engine *l, struct err *e)
{
	struct lock_get g = {.key = "b"};

	return l->ops->get(l, &g, 1, NOW, e);
}

static int
release_b(struct lock_engine *l, struct err *e)
{
	struct lock_release r = {.id = "b"};

	return l->ops->release(l, &r, 1, NOW, e);
}

static int
prune(struct lock_engine *l, struct err *e)
{
	size_t n;

	return l->ops->prune(l, 9, 3 * NOW, &n, e);
}

static int
add_row(void *ctx, const struct lock_row *row, struct err *e)
{
	(void)e;
	buf_addf(ctx, "%s %s\n", row->key, lock_state_name(row->state));
	return 0;
}

static int
list_all(struct lock_engine *l, struct err *e)
{
	struct lock_filter f = {.state = -1};
	struct buf out = BUF_INIT;
	int r = l->ops->list(l, &f, add_row, &out, e);

	buf_release(&out);
	return r;
}

static int
check_all(struct lock_engine *l, struct err *e)
{
	return l->ops->check(l, e);
}

static int (*const steps[])(struct lock_engine *, struct err *) = {
    acquire_a,
    acquire_b,
    settle_a,
    get_b,
    release_b,
    list_all,
    prune,
    check_all,
};

/* What there is after so many of them. */
static const char *const wants[] = {
    "",
    "a claimed\n",
    "a claimed\nb claimed\n",
    "a done\nb claimed\n",
    "a done\nb claimed\n",
    "a done\n",
    "a done\n",
    "",
    "",
};

enum {
	STEPS = sizeof steps / sizeof *steps,
};

static struct lock_engine *
open_in(struct state *s, const char *dir, const char *spec)
{
	struct err e = ERR_INIT;
	struct lock_engine *l = NULL;

	setenv("MAILPIPE_STATE", dir, 1);
	if (state_open(s, &e) == 0)
		l = lock_open(s, spec, &e);
	if (l == NULL) {
		fprintf(stderr, "%s: %s\n", spec, e.text);
		exit(1);
	}
	return l;
}

static void
fail_from(int n)
{
	char spec[32], dir[32];
	struct lock_filter f = {.state = -1};
	struct err e = ERR_INIT;
	struct buf got = BUF_INIT;
	struct lock_engine *l;
	struct state s;

	snprintf(spec, sizeof spec, "fail:%d:sqlite:", n);
	snprintf(dir, sizeof dir, "state-%d", n);
	l = open_in(&s, dir, spec);
	for (int i = 0; i < STEPS; i++) {
		struct err why = ERR_INIT;
		int r = steps[i](l, &why);

		CHECK((r == -1) == (i >= n));
		CHECK(why.class == (i >= n ? ERR_TEMP : ERR_NONE));
	}
	lock_close(l);
	state_close(&s);
	l = open_in(&s, dir, "sqlite:");
	buf_addstr(&got, "");
	CHECK(l->ops->list(l, &f, add_row, &got, &e) == 0);
	if (!CHECK(strcmp(got.data, wants[n]) == 0))
		fprintf(stderr, "after %d steps:\n%s", n, got.data);
	buf_release(&got);
	lock_close(l);
	state_close(&s);
}

int
main(void)
{
	for (int n = 0; n <= STEPS; n++)
		fail_from(n);
	return failures > 0;
}
