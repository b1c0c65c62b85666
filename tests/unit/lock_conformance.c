/* What every lock engine promises (the tables of lock/lock.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "lock/lock.h"
#include "store/state.h"

enum {
	LEASE_MS = 1000,
	TTL_MS = 5000,
	DEAD_MS = LOCK_TTL_S * 1000,
};

static const char result[] = "{\"status\":\"…\"}";

/* An engine under test, with one call a step. */
struct locks {
	const char *spec;
	struct state state;
	struct lock_engine *l;
	int64_t now;
	struct lock_acquire last; /* the last acquire, as it came back */
	struct buf seen; /* of the last list: "KEY STATE ID\n" each */
};

static int failures;

static bool
check(bool ok, const char *what, const char *spec, int line)
{
	if (!ok) {
		fprintf(
		    stderr, "line %d: %s: not true: %s\n", line, spec, what);
		failures++;
	}
	return ok;
}

#define CHECK(l, condition) check(condition, #condition, (l)->spec, __LINE__)

static void
must(struct locks *l, int r, const struct err *e, const char *what)
{
	if (r != -1)
		return;
	fprintf(stderr, "%s: %s: %s\n", l->spec, what, e->text);
	failures++;
}

static struct lock_acquire
wanted(const struct locks *l, const char *key, const char *id)
{
	return (struct lock_acquire){
	    .key = key,
	    .id = id,
	    .tenant = "ne-001",
	    .content = "",
	    .until = l->now + LEASE_MS,
	};
}

static enum lock_answer
acquire_it(struct locks *l, struct lock_acquire a)
{
	struct err e = ERR_INIT;

	must(l, l->l->ops->acquire(l->l, &a, 1, l->now, &e), &e, "acquire");
	if (a.answer == LOCK_REPLAY) {
		CHECK(l, a.result != NULL && strcmp(a.result, result) == 0);
		free(a.result);
	} else {
		CHECK(l, a.result == NULL);
	}
	l->last = a;
	return a.answer;
}

static enum lock_answer
acquire(struct locks *l, const char *key, const char *id)
{
	return acquire_it(l, wanted(l, key, id));
}

static enum lock_answer
acquire_content(
    struct locks *l, const char *key, const char *id, const char *content)
{
	struct lock_acquire a = wanted(l, key, id);

	a.content = content;
	return acquire_it(l, a);
}

static enum lock_answer
acquire_delivery(
    struct locks *l, const char *key, const char *id, int64_t delivery)
{
	struct lock_acquire a = wanted(l, key, id);

	a.delivery = delivery;
	return acquire_it(l, a);
}

/* Was it stale? */
static bool
settle_delivery(struct locks *l, const char *key, const char *id,
    enum lock_state state, int64_t delivery)
{
	struct err e = ERR_INIT;
	struct lock_settle s = {
	    .key = key,
	    .id = id,
	    .tenant = "ne-001",
	    .content = "",
	    .delivery = delivery,
	    .state = state,
	    .until = l->now + TTL_MS,
	    .result = state != LOCK_FREE ? result : "",
	    .result_len = state != LOCK_FREE ? strlen(result) : 0,
	};

	must(l, l->l->ops->settle(l->l, &s, 1, l->now, &e), &e, "settle");
	return s.is_stale;
}

static bool
settle(struct locks *l, const char *key, const char *id, enum lock_state state)
{
	return settle_delivery(l, key, id, state, 0);
}

static int64_t
release_it(
    struct locks *l, const char *key, const char *id, enum lock_state state)
{
	struct err e = ERR_INIT;
	struct lock_release r = {
	    .key = key,
	    .id = id,
	    .state = state,
	    .until = l->now + TTL_MS,
	    .result = result,
	    .result_len = strlen(result),
	};

	must(l, l->l->ops->release(l->l, &r, 1, l->now, &e), &e, "release");
	return r.released;
}

/* "STATE HOLDER"; good until the next call. */
static const char *
get_it(struct locks *l, const char *key, const char *id)
{
	static char text[ID_MAX + 32];
	struct err e = ERR_INIT;
	struct lock_get g = {.key = key, .id = id};

	must(l, l->l->ops->get(l->l, &g, 1, l->now, &e), &e, "get");
	CHECK(l, (g.result != NULL) == (g.state > LOCK_CLAIMED));
	snprintf(text, sizeof text, "%s%s%s", lock_state_name(g.state),
	    g.state != LOCK_FREE ? " " : "", g.holder);
	free(g.result);
	return text;
}

static bool
is(struct locks *l, const char *key, const char *want)
{
	return strcmp(get_it(l, key, NULL), want) == 0;
}

static int
keep_row(void *ctx, const struct lock_row *row, struct err *e)
{
	struct locks *l = ctx;

	(void)e;
	buf_addf(&l->seen, "%s %s %s%s%s\n", row->key,
	    lock_state_name(row->state), row->id,
	    row->taken_from[0] != '\0' ? " from " : "", row->taken_from);
	CHECK(l, (row->result_len > 0) == (row->state != LOCK_CLAIMED));
	CHECK(l, (row->until != 0) == (row->state != LOCK_UNCERTAIN));
	return 0;
}

static bool
lists(struct locks *l, struct lock_filter f, const char *want)
{
	struct err e = ERR_INIT;

	buf_reset(&l->seen);
	buf_addstr(&l->seen, "");
	must(l, l->l->ops->list(l->l, &f, keep_row, l, &e), &e, "list");
	if (strcmp(l->seen.data, want) == 0)
		return true;
	fprintf(stderr, "%s: listed:\n%snot:\n%s", l->spec, l->seen.data, want);
	return false;
}

static void
test_claim(struct locks *l)
{
	CHECK(l, acquire(l, "k", "a") == LOCK_GOT);
	CHECK(l, l->last.found == LOCK_FREE && l->last.holder[0] == '\0');
	CHECK(l, is(l, "k", "claimed a"));
	/* Its own again, another's not. */
	l->now += 100;
	CHECK(l, acquire(l, "k", "a") == LOCK_GOT);
	CHECK(l, l->last.found == LOCK_CLAIMED);
	CHECK(l, acquire(l, "k", "b") == LOCK_BUSY);
	CHECK(l, strcmp(l->last.holder, "a") == 0);
	CHECK(l, l->last.at == l->now - 100);
	CHECK(l, acquire(l, "other", "b") == LOCK_GOT);
	/* Coming again has made its claim longer: it counts from then. */
	l->now += LEASE_MS - 1;
	CHECK(l, acquire(l, "k", "b") == LOCK_BUSY);
	l->now++;
	CHECK(l, acquire(l, "k", "b") == LOCK_GOT);
	CHECK(l, l->last.found == LOCK_CLAIMED);
	CHECK(l, strcmp(l->last.holder, "a") == 0);
	CHECK(l, is(l, "k", "claimed b"));
	CHECK(l, lists(l, (struct lock_filter){.state = -1},
		     "k claimed b from a\nother claimed b\n"));
	/* Whose claim was taken is another's record now. */
	CHECK(l, settle(l, "k", "a", LOCK_DONE));
	CHECK(l, is(l, "k", "claimed b"));
	CHECK(l, settle(l, "k", "a", LOCK_FREE));
	CHECK(l, is(l, "k", "claimed b"));
}

static void
test_done(struct locks *l)
{
	acquire(l, "k", "a");
	CHECK(l, !settle(l, "k", "a", LOCK_DONE));
	CHECK(l, is(l, "k", "done a"));
	CHECK(l, acquire(l, "k", "a") == LOCK_REPLAY);
	CHECK(l, l->last.found == LOCK_DONE);
	CHECK(l, acquire(l, "k", "b") == LOCK_DUPLICATE);
	CHECK(l, strcmp(l->last.holder, "a") == 0);
	CHECK(l, l->last.at == l->now);
	/* Done stays done. */
	CHECK(l, !settle(l, "k", "a", LOCK_FREE));
	CHECK(l, !settle(l, "k", "a", LOCK_UNCERTAIN));
	CHECK(l, settle(l, "k", "b", LOCK_FREE));
	CHECK(l, is(l, "k", "done a"));
	l->now += TTL_MS - 1;
	CHECK(l, acquire(l, "k", "b") == LOCK_DUPLICATE);
	/* Until it is forgotten. */
	l->now++;
	CHECK(l, is(l, "k", "free"));
	CHECK(l, acquire(l, "k", "b") == LOCK_GOT);
	CHECK(l, l->last.found == LOCK_FREE);
	CHECK(l, is(l, "k", "claimed b"));
}

static void
test_uncertain(struct locks *l)
{
	acquire(l, "k", "a");
	CHECK(l, !settle(l, "k", "a", LOCK_UNCERTAIN));
	l->now += (int64_t)DEAD_MS * 10;
	CHECK(l, is(l, "k", "uncertain a"));
	CHECK(l, acquire(l, "k", "a") == LOCK_REPLAY);
	CHECK(l, l->last.found == LOCK_UNCERTAIN);
	CHECK(l, acquire(l, "k", "b") == LOCK_BUSY);
	CHECK(l, l->last.found == LOCK_UNCERTAIN);
	/* Sticky: only somebody who knows ends it. */
	CHECK(l, !settle(l, "k", "a", LOCK_FREE));
	CHECK(l, settle(l, "k", "b", LOCK_DONE));
	CHECK(l, is(l, "k", "uncertain a"));
	CHECK(l, !settle(l, "k", "a", LOCK_DONE));
	CHECK(l, is(l, "k", "done a"));
}

/* Only its own, and only an uncertain one. */
static void
test_retried(struct locks *l)
{
	struct lock_acquire own = wanted(l, "k", "a");
	struct lock_acquire other = wanted(l, "k", "b");

	own.is_retried = other.is_retried = true;
	acquire(l, "k", "a");
	settle(l, "k", "a", LOCK_UNCERTAIN);
	CHECK(l, acquire_it(l, other) == LOCK_BUSY);
	CHECK(l, acquire_it(l, own) == LOCK_GOT);
	CHECK(l, l->last.found == LOCK_UNCERTAIN);
	CHECK(l, is(l, "k", "claimed a"));
	CHECK(l, !settle(l, "k", "a", LOCK_DONE));
	CHECK(l, acquire_it(l, own) == LOCK_REPLAY);
	CHECK(l, acquire_it(l, other) == LOCK_DUPLICATE);
}

static void
test_settle_free(struct locks *l)
{
	acquire(l, "k", "a");
	CHECK(l, !settle(l, "k", "a", LOCK_FREE));
	CHECK(l, is(l, "k", "free"));
	CHECK(l, lists(l, (struct lock_filter){.state = -1}, ""));
	CHECK(l, !settle(l, "k", "a", LOCK_FREE));
	CHECK(l, acquire(l, "k", "b") == LOCK_GOT);
	/* Released by hand meanwhile: what was had was had. */
	CHECK(l, release_it(l, "k", NULL, LOCK_FREE) == 1);
	CHECK(l, !settle(l, "k", "b", LOCK_DONE));
	CHECK(l, is(l, "k", "done b"));
	CHECK(l, !settle(l, "u", "b", LOCK_UNCERTAIN));
	CHECK(l, is(l, "u", "uncertain b"));
}

/* A worker whose lease is over, beside the one that has it now. */
static void
test_deliveries(struct locks *l)
{
	CHECK(l, acquire_delivery(l, "k", "a", 1) == LOCK_GOT);
	CHECK(l, acquire_delivery(l, "k", "a", 2) == LOCK_GOT);
	CHECK(l, settle_delivery(l, "k", "a", LOCK_FREE, 1));
	CHECK(l, is(l, "k", "claimed a"));
	/* It comes late to its own claim: it does not become the holder. */
	CHECK(l, acquire_delivery(l, "k", "a", 1) == LOCK_GOT);
	CHECK(l, settle_delivery(l, "k", "a", LOCK_FREE, 1));
	CHECK(l, is(l, "k", "claimed a"));
	CHECK(l, !settle_delivery(l, "k", "a", LOCK_UNCERTAIN, 1));
	CHECK(l, is(l, "k", "uncertain a"));
	CHECK(l, !settle_delivery(l, "k", "a", LOCK_FREE, 2));
	CHECK(l, is(l, "k", "uncertain a"));
	CHECK(l, !settle_delivery(l, "k", "a", LOCK_DONE, 2));
	CHECK(l, is(l, "k", "done a"));
	CHECK(l, acquire_delivery(l, "k2", "a", 5) == LOCK_GOT);
	CHECK(l, !settle_delivery(l, "k2", "a", LOCK_DONE, 4));
	CHECK(l, is(l, "k2", "done a"));
}

static void
test_content(struct locks *l)
{
	CHECK(l, acquire_content(l, "k", "a", "b2:1") == LOCK_GOT);
	CHECK(l, acquire_content(l, "k", "b", "b2:2") == LOCK_CONFLICT);
	CHECK(l, strcmp(l->last.other, "b2:1") == 0);
	CHECK(l, strcmp(l->last.holder, "a") == 0);
	CHECK(l, acquire_content(l, "k", "a", "b2:2") == LOCK_CONFLICT);
	CHECK(l, acquire_content(l, "k", "b", "b2:1") == LOCK_BUSY);
	CHECK(l, acquire_content(l, "k", "b", "") == LOCK_BUSY);
	l->now += LEASE_MS;
	CHECK(l, acquire_content(l, "k", "b", "b2:2") == LOCK_CONFLICT);
	CHECK(l, is(l, "k", "claimed a"));
	CHECK(l, acquire_content(l, "k", "a", "b2:1") == LOCK_GOT);
	settle(l, "k", "a", LOCK_FREE);
	/* Nothing was had: what it says now counts. */
	CHECK(l, acquire_content(l, "k", "b", "b2:2") == LOCK_GOT);
}

static void
test_release(struct locks *l)
{
	acquire(l, "k1", "a");
	acquire(l, "k2", "a");
	acquire(l, "k3", "b");
	settle(l, "k2", "a", LOCK_UNCERTAIN);
	CHECK(l, release_it(l, "none", NULL, LOCK_FREE) == 0);
	CHECK(l, release_it(l, NULL, "none", LOCK_DONE) == 0);
	CHECK(l, release_it(l, "k1", NULL, LOCK_DONE) == 1);
	CHECK(l, is(l, "k1", "done a"));
	CHECK(l, acquire(l, "k1", "a") == LOCK_REPLAY);
	CHECK(l, release_it(l, "k1", NULL, LOCK_DONE) == 0);
	CHECK(l, strcmp(get_it(l, NULL, "a"), "done a") == 0);
	CHECK(l, release_it(l, NULL, "a", LOCK_FREE) == 2);
	CHECK(l, strcmp(get_it(l, NULL, "a"), "free") == 0);
	CHECK(l, strcmp(get_it(l, NULL, "b"), "claimed b") == 0);
	CHECK(l, lists(l, (struct lock_filter){.state = -1}, "k3 claimed b\n"));
}

static void
test_list(struct locks *l)
{
	int64_t first = l->now;

	acquire(l, "t:1", "a");
	acquire(l, "t:2", "b");
	l->now += 500;
	acquire(l, "s:%_", "c");
	settle(l, "t:2", "b", LOCK_DONE);
	CHECK(l, lists(l, (struct lock_filter){.state = -1},
		     "t:1 claimed a\nt:2 done b\ns:%_ claimed c\n"));
	CHECK(l, lists(l, (struct lock_filter){.state = LOCK_CLAIMED},
		     "t:1 claimed a\ns:%_ claimed c\n"));
	CHECK(l, lists(l, (struct lock_filter){.state = -1, .prefix = "t:"},
		     "t:1 claimed a\nt:2 done b\n"));
	CHECK(l, lists(l, (struct lock_filter){.state = -1, .prefix = "s:%_"},
		     "s:%_ claimed c\n"));
	CHECK(
	    l, lists(l, (struct lock_filter){.state = -1, .prefix = "_"}, ""));
	CHECK(l, lists(l, (struct lock_filter){.state = -1, .max = 1},
		     "t:1 claimed a\n"));
	CHECK(
	    l, lists(l, (struct lock_filter){.state = -1, .tenant = "x"}, ""));
	CHECK(l, lists(l, (struct lock_filter){.state = -1, .before = l->now},
		     "t:1 claimed a\n"));
	CHECK(l, lists(l, (struct lock_filter){.state = -1, .after = first + 1},
		     "t:2 done b\ns:%_ claimed c\n"));
}

/* In one call: of those with one key, the first. */
static void
test_many(struct locks *l)
{
	struct err e = ERR_INIT;
	struct lock_acquire a[4] = {
	    wanted(l, "k", "a"),
	    wanted(l, "k", "b"),
	    wanted(l, "k2", "b"),
	    wanted(l, "k", "a"),
	};
	struct lock_get g[3] = {{.key = "k"}, {.id = "b"}, {.key = "k3"}};

	must(l, l->l->ops->acquire(l->l, a, 4, l->now, &e), &e, "acquire");
	CHECK(l, a[0].answer == LOCK_GOT && a[1].answer == LOCK_BUSY);
	CHECK(l, a[2].answer == LOCK_GOT && a[3].answer == LOCK_GOT);
	must(l, l->l->ops->get(l->l, g, 3, l->now, &e), &e, "get");
	CHECK(l, g[0].state == LOCK_CLAIMED && g[1].state == LOCK_CLAIMED);
	CHECK(l, strcmp(g[0].holder, "a") == 0);
	CHECK(l, strcmp(g[1].holder, "b") == 0 && g[2].state == LOCK_FREE);
}

static size_t
prune(struct locks *l, size_t max)
{
	struct err e = ERR_INIT;
	size_t n = 99;

	must(l, l->l->ops->prune(l->l, max, l->now, &n, &e), &e, "prune");
	return n;
}

static void
test_prune(struct locks *l)
{
	char key[] = "a";

	for (; key[0] <= 'j'; key[0]++) {
		acquire(l, key, "a");
		settle(l, key, "a", LOCK_DONE);
	}
	acquire(l, "claimed", "b");
	acquire(l, "uncertain", "c");
	settle(l, "uncertain", "c", LOCK_UNCERTAIN);
	CHECK(l, prune(l, 100) == 0);
	l->now += TTL_MS;
	CHECK(l, prune(l, 3) == 3);
	CHECK(l, prune(l, 100) == 7);
	CHECK(l, lists(l, (struct lock_filter){.state = -1},
		     "claimed claimed b\nuncertain uncertain c\n"));
	/* A claim that nobody has ever come back for. */
	l->now += LEASE_MS - TTL_MS + DEAD_MS - 1;
	CHECK(l, prune(l, 100) == 0);
	l->now++;
	CHECK(l, prune(l, 100) == 1);
	CHECK(l, prune(l, 100) == 0);
	CHECK(l, lists(l, (struct lock_filter){.state = -1},
		     "uncertain uncertain c\n"));
}

/* Whoever writes prunes more than it adds, and never all of it at once. */
static void
test_prune_by_the_way(struct locks *l)
{
	char key[16];
	size_t left;

	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof key, "k%d", i);
		acquire(l, key, "a");
		settle(l, key, "a", LOCK_DONE);
	}
	l->now += TTL_MS;
	acquire(l, "x", "b");
	left = prune(l, 1000);
	CHECK(l, left > 50 && left < 100);
	for (int i = 0; i < 20; i++) {
		snprintf(key, sizeof key, "k%d", i);
		acquire(l, key, "a");
		settle(l, key, "a", LOCK_DONE);
	}
	l->now += TTL_MS;
	for (int i = 0; i < 3; i++)
		settle(l, "x", "b", LOCK_FREE);
	CHECK(l, prune(l, 1000) == 0);
}

static const struct {
	const char *name;
	void (*run)(struct locks *l);
} tests[] = {
    {"claim", test_claim},
    {"done", test_done},
    {"uncertain", test_uncertain},
    {"retried", test_retried},
    {"settle-free", test_settle_free},
    {"deliveries", test_deliveries},
    {"content", test_content},
    {"release", test_release},
    {"list", test_list},
    {"many", test_many},
    {"prune", test_prune},
    {"prune-by-the-way", test_prune_by_the_way},
};

static void
run(const char *spec, size_t i)
{
	struct locks l = {.spec = spec, .now = (int64_t)DEAD_MS * 10};
	struct err e = ERR_INIT;
	char dir[64];

	snprintf(dir, sizeof dir, "state-%s%zu", tests[i].name, strlen(spec));
	setenv("MAILPIPE_STATE", dir, 1);
	if (state_open(&l.state, &e) == 0)
		l.l = lock_open(&l.state, spec, &e);
	if (l.l == NULL) {
		fprintf(stderr, "%s: %s\n", spec, e.text);
		exit(1);
	}
	tests[i].run(&l);
	must(&l, l.l->ops->check(l.l, &e), &e, "check");
	lock_close(l.l);
	state_close(&l.state);
	buf_release(&l.seen);
}

static void
test_specs(void)
{
	static const char *const bad[] = {
	    "sqlite", "sqlite:x", "nothing:", "fail:", "fail:x:mem:", ""};
	struct locks l = {.spec = "specs"};
	struct err e = ERR_INIT;

	setenv("MAILPIPE_STATE", "state-specs", 1);
	must(&l, state_open(&l.state, &e), &e, "state");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		e = (struct err)ERR_INIT;
		CHECK(&l, lock_open(&l.state, bad[i], &e) == NULL);
		CHECK(&l, e.class == ERR_TEMP);
	}
	state_close(&l.state);
}

int
main(void)
{
	static const char *const specs[] = {
	    "mem:", "sqlite:", "fail:9999:mem:"};

	for (size_t s = 0; s < sizeof specs / sizeof *specs; s++)
		for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
			run(specs[s], i);
	test_specs();
	return failures > 0;
}
