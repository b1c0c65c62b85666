/* What rates promise (lock/rate.h), with both engines. */
#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/config.h"
#include "lock/lock.h"
#include "lock/rate.h"
#include "lock/rate_rules.h"
#include "store/state.h"

enum {
	WITHIN_MS = 10000,
};

static const int64_t MINUTE = 60000, HOUR = 3600000, DAY = 86400000;

/* 2026-11-21, 23:50 UTC: midnight comes. */
static const int64_t start = 1795305000000;

struct fixture {
	const char *spec;
	struct state state;
	struct rates *r;
	int64_t now;
};

static int failures;
static unsigned long long chance = 88172645463325252;

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

#define CHECK(f, condition) check(condition, #condition, (f)->spec, __LINE__)

static void
must(const struct fixture *f, int r, const struct err *e, const char *what)
{
	if (r != -1)
		return;
	fprintf(stderr, "%s: %s: %s\n", f->spec, what, e->text);
	failures++;
}

/* Always the same ones. */
static int64_t
random_below(int64_t n)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (int64_t)(chance % (unsigned long long)n);
}

static void
open_rates(struct fixture *f)
{
	struct err e = ERR_INIT;

	must(f, state_open(&f->state, &e), &e, "state");
	f->r = rates_open(&f->state, &e);
	if (f->r == NULL) {
		fprintf(stderr, "%s: %s\n", f->spec, e.text);
		exit(1);
	}
}

static void
close_rates(struct fixture *f)
{
	rates_close(f->r);
	state_close(&f->state);
}

static struct rate_ask
ask_of(const char *name, double per_s, int64_t per_day)
{
	return (struct rate_ask){
	    .scopes = {{.name = name, .per_s = per_s, .per_day = per_day}},
	    .n = 1,
	    .within_ms = WITHIN_MS,
	};
}

static void
reserve(struct fixture *f, struct rate_ask *all, size_t n)
{
	struct err e = ERR_INIT;

	must(f, rates_reserve(f->r, all, n, f->now, &e), &e, "reserve");
}

/* When it may go, from now; -1: not reserved. */
static int64_t
wait_of(struct fixture *f, struct rate_ask a)
{
	reserve(f, &a, 1);
	return a.is_reserved ? a.at - f->now : -1;
}

static void
slow_down(struct fixture *f, const char *name, double per_s, int64_t after_ms)
{
	struct rate_scope scope = {.name = name, .per_s = per_s};
	struct err e = ERR_INIT;

	must(f, rates_slow_down(f->r, &scope, after_ms, f->now, &e), &e,
	    "slow down");
}

/* Moments are an interval apart, and those too far away are not given. */
static void
test_second(struct fixture *f)
{
	struct rate_ask all[240];
	size_t n = 0;

	for (size_t i = 0; i < 240; i++)
		all[i] = ask_of("a", 20, 0);
	reserve(f, all, 240);
	for (size_t i = 0; i < 240; i++) {
		int64_t at = (int64_t)ceil((double)i * 51.5);

		CHECK(f, all[i].at == f->now + at);
		CHECK(f, all[i].is_reserved == (at <= WITHIN_MS));
		n += all[i].is_reserved;
	}
	CHECK(f, n == 195);
	/* Who was refused has taken nothing. */
	f->now += 1000;
	CHECK(f, wait_of(f, ask_of("a", 20, 0)) == 9043);
	/* What had not been used is not saved up. */
	f->now += MINUTE;
	CHECK(f, wait_of(f, ask_of("a", 20, 0)) == 0);
	CHECK(f, wait_of(f, ask_of("a", 20, 0)) == 52);
}

static void
test_slow_scope(struct fixture *f)
{
	struct rate_ask a = ask_of("a", 0.1, 0);

	CHECK(f, wait_of(f, a) == 0);
	reserve(f, &a, 1);
	CHECK(f, !a.is_reserved && a.at == f->now + 10300 && a.by == 0);
	CHECK(f, !a.is_day);
	f->now += 5000;
	CHECK(f, wait_of(f, ask_of("a", 0.1, 0)) == 5300);
	CHECK(f, wait_of(f, ask_of("a", 0.1, 0)) == -1);
	f->now += 5300 + 10300;
	CHECK(f, wait_of(f, ask_of("a", 0.1, 0)) == 0);
}

static void
test_no_limit(struct fixture *f)
{
	for (int i = 0; i < 100; i++)
		CHECK(f, wait_of(f, ask_of("a", 0, 0)) == 0);
	CHECK(f, wait_of(f, (struct rate_ask){.n = 0}) == 0);
}

static struct rate_ask
ask_both(const char *tenant, double tenant_s, double transport_s)
{
	return (struct rate_ask){
	    .scopes = {{.name = "transport:x", .per_s = transport_s},
		{.name = tenant, .per_s = tenant_s}},
	    .n = 2,
	    .within_ms = WITHIN_MS,
	};
}

/* All scopes or none, and one slow tenant leaves the gaps to the others. */
static void
test_scopes(struct fixture *f)
{
	struct rate_ask a;

	for (int i = 0; i < 10; i++) {
		a = ask_both("tenant:slow", 1, 20);
		reserve(f, &a, 1);
		CHECK(f, a.is_reserved && a.at == f->now + (int64_t)i * 1030);
		CHECK(f, i == 0 || a.by == 1);
	}
	a = ask_both("tenant:slow", 1, 20);
	reserve(f, &a, 1);
	CHECK(f, !a.is_reserved && a.at == f->now + 10300);
	for (int i = 0; i < 18; i++) {
		a = ask_both("tenant:other", 0, 20);
		reserve(f, &a, 1);
		CHECK(f, a.is_reserved &&
			     a.at == f->now + (int64_t)ceil((i + 1) * 51.5));
		CHECK(f, a.by == 0);
	}
	/* The one of the slow tenant is in between. */
	CHECK(f, wait_of(f, ask_both("tenant:other", 0, 20)) == 979);
	CHECK(f, wait_of(f, ask_both("tenant:other", 0, 20)) == 1082);
}

/* However many gaps there are, it stays bounded and correct. */
static void
test_gaps(struct fixture *f)
{
	int64_t at[100];
	size_t n = 0;

	for (int i = 0; i < 100; i++) {
		char name[32];
		struct rate_ask a;

		snprintf(name, sizeof name, "tenant:%d", i % 7);
		a = ask_both(name, 0.3 + i % 7, 20);
		reserve(f, &a, 1);
		if (a.is_reserved)
			at[n++] = a.at;
	}
	CHECK(f, n > 60);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			CHECK(f, llabs(at[i] - at[k]) >= 51);
}

/* What a server sees, which counts in windows of so many milliseconds. */
static int64_t
most_in(const int64_t *at, size_t n, int64_t window, bool is_calendar)
{
	int64_t most = 0;
	size_t first = 0;

	for (size_t i = 0; i < n; i++) {
		while (is_calendar ? at[first] / window != at[i] / window
				   : at[i] - at[first] >= window)
			first++;
		if ((int64_t)(i - first) + 1 > most)
			most = (int64_t)(i - first) + 1;
	}
	return most;
}

static int
by_time(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/*
 * Two senders with more than enough to do, each mail late by as much as is
 * allowed: never more than the limit, and 95 % of it used.
 */
static void
try_rate(struct fixture *f, double per_s)
{
	size_t n = 0, most = per_s > 10 ? 3000 : 200;
	int64_t window = per_s < 1 ? (int64_t)(1000 / per_s) : 1000;
	int64_t limit = per_s < 1 ? 1 : (int64_t)per_s;
	int64_t *at = xcalloc(most, sizeof *at);
	double used;
	char name[32];

	snprintf(name, sizeof name, "r%g", per_s);
	while (n < most) {
		struct rate_ask all[16];
		size_t batch = 1 + (size_t)random_below(16);

		for (size_t i = 0; i < batch; i++)
			all[i] = ask_of(name, per_s, 0);
		reserve(f, all, batch);
		for (size_t i = 0; i < batch && n < most; i++)
			if (all[i].is_reserved) {
				/* Now and then one gives its moment back. */
				all[i].is_again = random_below(20) == 0;
				if (all[i].is_again)
					reserve(f, &all[i], 1);
				if (all[i].is_reserved)
					at[n++] =
					    all[i].at +
					    random_below(RATE_LATE_MS + 1);
			} else if (i == 0)
				f->now = all[i].at - WITHIN_MS + 500;
		f->now += random_below(per_s > 250 ? 8 : 20);
	}
	qsort(at, n, sizeof *at, by_time);
	used = (double)(n - 1) * 1000 / (double)(at[n - 1] - at[0]) / per_s;
	if (!CHECK(f, most_in(at, n, window, false) <= limit) ||
	    !CHECK(f, most_in(at, n, window, true) <= limit) ||
	    !CHECK(f, used >= 0.95))
		fprintf(stderr, "at %g a second: used %.4f\n", per_s, used);
	free(at);
}

static void
test_server(struct fixture *f)
{
	static const double all[] = {
	    0.1, 0.5, 1, 2, 3, 7, 14, 20, 33, 50, 97, 100, 250, 1000};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		try_rate(f, all[i]);
}

static int64_t
give_day(struct fixture *f, int64_t n, int64_t priority, struct rate_ask *last)
{
	int64_t given = 0;

	for (int64_t i = 0; i < n; i++) {
		*last = ask_of("a", 0, 100);
		last->priority = priority;
		reserve(f, last, 1);
		given += last->is_reserved;
	}
	return given;
}

/* 100 a day, of which two are for urgent mail. */
static void
test_day(struct fixture *f)
{
	const int64_t first = f->now;
	struct rate_ask a;

	CHECK(f, give_day(f, 60, 0, &a) == 60);
	f->now += 6 * HOUR; /* another day, by the calendar */
	CHECK(f, give_day(f, 60, 0, &a) == 38);
	CHECK(f, !a.is_reserved && a.is_day && a.by == 0);
	CHECK(f, a.at == first + DAY + 10 * MINUTE);
	CHECK(f, give_day(f, 5, 1, &a) == 2);
	CHECK(f, a.is_day && a.at == first + DAY + 10 * MINUTE);
	f->now = first + DAY;
	CHECK(f, give_day(f, 1, 0, &a) == 0);
	f->now = first + DAY + 10 * MINUTE;
	CHECK(f, give_day(f, 100, 0, &a) == 58);
	CHECK(f, a.at == first + 6 * HOUR + DAY + 10 * MINUTE);
}

/* No 24 hours, wherever they begin, see more than the limit. */
static void
test_day_slides(struct fixture *f)
{
	static int64_t at[4000];
	size_t n = 0;
	const int64_t end = f->now + 5 * DAY;

	while (f->now < end && n < 4000) {
		struct rate_ask a = ask_of("b", 3, 500);

		reserve(f, &a, 1);
		if (a.is_reserved)
			at[n++] = a.at;
		f->now += a.is_day ? a.at - f->now : random_below(5 * MINUTE);
	}
	CHECK(f, n > 2300);
	CHECK(f, most_in(at, n, DAY, false) <= 490);
	CHECK(f, most_in(at, n, DAY, false) >= 475);
}

/* The moment is another one, and the mail the same. */
static void
test_again(struct fixture *f)
{
	struct rate_ask a;
	int64_t n = 0;

	for (int i = 0; i < 100; i++) {
		a = ask_of("a", 1000, 10);
		reserve(f, &a, 1);
		n += a.is_reserved;
		if (!a.is_reserved)
			break;
		a.is_again = true;
		for (int k = 0; k < 5; k++) {
			reserve(f, &a, 1);
			CHECK(f, a.is_reserved);
		}
		f->now += 100;
	}
	CHECK(f, n == 10 && a.is_day);
}

/* One that was missed leaves nothing behind, and takes nobody's place. */
static void
test_missed(struct fixture *f)
{
	struct rate_ask all[20], late;

	late = ask_of("slow", 0.05, 0);
	reserve(f, &late, 1);
	f->now += 100;
	late.is_again = true;
	reserve(f, &late, 1);
	CHECK(f, late.is_reserved && late.at == f->now);
	CHECK(f, wait_of(f, ask_of("slow", 0.05, 0)) == -1);
	/* The sixth of twenty has its place again, behind all of them. */
	for (size_t i = 0; i < 20; i++)
		all[i] = ask_of("a", 20, 0);
	reserve(f, all, 20);
	late = all[5];
	late.is_again = true;
	f->now = late.at + 40;
	reserve(f, &late, 1);
	CHECK(f, late.is_reserved && late.at >= all[19].at + 51);
	/* One that is in the future is free for another. */
	late = all[15];
	late.is_again = true;
	reserve(f, &late, 1);
	CHECK(f, late.is_reserved && llabs(late.at - all[15].at) <= 1);
	/* What was never given is nothing to be given back. */
	late = ask_of("a", 20, 0);
	late.is_again = true;
	late.at = INT64_MAX;
	reserve(f, &late, 1);
	CHECK(f, late.at >= all[19].at + 102);
	late.at = 0;
	reserve(f, &late, 1);
	CHECK(f, late.at >= all[19].at + 153);
}

/* Moments in the next minute, without waiting. */
static int64_t
per_minute(struct fixture *f, const char *name, double per_s)
{
	int64_t n = 0, end = f->now + MINUTE;

	while (f->now < end) {
		struct rate_ask a = ask_of(name, per_s, 0);

		a.within_ms = 0;
		reserve(f, &a, 1);
		n += a.is_reserved;
		f->now = a.is_reserved ? f->now : a.at;
		if (a.is_reserved && per_s == 0 && n > 5000)
			break;
	}
	f->now = f->now > end ? f->now : end;
	return n;
}

static bool
is_near(int64_t n, double wanted)
{
	return fabs((double)n - wanted) <= wanted / 50 + 1;
}

/* Halved, and each quiet minute a tenth of the limit comes back. */
static void
test_slow_down(struct fixture *f)
{
	const double minute = 20 * 60 / 1.03;
	const int64_t begin = f->now;

	CHECK(f, is_near(per_minute(f, "a", 20), minute));
	slow_down(f, "a", 20, 0);
	CHECK(f, is_near(per_minute(f, "a", 20), minute * 0.5));
	CHECK(f, is_near(per_minute(f, "a", 20), minute * 0.6));
	slow_down(f, "a", 20, 0);
	f->now += RATE_AGAIN_MS - 1;
	slow_down(f, "a", 20, 0); /* old news */
	for (int i = 0; i < 7; i++)
		CHECK(f,
		    is_near(per_minute(f, "a", 20), minute * (0.35 + 0.1 * i)));
	CHECK(f, is_near(per_minute(f, "a", 20), minute));
	while (f->now < begin + HOUR)
		CHECK(f, is_near(per_minute(f, "a", 20), minute));
	/* Others had nothing of it. */
	CHECK(f, is_near(per_minute(f, "b", 20), minute));
}

static void
test_slow_for_long(struct fixture *f)
{
	for (int i = 0; i < 30; i++) {
		slow_down(f, "a", 20, 0);
		f->now += RATE_AGAIN_MS;
	}
	/* Never less than one a minute. */
	CHECK(f, wait_of(f, ask_of("a", 20, 0)) == 0);
	f->now += 59000;
	CHECK(f, per_minute(f, "a", 20) >= 1);
	for (int i = 0; i < 10; i++)
		per_minute(f, "a", 20);
	CHECK(f, is_near(per_minute(f, "a", 20), 20 * 60 / 1.03));
}

/* Without a limit it has what it really had, halved. */
static void
test_slow_unlimited(struct fixture *f)
{
	for (int i = 0; i < 1000; i++) {
		CHECK(f, wait_of(f, ask_of("a", 0, 0)) == 0);
		f->now += 25;
	}
	slow_down(f, "a", 0, 0);
	CHECK(f, is_near(per_minute(f, "a", 0), 20 * 60 / 1.03));
	CHECK(f, is_near(per_minute(f, "a", 0), 24 * 60 / 1.03));
	for (int i = 0; i < 3; i++)
		per_minute(f, "a", 0);
	for (int i = 0; i < 100; i++)
		CHECK(f, wait_of(f, ask_of("a", 0, 0)) == 0);
	/* Nobody knows what it had. */
	slow_down(f, "new", 0, 0);
	CHECK(f, is_near(per_minute(f, "new", 0), 0.5 * 60 / 1.03));
}

static void
test_not_before(struct fixture *f)
{
	struct rate_ask a = ask_of("a", 20, 0);

	slow_down(f, "a", 20, 30000);
	reserve(f, &a, 1);
	CHECK(f, !a.is_reserved && a.at == f->now + 30000);
	f->now += 25000;
	CHECK(f, wait_of(f, ask_of("a", 20, 0)) == 5000);
	slow_down(f, "b", 0, 30000);
	a = ask_of("b", 0, 0);
	reserve(f, &a, 1);
	CHECK(f, !a.is_reserved && a.at == f->now + 30000);
	/* Servers say what they like. */
	slow_down(f, "c", 20, INT64_MAX / 2);
	a = ask_of("c", 20, 0);
	reserve(f, &a, 1);
	CHECK(f, a.at == f->now + DAY);
}

static bool
connect_one(struct fixture *f, const char *name, int64_t most,
    const char *owner, int64_t for_ms)
{
	struct rate_scope scope = {.name = name, .connections = most};
	struct err e = ERR_INIT;
	bool is_free = false;

	must(f,
	    rates_connect(
		f->r, &scope, owner, f->now + for_ms, f->now, &is_free, &e),
	    &e, "connect");
	return is_free;
}

static void
disconnect(struct fixture *f, const char *name, const char *owner)
{
	struct rate_scope scope = {.name = name, .connections = 3};
	struct err e = ERR_INIT;

	must(f, rates_disconnect(f->r, &scope, owner, &e), &e, "disconnect");
}

static void
test_connections(struct fixture *f)
{
	struct err e = ERR_INIT;

	CHECK(f, connect_one(f, "a", 3, "p1", 1000));
	CHECK(f, connect_one(f, "a", 3, "p1", 1000));
	CHECK(f, connect_one(f, "a", 3, "p2", 5000));
	CHECK(f, !connect_one(f, "a", 3, "p2", 1000));
	CHECK(f, !connect_one(f, "a", 3, "p3", 1000));
	CHECK(f, connect_one(f, "b", 3, "p3", 1000));
	disconnect(f, "a", "p1");
	CHECK(f, connect_one(f, "a", 3, "p3", 1000));
	CHECK(f, !connect_one(f, "a", 3, "p3", 1000));
	/* Not its own. */
	disconnect(f, "a", "nobody");
	disconnect(f, "a", "p3");
	disconnect(f, "a", "p3");
	CHECK(f, connect_one(f, "a", 3, "p3", 1000));
	CHECK(f, !connect_one(f, "a", 3, "p3", 1000));
	/* p1 and p3 are gone, p2 is not; who renews stays. */
	must(f, rates_renew(f->r, "p3", f->now + 4000, &e), &e, "renew");
	f->now += 2000;
	CHECK(f, connect_one(f, "a", 3, "p4", 1000));
	CHECK(f, !connect_one(f, "a", 3, "p4", 1000));
	f->now += 3000;
	for (int i = 0; i < 3; i++)
		CHECK(f, connect_one(f, "a", 3, "p4", 1000));
	CHECK(f, !connect_one(f, "a", 3, "p4", 1000));
	/* No limit, no count. */
	for (int i = 0; i < 100; i++)
		CHECK(f, connect_one(f, "c", 0, "p4", 1000));
	/* The clock was days ahead, and was set right. */
	CHECK(f, connect_one(f, "d", 1, "p5", 3 * DAY));
	CHECK(f, connect_one(f, "d", 1, "p6", 1000));
}

/* A clock that was years ahead, or is set back, keeps nobody waiting. */
static void
test_clock(struct fixture *f)
{
	const int64_t right = f->now;
	struct rate_ask a;

	f->now = right + 4000 * DAY;
	for (int i = 0; i < 20; i++)
		wait_of(f, ask_of("a", 2, 0));
	slow_down(f, "b", 0, 40000);
	CHECK(f, give_day(f, 98, 0, &a) == 98);
	f->now = right;
	CHECK(f, wait_of(f, ask_of("a", 2, 0)) == 0);
	a = ask_of("b", 0, 0);
	reserve(f, &a, 1);
	CHECK(f, !a.is_reserved && a.at == f->now + 40000);
	/* What was sent then was sent just now. */
	CHECK(f, give_day(f, 1, 0, &a) == 0);
	CHECK(f, a.is_day && a.at <= f->now + DAY + 10 * MINUTE);
	/* A little, as with NTP: they go on one after the other. */
	for (int i = 0; i < 10; i++)
		wait_of(f, ask_of("c", 1, 0));
	f->now -= 2000;
	CHECK(f, wait_of(f, ask_of("c", 1, 0)) == 0);
	a = ask_of("c", 1, 0);
	reserve(f, &a, 1);
	CHECK(f, a.at <= f->now + RATE_WITHIN_MAX_MS);
}

static void
test_names(struct fixture *f)
{
	static char longer[2][5000];
	static const char *const names[] = {
	    "tenant:'; DROP TABLE rate; --",
	    "domain:x:\"",
	    "domain:x:\xff\xfe",
	    "domain:x:%s%n",
	    "",
	    "domain:x:例え.jp",
	    longer[0],
	    longer[1],
	};

	memset(longer, 'x', sizeof longer);
	longer[0][4998] = longer[1][4998] = longer[0][4999] = '\0';
	longer[1][4999] = '\0';
	longer[1][4997] = 'y';
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
			CHECK(f, wait_of(f, ask_of(names[i], 1, 0)) ==
				     k * (int64_t)1030);
			slow_down(f, "x", 1, 0);
		}
	CHECK(f, connect_one(f, names[0], 1, "o'w\"n;er", 1000));
	CHECK(f, !connect_one(f, names[0], 1, "o'w\"n;er2", 1000));
}

/* As many scopes in one call as there are mails. */
static void
test_many(struct fixture *f)
{
	static struct rate_ask all[2000];
	static char names[1000][24];

	for (int i = 0; i < 1000; i++)
		snprintf(names[i], sizeof names[i], "tenant:%d", i);
	for (int i = 0; i < 2000; i++)
		all[i] = ask_both(names[i % 1000], 1, 0);
	reserve(f, all, 2000);
	for (int i = 0; i < 2000; i++)
		CHECK(f, all[i].is_reserved &&
			     all[i].at == f->now + (i < 1000 ? 0 : 1030));
}

static const struct {
	const char *name;
	void (*run)(struct fixture *);
} tests[] = {
    {"second", test_second},
    {"slow-scope", test_slow_scope},
    {"no-limit", test_no_limit},
    {"scopes", test_scopes},
    {"gaps", test_gaps},
    {"server", test_server},
    {"day", test_day},
    {"day-slides", test_day_slides},
    {"again", test_again},
    {"missed", test_missed},
    {"slow-down", test_slow_down},
    {"slow-for-long", test_slow_for_long},
    {"slow-unlimited", test_slow_unlimited},
    {"not-before", test_not_before},
    {"connections", test_connections},
    {"clock", test_clock},
    {"names", test_names},
    {"many", test_many},
};

static void
configure(const char *spec, const char *name)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof path, "state-%.4s-%s", spec, name);
	setenv("MAILPIPE_STATE", path, 1);
	file = fopen("config.json", "w");
	if (file == NULL ||
	    fprintf(file, "{\"engines\":{\"locks\":\"%s\"}}\n", spec) < 0 ||
	    fclose(file) != 0)
		exit(1);
	setenv("MAILPIPE_CONFIG", "config.json", 1);
}

static void
run(const char *spec, size_t i)
{
	struct fixture f = {.spec = spec, .now = start};

	configure(spec, tests[i].name);
	open_rates(&f);
	tests[i].run(&f);
	close_rates(&f);
}

/* Only the engine on disk from here on. */

static void
sql(struct fixture *f, const char *text, int64_t *answer)
{
	char *path = xasprintf("%s/lock.db", f->state.path);
	sqlite3_stmt *st = NULL;
	sqlite3 *db = NULL;

	if (sqlite3_open(path, &db) == SQLITE_OK &&
	    sqlite3_prepare_v2(db, text, -1, &st, NULL) == SQLITE_OK) {
		int r = sqlite3_step(st);

		CHECK(f, r == SQLITE_ROW || r == SQLITE_DONE);
		if (answer != NULL)
			*answer =
			    r == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1;
	} else
		check(false, text, f->spec, __LINE__);
	sqlite3_finalize(st);
	sqlite3_close(db);
	free(path);
}

/* Write moments to fd, one by one, until so many were reserved. */
static _Noreturn void
send_as_child(int fd, int n)
{
	struct fixture f = {.spec = "child"};
	const struct timespec rest = {.tv_nsec = 1000000};

	failures = 0;
	open_rates(&f);
	while (n > 0) {
		struct rate_ask a = ask_of("a", 100, 0);

		f.now = clock_now_ms();
		a.within_ms = 2000;
		reserve(&f, &a, 1);
		if (a.is_reserved &&
		    write(fd, &a.at, sizeof a.at) != sizeof a.at)
			break;
		if (a.is_reserved)
			n--;
		else
			nanosleep(&rest, NULL);
	}
	_exit(n > 0 || failures > 0);
}

/* is_killed: but for the last one they do not come to an end. */
static void
race(bool is_killed)
{
	enum {
		CHILDREN = 8,
		EACH = 40
	};
	struct fixture f = {.spec = "sqlite:", .now = start};
	static int64_t at[CHILDREN * EACH * 4];
	size_t n = 0;
	pid_t pids[CHILDREN];
	int fds[2], status;

	unsetenv("MAILPIPE_CLOCK");
	configure("sqlite:", is_killed ? "killed" : "race");
	open_rates(&f);
	if (pipe(fds) == -1)
		exit(1);
	for (int i = 0; i < CHILDREN; i++) {
		bool is_last = i == CHILDREN - 1;

		pids[i] = fork();
		if (pids[i] == 0)
			send_as_child(
			    fds[1], is_killed && !is_last ? 1000000 : EACH);
	}
	close(fds[1]);
	while (n < sizeof at / sizeof *at &&
	       read(fds[0], &at[n], sizeof *at) == (ssize_t)sizeof *at) {
		n++;
		/* One after the other, in the midst of it. */
		if (is_killed && n % 5 == 0 && n / 5 < CHILDREN)
			kill(pids[n / 5 - 1], SIGKILL);
	}
	for (int i = 0; i < CHILDREN; i++) {
		waitpid(pids[i], &status, 0);
		CHECK(&f, is_killed && i < CHILDREN - 1
			      ? WIFSIGNALED(status)
			      : WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	close(fds[0]);
	qsort(at, n, sizeof *at, by_time);
	CHECK(&f, is_killed || n == (size_t)CHILDREN * EACH);
	for (size_t i = 1; i < n; i++)
		CHECK(&f, at[i] - at[i - 1] >= 10);
	/* Who died has lost what was written down for it, and no more. */
	if (is_killed && n > 1)
		CHECK(&f,
		    at[n - 1] - at[0] <=
			(int64_t)ceil(10.3 * (double)(n + CHILDREN)) + 3000);
	close_rates(&f);
	setenv("MAILPIPE_CLOCK", "@1795305000", 1);
}

/* Nothing stays for ever of scopes that are not used any more. */
static void
test_prune(void)
{
	struct fixture f = {.spec = "sqlite:", .now = start};
	int64_t n = 0;

	configure("sqlite:", "prune");
	open_rates(&f);
	for (int i = 0; i < 300; i++) {
		char name[32];

		snprintf(name, sizeof name, "domain:x:%d.example", i);
		wait_of(&f, ask_of(name, 10, i % 2 ? 1000 : 0));
		slow_down(&f, name, 10, 0);
		f.now += 1000;
	}
	sql(&f, "SELECT count(*) FROM rate", &n);
	CHECK(&f, n == 300);
	f.now += HOUR;
	for (int i = 0; i < 60; i++)
		wait_of(&f, ask_of("a", 10, 0));
	sql(&f, "SELECT count(*) FROM rate", &n);
	CHECK(&f, n == 151);
	f.now += DAY;
	for (int i = 0; i < 60; i++)
		wait_of(&f, ask_of("a", 10, 0));
	sql(&f, "SELECT count(*) FROM rate", &n);
	CHECK(&f, n == 1);
	close_rates(&f);
}

/* What is damaged is as new, and nothing worse. */
static void
test_damage(void)
{
	static const char *const damage[] = {
	    "zeroblob(0)",
	    "zeroblob(100000)",
	    "randomblob(length(bytes))",
	    "substr(bytes,1,length(bytes)-1)",
	    "substr(bytes,1,8)||x'ffffffffffffff7f'||substr(bytes,17)",
	    "substr(bytes,1,16)||x'00000000000000ff'||substr(bytes,25)",
	    "substr(bytes,1,length(bytes)-32)||x'000000000000f87f'||x'00'",
	};
	struct fixture f = {.spec = "sqlite:", .now = start};
	char *text;

	configure("sqlite:", "damage");
	open_rates(&f);
	for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
		for (int k = 0; k < 5; k++)
			wait_of(&f, ask_of("a", 1, 100));
		CHECK(&f, wait_of(&f, ask_of("a", 1, 100)) > 0);
		text = xasprintf(
		    "UPDATE rate SET bytes=CAST(%s AS BLOB)", damage[i]);
		sql(&f, text, NULL);
		free(text);
		CHECK(&f, wait_of(&f, ask_of("a", 1, 100)) == 0);
		f.now += MINUTE;
	}
	close_rates(&f);
}

/* A lock.db of before gets the tables, and locks go on with it. */
static void
test_old_lock_db(void)
{
	struct fixture f = {.spec = "sqlite:", .now = start};
	struct err e = ERR_INIT;
	struct lock_engine *l;
	int64_t n = 0;

	configure("sqlite:", "old");
	must(&f, state_open(&f.state, &e), &e, "state");
	l = lock_open_configured(&f.state, &e);
	CHECK(&f, l != NULL);
	sql(&f, "SELECT count(*) FROM sqlite_schema WHERE name='rate'", &n);
	CHECK(&f, n == 0);
	state_close(&f.state);
	open_rates(&f);
	CHECK(&f, wait_of(&f, ask_of("a", 1, 0)) == 0);
	sql(&f, "PRAGMA user_version", &n);
	CHECK(&f, n == 1);
	if (l != NULL)
		must(&f, l->ops->check(l, &e), &e, "check");
	lock_close(l);
	/* Who comes later finds what the others have reserved. */
	close_rates(&f);
	open_rates(&f);
	CHECK(&f, wait_of(&f, ask_of("a", 1, 0)) == 1030);
	l = lock_open_configured(&f.state, &e);
	CHECK(&f, l != NULL);
	lock_close(l);
	close_rates(&f);
}

static void
test_specs(void)
{
	static const char *const bad[] = {"redis:x", "sqlite:x", "nothing:"};
	struct fixture f = {.spec = "specs", .now = start};
	struct rate_ask a = ask_of("a", 1, 0);
	struct err e = ERR_INIT;

	configure("fail:1:mem:", "fail");
	open_rates(&f);
	CHECK(&f, wait_of(&f, ask_of("a", 1, 0)) == 0);
	CHECK(&f, rates_reserve(f.r, &a, 1, f.now, &e) == -1);
	CHECK(&f, e.class == ERR_TEMP);
	close_rates(&f);
	configure("trace:mem:", "trace");
	open_rates(&f);
	close_rates(&f);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		e = (struct err)ERR_INIT;
		configure(bad[i], "bad");
		if (state_open(&f.state, &e) == -1)
			continue;
		CHECK(&f, rates_open(&f.state, &e) == NULL);
		CHECK(&f, e.class == ERR_TEMP);
		state_close(&f.state);
	}
}

int
main(void)
{
	static const char *const specs[] = {"mem:", "sqlite:"};

	/* What is waited for is not counted: it stands still. */
	setenv("MAILPIPE_CLOCK", "@1795305000", 1);
	for (size_t s = 0; s < sizeof specs / sizeof *specs; s++)
		for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
			run(specs[s], i);
	test_prune();
	test_damage();
	test_old_lock_db();
	test_specs();
	race(false);
	race(true);
	return failures > 0;
}
