/*
 * Whose turn it is (ledger/mail.h, take): tenants by weight, priorities, caps,
 * holds, and order within a tenant; each over every engine.
 */
#include "ledger.h"

enum {
	TENANTS = 1001,
	BATCH = 1000,
};

struct counted {
	struct ledger *l;
	int taken[TENANTS]; /* of tenant "tN" */
	int n;
	int64_t last[TENANTS]; /* the number of the last mail of it */
	int out_of_order;
	char ids[BATCH][ID_MAX + 1];
	int64_t priorities[BATCH];
	int64_t deliveries[BATCH];
};

static double weights[TENANTS];
static int64_t caps[TENANTS];
static struct counted seen;
static bool is_capped; /* what the last take said */

static int
number(const char *tenant)
{
	return (int)strtol(tenant + 1, NULL, 10);
}

static double
weight(void *ctx, const char *tenant)
{
	double w = weights[number(tenant)];

	(void)ctx;
	return w > 0 ? w : 1;
}

static int64_t
in_flight(void *ctx, const char *tenant)
{
	(void)ctx;
	return caps[number(tenant)];
}

/* n mails of a tenant, "tTENANT-NUMBER", numbered from first. */
static void
put_many(struct ledger *l, int tenant, int first, int n, int64_t priority)
{
	static struct mail_put puts[BATCH];
	static char ids[BATCH][32];
	char name[16];
	struct err e = ERR_INIT;

	snprintf(name, sizeof name, "t%d", tenant);
	for (int done = 0, part; done < n; done += part) {
		part = n - done < BATCH ? n - done : BATCH;
		for (int i = 0; i < part; i++) {
			snprintf(ids[i], sizeof ids[i], "%s-%d", name,
			    first + done + i);
			puts[i] = (struct mail_put){
			    .id = ids[i],
			    .tenant = name,
			    .queue = "q",
			    .priority = priority,
			    .at = l->now,
			    .record = "{}",
			    .record_len = 2,
			};
		}
		must(
		    l, l->m->ops->put(l->m, puts, (size_t)part, &e), &e, "put");
	}
}

static int
count_row(void *ctx, const struct mail_row *row, struct err *e)
{
	struct counted *c = ctx;
	int tenant = number(row->tenant);
	int64_t n = strtoll(strchr(row->id, '-') + 1, NULL, 10);

	(void)e;
	c->taken[tenant]++;
	c->out_of_order += n <= c->last[tenant];
	c->last[tenant] = n;
	snprintf(c->ids[c->n % BATCH], sizeof c->ids[0], "%s", row->id);
	c->priorities[c->n % BATCH] = row->priority;
	c->deliveries[c->n % BATCH] = row->deliveries;
	c->n++;
	return 0;
}

static enum mail_state
interrupted(void *ctx, const char *tenant, enum mail_state normal)
{
	static const enum mail_state states[] = {MAIL_PARKED, MAIL_READY};
	int t = number(tenant);

	(void)ctx;
	return t < 2 ? states[t] : normal;
}

/* Take n, at most at a time so many; what came is in seen. */
static int
take_many(struct ledger *l, int n, int at_a_time)
{
	struct mail_policy policy = {.weight = weight,
	    .in_flight = in_flight,
	    .interrupted = interrupted};
	struct mail_take how = {
	    .queue = "q",
	    .owner = "w",
	    .now = l->now,
	    .lease_ms = LEASE_MS,
	    .policy = &policy,
	};
	struct err e = ERR_INIT;
	int before;

	how.is_capped = &is_capped;
	memset(&seen, 0, sizeof seen);
	for (int i = 0; i < TENANTS; i++)
		seen.last[i] = -1;
	do {
		before = seen.n;
		how.max =
		    (size_t)(n - seen.n < at_a_time ? n - seen.n : at_a_time);
		must(l, l->m->ops->take(l->m, &how, count_row, &seen, &e), &e,
		    "take");
	} while (seen.n < n && seen.n > before);
	return seen.n;
}

/* What was taken last, up to BATCH of it, is done. */
static void
settle_taken(struct ledger *l, int from, int n)
{
	static struct mail_settle settles[BATCH];
	struct err e = ERR_INIT;

	for (int i = 0; i < n; i++)
		settles[i] = (struct mail_settle){
		    .lease = lease(
			seen.ids[from + i], "w", seen.deliveries[from + i]),
		    .status = STATUS_OK,
		    .stage = "x",
		    .result = "{}",
		    .result_len = 2,
		};
	must(l, l->m->ops->settle(l->m, settles, (size_t)n, l->now, &e), &e,
	    "settle");
}

static int
tenants_seen(void)
{
	int n = 0;

	for (int i = 0; i < TENANTS; i++)
		n += seen.taken[i] > 0;
	return n;
}

/* One has nine tenths of all mail, and came first. */
static void
test_flood(struct ledger *l)
{
	put_many(l, 0, 0, 18000, 0);
	for (int t = 1; t < TENANTS; t++)
		put_many(l, t, 0, 2, 0);
	CHECK(l, take_many(l, 1000, BATCH) == 1000);
	CHECK(l, tenants_seen() == 1000);
	CHECK(l, take_many(l, 1001, 7) == 1001);
	CHECK(l, tenants_seen() >= 1000);
	/* Whoever comes now is not behind what has waited. */
	put_many(l, 7, 10, 1, 0);
	CHECK(l, take_many(l, 5, 5) == 5);
	CHECK(l, seen.taken[7] == 1);
	CHECK(l, take_many(l, 1000, BATCH) == 1000 && tenants_seen() == 1);
	CHECK(l, seen.out_of_order == 0);
}

static void
test_weights(struct ledger *l)
{
	static const double ws[] = {1, 2, 5, 0.5, 1.5};
	const int n = 10000;

	for (int t = 0; t < 5; t++) {
		weights[t] = ws[t];
		put_many(l, t, 0, n, 0);
	}
	CHECK(l, take_many(l, n, BATCH) == n);
	for (int t = 0; t < 5; t++) {
		double want = n * ws[t] / 10;

		if (!CHECK(l, seen.taken[t] > want * 0.95 &&
				  seen.taken[t] < want * 1.05))
			fprintf(stderr, "tenant %d: %d of %.0f\n", t,
			    seen.taken[t], want);
	}
	CHECK(l, seen.out_of_order == 0);
}

/* Who was away does not come back with a claim on the past. */
static void
test_idle(struct ledger *l)
{
	put_many(l, 0, 0, 3000, 0);
	put_many(l, 1, 0, 1, 0);
	CHECK(l, take_many(l, 1000, 100) == 1000);
	put_many(l, 1, 1, 1000, 0);
	CHECK(l, take_many(l, 1000, 100) == 1000);
	CHECK(l, seen.taken[1] >= 499 && seen.taken[1] <= 501);
}

/* Of eight at least one is of a lower priority, and no more of the highest. */
static void
test_priority(struct ledger *l)
{
	int low = 0, run = 0, worst = 0;

	put_many(l, 0, 0, 1000, 0);
	put_many(l, 1, 0, 1000, 9);
	put_many(l, 2, 0, 1000, 5);
	CHECK(l, take_many(l, 640, 3) == 640);
	CHECK(l, seen.taken[1] == 560);
	CHECK(l, seen.taken[2] == 70 && seen.taken[0] == 10);
	for (int i = 0; i < 640; i++) {
		bool is_low = seen.priorities[i] < 9;

		low += is_low;
		run = is_low ? 0 : run + 1;
		if (run > worst)
			worst = run;
	}
	CHECK(l, low == 80 && worst == 7);
	/* It overtakes what has waited. */
	put_many(l, 3, 0, 1, 99);
	CHECK(l, take_many(l, 2, 2) == 2 && seen.taken[3] == 1);
	/* What there is only one of gets all. */
	CHECK(l, take_many(l, 5000, BATCH) == 3001 - 640 - 2);
	CHECK(l, seen.out_of_order == 0);
}

/* At its cap, in however many priorities; and free again by each that ends. */
static void
test_cap(struct ledger *l)
{
	caps[0] = 3;
	put_many(l, 0, 0, 20, 0);
	put_many(l, 0, 20, 20, 7);
	put_many(l, 1, 0, 100, 0);
	CHECK(l, take_many(l, 50, 10) == 50);
	CHECK(l, seen.taken[0] == 3 && seen.taken[1] == 47 && is_capped);
	CHECK(l, take_many(l, 10, 10) == 10 && seen.taken[0] == 0);
	/* Lowered, it holds as soon as so many have ended. */
	l->now += LEASE_MS; /* all come back */
	CHECK(l, take_many(l, 4, 4) == 4 && seen.taken[0] == 3);
	for (int i = 0; i < 4; i++)
		if (strncmp(seen.ids[i], "t0", 2) == 0)
			settle_taken(l, i, 1);
	caps[0] = 1;
	CHECK(l, take_many(l, 9, 3) == 9 && seen.taken[0] == 1);
	caps[0] = 0;
	l->now += LEASE_MS;
	CHECK(l, take_many(l, 30, 30) == 30 && seen.taken[0] > 10);
	CHECK(l, !is_capped);
}

/* With one in flight, mail comes in the order in which it arrived. */
static void
test_order_of_one(struct ledger *l)
{
	caps[0] = 1;
	put_many(l, 0, 0, 50, 0);
	for (int i = 0; i < 50; i++) {
		char want[16];

		CHECK(l, take_many(l, 5, 5) == 1);
		snprintf(want, sizeof want, "t0-%d", i);
		CHECK(l, strcmp(seen.ids[0], want) == 0);
		settle_taken(l, 0, 1);
	}
	CHECK(l, take_many(l, 5, 5) == 0);
}

static void
pause_it(struct ledger *l, const char *tenant, int64_t until)
{
	struct mail_hold h = {
	    .queue = "q", .tenant = tenant, .at = l->now, .until = until};
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
	int *n = ctx;

	(void)e;
	(void)h;
	++*n;
	return 0;
}

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

static void
test_pause(struct ledger *l)
{
	put_many(l, 0, 0, 10, 0);
	put_many(l, 1, 0, 10, 0);
	pause_it(l, "t0", 0);
	put_many(l, 0, 10, 10, 3); /* what comes later as well */
	CHECK(l, holds(l) == 1 && next_due(l) == 0);
	CHECK(l, take_many(l, 4, 4) == 4 && seen.taken[0] == 0);
	pause_it(l, "", l->now + 7 * LEASE_MS);
	CHECK(l, next_due(l) == l->now + LEASE_MS);
	CHECK(l, take_many(l, 4, 4) == 0);
	l->now += 7 * LEASE_MS - 1;
	CHECK(l, take_many(l, 4, 4) == 0);
	l->now++;
	CHECK(l, take_many(l, 30, 30) == 10 && seen.taken[0] == 0);
	CHECK(l, holds(l) == 1);
	CHECK(l, resume_it(l, "t0") && !resume_it(l, "t0"));
	CHECK(l, take_many(l, 30, 30) == 20 && seen.taken[0] == 20);
	/* A tenant's pause that ends by itself. */
	pause_it(l, "t2", l->now + 5);
	put_many(l, 2, 0, 1, 0);
	CHECK(l, take_many(l, 1, 1) == 0 && next_due(l) == l->now + 5);
	l->now += 5;
	CHECK(l, take_many(l, 1, 1) == 1 && holds(l) == 0);
}

/* What was started and never settled; the third has no word of its own. */
static void
test_interrupted(struct ledger *l)
{
	for (int t = 0; t < 3; t++)
		put_many(l, t, 0, 1, 0);
	CHECK(l, take_many(l, 3, 3) == 3);
	for (int i = 0; i < 3; i++)
		CHECK(l, start(l, i == 0 ? "mail-dispatch" : "mail-send",
			     lease(seen.ids[i], "w", 1)) == 1);
	l->now += LEASE_MS;
	CHECK(l, take_many(l, 3, 3) == 1 && seen.taken[1] == 1);
	CHECK(l, row(l, "t0-0").state == MAIL_PARKED);
	CHECK(l, row(l, "t2-0").state == MAIL_PARKED);
}

static bool
drop(struct ledger *l, const char *id)
{
	struct mail_drop d = {.id = id, .entry = "{\"reason\":\"x\"}"};
	struct err e = ERR_INIT;

	must(l, l->m->ops->drop(l->m, &d, 1, l->now, &e), &e, "drop");
	return d.is_dropped;
}

static void
test_drop(struct ledger *l)
{
	put_many(l, 0, 0, 3, 0);
	put(l, "stored", NULL, 0, 0);
	put(l, "later", "q", 0, l->now + 500);
	CHECK(l, drop(l, "t0-0") && drop(l, "stored") && drop(l, "later"));
	CHECK(l, !drop(l, "t0-0") && !drop(l, "none"));
	CHECK(l, row(l, "t0-0").state == MAIL_DROPPED);
	CHECK(l, strcmp(history(l, "t0-0"), ":stored :queued :dropped") == 0);
	CHECK(l, take_many(l, 9, 9) == 2);
	CHECK(l, !drop(l, "t0-1")); /* leased */
	settle_taken(l, 0, 1);
	CHECK(l, !drop(l, "t0-1")); /* done */
	/* The put that comes again does not bring it back. */
	put(l, "later", "q", 0, 0);
	CHECK(l, row(l, "later").state == MAIL_DROPPED);
	l->now += LEASE_MS;
	CHECK(l, take_many(l, 9, 9) == 1);
}

static void (*const tests[])(struct ledger *) = {
    test_flood,
    test_weights,
    test_idle,
    test_priority,
    test_cap,
    test_order_of_one,
    test_pause,
    test_interrupted,
    test_drop,
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

			memset(weights, 0, sizeof weights);
			memset(caps, 0, sizeof caps);
			snprintf(dir, sizeof dir, "state-%zu-%zu", i, t);
			ledger_open(&l, specs[i], dir);
			tests[t](&l);
			/* The sums are those of the rows. */
			must(&l, l.m->ops->check(l.m, &e), &e, "check");
			ledger_close(&l);
		}
	return failures > 0;
}
