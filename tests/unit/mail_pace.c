/*
 * Tenants held for their rates (ledger/mail.h, pace), and what take does about
 * them; each over every engine.
 */
#include "ledger.h"

#include "core/config.h"
#include "queue/pace.h"

enum {
	MAX = 300,
};

static int64_t caps[10]; /* of tenant "tN" */
static int taken[10];
static struct {
	struct mail_lease lease;
	int64_t priority;
} mails[MAX]; /* of the last take */
static int n_taken;
static bool is_capped;
static int64_t paced_until;

static int
number(const char *tenant)
{
	return tenant[1] - '0';
}

static double
weight(void *ctx, const char *tenant)
{
	(void)ctx;
	(void)tenant;
	return 1;
}

static int64_t
in_flight(void *ctx, const char *tenant)
{
	(void)ctx;
	return caps[number(tenant)];
}

static enum mail_state
interrupted(void *ctx, const char *tenant, enum mail_state normal)
{
	(void)ctx;
	(void)tenant;
	return normal;
}

/* n mails of tenant "tTENANT". */
static void
put_many(struct ledger *l, const char *tenant, int64_t priority, int n)
{
	static int last;
	struct err e = ERR_INIT;

	for (int i = 0; i < n; i++) {
		char id[32];
		struct mail_put p = {
		    .id = id,
		    .tenant = tenant,
		    .queue = "q",
		    .priority = priority,
		    .at = l->now,
		    .record = "{}",
		    .record_len = 2,
		};

		snprintf(id, sizeof id, "%s-%d", tenant, last++);
		must(l, l->m->ops->put(l->m, &p, 1, &e), &e, "put");
	}
}

static int
keep(void *ctx, const struct mail_row *row, struct err *e)
{
	(void)ctx;
	(void)e;
	taken[number(row->tenant)]++;
	mails[n_taken].lease = lease(row->id, "w", row->deliveries);
	mails[n_taken++].priority = row->priority;
	return 0;
}

static int
take_some(struct ledger *l, int max)
{
	static const struct mail_policy policy = {
	    .weight = weight,
	    .in_flight = in_flight,
	    .interrupted = interrupted,
	};
	struct mail_take how = {
	    .queue = "q",
	    .owner = "w",
	    .max = (size_t)max,
	    .now = l->now,
	    .lease_ms = 100000,
	    .policy = &policy,
	    .is_capped = &is_capped,
	    .paced_until = &paced_until,
	};
	struct err e = ERR_INIT;

	n_taken = 0;
	memset(taken, 0, sizeof taken);
	must(l, l->m->ops->take(l->m, &how, keep, NULL, &e), &e, "take");
	return n_taken;
}

static void
settle_all(struct ledger *l)
{
	for (int i = 0; i < n_taken; i++)
		settle(l, "x", STATUS_OK, mails[i].lease);
}

static void
pace(struct ledger *l, const char *tenant, int64_t priority, int64_t for_ms,
    int64_t most)
{
	struct mail_pace p = {
	    .queue = "q",
	    .tenant = tenant,
	    .priority = priority,
	    .until = l->now + for_ms,
	    .most = most,
	    .reason = "20 a second",
	};
	struct err e = ERR_INIT;

	must(l, l->m->ops->pace(l->m, &p, 1, l->now, &e), &e, "pace");
}

static void
pause_it(struct ledger *l, const char *tenant)
{
	struct mail_hold h = {.queue = "q", .tenant = tenant, .at = l->now};
	struct err e = ERR_INIT;

	must(l, l->m->ops->pause(l->m, &h, &e), &e, "pause");
}

static bool
resume_it(struct ledger *l, const char *tenant)
{
	struct err e = ERR_INIT;
	bool was_held = false;

	must(l, l->m->ops->resume(l->m, "q", tenant, &was_held, &e), &e,
	    "resume");
	return was_held;
}

static int
count_hold(void *ctx, const struct mail_hold *h, struct err *e)
{
	(void)e;
	*(int *)ctx += h->is_rate ? 100 : 1;
	return 0;
}

/* 100 for each that is for a rate, 1 for each other. */
static int
holds(struct ledger *l)
{
	struct err e = ERR_INIT;
	int n = 0;

	must(l, l->m->ops->holds(l->m, count_hold, &n, &e), &e, "holds");
	return n;
}

static int64_t
next_due(struct ledger *l)
{
	struct err e = ERR_INIT;
	int64_t at = -1;

	must(l, l->m->ops->next_due(l->m, "q", &at, &e), &e, "next_due");
	return at;
}

static int
keep_limited(void *ctx, const struct mail_stats *s, struct err *e)
{
	(void)e;
	*(int64_t *)ctx = s->limited_tenants;
	return 0;
}

static int64_t
limited(struct ledger *l)
{
	struct err e = ERR_INIT;
	int64_t n = -1;

	must(l, l->m->ops->stats(l->m, "q", keep_limited, &n, &e), &e, "stats");
	return n;
}

/* Its mail waits, what comes later too; others' goes on; it ends by itself. */
static void
test_hold(struct ledger *l)
{
	put_many(l, "t0", 0, 50);
	put_many(l, "t1", 0, 3);
	pace(l, "t0", 0, 5000, 0);
	put_many(l, "t0", 0, 50);
	CHECK(l, holds(l) == 100 && limited(l) == 1);
	CHECK(l, next_due(l) == l->now + 5000);
	CHECK(l, take_some(l, 32) == 3 && taken[1] == 3);
	CHECK(l, paced_until == l->now + 5000 && !is_capped);
	settle_all(l);
	CHECK(l, take_some(l, 32) == 0);
	l->now += 4999;
	CHECK(l, take_some(l, 32) == 0);
	l->now++;
	CHECK(l, take_some(l, 32) == 32 && taken[0] == 32);
	CHECK(l, paced_until == 0 && holds(l) == 0 && limited(l) == 0);
	settle_all(l);
	/* Nobody waits for a tenant that has no mail. */
	pace(l, "t7", 0, 5000, 0);
	CHECK(l, take_some(l, 99) == 68 && paced_until == 0);
}

/* Mail of a higher priority overtakes, until it has to wait itself. */
static void
test_priority(struct ledger *l)
{
	put_many(l, "t0", 0, 50);
	pace(l, "t0", 0, 5000, 0);
	put_many(l, "t0", 5, 3);
	CHECK(l, take_some(l, 32) == 3 && mails[0].priority == 5);
	CHECK(l, paced_until == l->now + 5000);
	put_many(l, "t0", 5, 3);
	put_many(l, "t0", 9, 1);
	pace(l, "t0", 5, 2000, 0);
	CHECK(l, holds(l) == 200 && limited(l) == 1);
	CHECK(l, take_some(l, 32) == 1 && mails[0].priority == 9);
	CHECK(l, paced_until == l->now + 2000);
	l->now += 2000;
	CHECK(l, take_some(l, 32) == 3 && mails[0].priority == 5);
	CHECK(l, paced_until == l->now + 3000);
	/* One that is higher and longer is all there is. */
	pace(l, "t0", 7, 4000, 0);
	CHECK(l, holds(l) == 100);
	l->now += 3000;
	CHECK(l, take_some(l, 32) == 0);
	l->now += 1000;
	CHECK(l, take_some(l, 99) == 50);
}

/* An operator's pause stays as it is, and so does what it is not about. */
static void
test_pause(struct ledger *l)
{
	put_many(l, "t0", 0, 9);
	pause_it(l, "t0");
	pace(l, "t0", 0, 1000, 0);
	CHECK(l, holds(l) == 101);
	CHECK(l, take_some(l, 9) == 0 && paced_until == 0);
	l->now += 1000;
	CHECK(l, take_some(l, 9) == 0 && holds(l) == 1);
	/* Paused while it waits. */
	pace(l, "t0", 0, 1000, 0);
	pause_it(l, "t0");
	l->now += 999;
	CHECK(l, take_some(l, 9) == 0);
	pace(l, "t0", 0, 1000, 0);
	CHECK(l, resume_it(l, "t0") && holds(l) == 0);
	CHECK(l, take_some(l, 2) == 2);
	/* Resume ends a rate, too: the limit may have been raised. */
	pace(l, "t0", 0, 1000, 1);
	CHECK(l, take_some(l, 9) == 0);
	CHECK(l, resume_it(l, "t0") && !resume_it(l, "t0"));
	CHECK(l, take_some(l, 9) == 7);
	put_many(l, "t0", 0, 1);
	pace(l, "t0", 0, 1000, 0);
	pause_it(l, "");
	CHECK(l, take_some(l, 9) == 0 && paced_until == 0);
	CHECK(l, resume_it(l, "") && take_some(l, 9) == 0);
	CHECK(l, paced_until == l->now + 1000);
}

/* Behind a hold it does not all come at once. */
static void
test_most(struct ledger *l)
{
	put_many(l, "t0", 0, 50);
	pace(l, "t0", 0, 1000, 2);
	l->now += 1000;
	CHECK(l, take_some(l, 32) == 2 && is_capped);
	put_many(l, "t1", 0, 9);
	CHECK(l, take_some(l, 32) == 9 && taken[1] == 9 && is_capped);
	settle_all(l);
	/* What is urgent is not bound by it. */
	put_many(l, "t0", 5, 3);
	CHECK(l, take_some(l, 32) == 3 && taken[0] == 3);
	settle_all(l);
	CHECK(l, take_some(l, 32) == 0 && is_capped);
	/* A minute later it is forgotten. */
	l->now += MAIL_PACE_AFTER_MS;
	put_many(l, "t2", 0, 1);
	CHECK(l, take_some(l, 1) == 1 && taken[2] == 1);
	settle_all(l);
	l->now += 50000; /* leases end */
	CHECK(l, take_some(l, 99) == 50);
}

/* The tenant's own cap holds for all its mail together. */
static void
test_both_caps(struct ledger *l)
{
	caps[0] = 4;
	put_many(l, "t0", 0, 50);
	put_many(l, "t0", 5, 50);
	pace(l, "t0", 0, 1000, 2);
	l->now += 1000;
	CHECK(l, take_some(l, 32) == 4 && taken[0] == 4);
	settle_all(l);
	CHECK(l, take_some(l, 32) == 4);
	CHECK(l, take_some(l, 32) == 0 && is_capped);
	settle_all(l);
}

/* What is nearly as long costs no write; what is longer is longer. */
static void
test_longer(struct ledger *l)
{
	put_many(l, "t0", 0, 9);
	pace(l, "t0", 0, 5000, 0);
	pace(l, "t0", 0, 5000 + MAIL_PACE_NEAR_MS, 0);
	CHECK(l, next_due(l) == l->now + 5000);
	pace(l, "t0", 0, 2000, 0);
	CHECK(l, next_due(l) == l->now + 5000);
	pace(l, "t0", 0, 8000, 0);
	CHECK(l, next_due(l) == l->now + 8000);
	/* In the past, nothing. */
	pace(l, "t1", 0, 0, 0);
	pace(l, "t1", 0, -1000, 0);
	CHECK(l, holds(l) == 100);
	/* Never longer than this, whoever says so. */
	pace(l, "t0", 0, INT64_MAX / 2, 0);
	CHECK(l, next_due(l) == l->now + MAIL_PACE_MAX_MS);
	/* A clock that is set back. */
	l->now -= 1000;
	CHECK(l, take_some(l, 9) == 9);
	CHECK(l, holds(l) == 0);
}

/* Many that are held keep nobody from his turn. */
static void
test_many(struct ledger *l)
{
	static const char *const tenants[] = {
	    "t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7"};
	struct mail_pace all[8];
	struct err e = ERR_INIT;

	for (int i = 0; i < 8; i++) {
		put_many(l, tenants[i], 0, 10);
		all[i] = (struct mail_pace){
		    .queue = "q",
		    .tenant = tenants[i],
		    .until = l->now + (int64_t)1000 * (i + 1),
		    .most = 1,
		};
	}
	put_many(l, "t9", 0, 10);
	must(l, l->m->ops->pace(l->m, all, 8, l->now, &e), &e, "pace");
	CHECK(l, take_some(l, 5) == 5 && taken[9] == 5);
	for (int i = 0; i < 8; i++) {
		CHECK(l, limited(l) == 8 - i);
		l->now += 1000;
		CHECK(l, take_some(l, 2) >= 1 && taken[i] == 1);
	}
}

static void
test_of(struct ledger *l)
{
	struct mail_pace p = {0};
	const int64_t now = l->now;

	CHECK(l, !pace_of(&p, now, true, 20, now));
	CHECK(l, !pace_of(&p, now + 1000, true, 20, now));
	CHECK(l, pace_of(&p, now + 1600, true, 20, now));
	CHECK(l, p.until == now + 600 && p.most == 40);
	CHECK(l, pace_of(&p, now + 10300, false, 0.1, now));
	CHECK(l, p.until == now + 9300 && p.most == 1);
	CHECK(l, pace_of(&p, now + 3600000, false, 0, now));
	CHECK(l, p.most == 1);
	CHECK(l, !pace_of(&p, now + 500, false, 1e300, now));
	CHECK(l, p.most == 0);
}

static void (*const tests[])(struct ledger *) = {
    test_hold,
    test_priority,
    test_pause,
    test_most,
    test_both_caps,
    test_longer,
    test_many,
    test_of,
};

int
main(void)
{
	static const char *const specs[] = {"sqlite:", "mem:"};
	char dir[64];
	struct ledger l;

	for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
		for (size_t t = 0; t < sizeof tests / sizeof *tests; t++) {
			struct err e = ERR_INIT;

			memset(caps, 0, sizeof caps);
			snprintf(dir, sizeof dir, "state-%zu-%zu", i, t);
			ledger_open(&l, specs[i], dir);
			tests[t](&l);
			must(&l, l.m->ops->check(l.m, &e), &e, "check");
			ledger_close(&l);
		}
	return failures > 0;
}
