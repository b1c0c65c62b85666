/* When a deferred mail is tried again, and how fast (src/retry). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "retry/pace.h"
#include "retry/rules.h"

static int failures;

#define CHECK(condition)                                                       \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "line %d: not true: %s\n", __LINE__,   \
			    #condition);                                       \
			failures++;                                            \
		}                                                              \
	} while (0)

static const char configuration[] =
    "{\"retry\":{\"max\":9,\"classes\":{\"network\":{\"schedule\":\"7s*\"}}},"
    "\"tenants\":{"
    "\"own\":{\"retry\":{\"schedule\":\"1h\",\"age\":\"2d\"}},"
    "\"by\":{\"retry\":{\"schedule\":\"1h\","
    "\"classes\":{\"throttle\":{\"schedule\":\"1s\",\"max\":2}}}}}}";

/* Who says what: the first that says it, of each of the three. */
static const struct {
	const char *option, *tenant, *class, *schedule;
	int64_t max, age_s;
} rows[] = {
    {NULL, "none", "handler", "1m, 5m*2, 1h*3, 4h*", 9, 432000},
    {NULL, "none", "", "1m, 5m*2, 1h*3, 4h*", 9, 432000},
    {NULL, "none", "of-later", "1m, 5m*2, 1h*3, 4h*", 9, 432000},
    {NULL, "none", "credentials", "5m*6, 1h*", 9, 432000},
    {NULL, "none", "interrupted", "1m*3, 15m, 1h, 4h", 9, 432000},
    {NULL, "none", "network", "7s*", 9, 432000},
    {NULL, "own", "network", "1h", 9, 172800},
    {NULL, "by", "handler", "1h", 9, 432000},
    {NULL, "by", "throttle", "1s", 2, 432000},
    {"3s", "by", "throttle", "3s", 2, 432000},
};

static void
test_who_says(const struct config *c)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct rules rules = {.config = c, .schedule = rows[i].option};
		struct rule r = rules_of(&rules, rows[i].tenant, rows[i].class);

		if (strcmp(r.schedule, rows[i].schedule) == 0 &&
		    r.max == rows[i].max && r.age_s == rows[i].age_s)
			continue;
		fprintf(stderr, "%s/%s: %s, %lld, %lld\n", rows[i].tenant,
		    rows[i].class, r.schedule, (long long)r.max,
		    (long long)r.age_s);
		failures++;
	}
}

static struct fate
fate(const struct config *c, const char *schedule, int64_t max, int64_t age_s,
    int64_t tries)
{
	struct rules rules = {
	    .config = c, .schedule = schedule, .max = max, .age_s = age_s};
	struct mail_group g = {
	    .tenant = "x", .class = "handler", .tries = tries};
	struct err e = ERR_INIT;
	struct fate f;

	CHECK(rules_fate(&rules, &g, &f, &e) == 0);
	return f;
}

/* 80 to 100 %, over all of it, and the same at each look. */
static void
test_jitter(const struct config *c)
{
	struct fate f = fate(c, "100s*", 0, 0, 1);
	int64_t least = INT64_MAX, most = 0, sum = 0;
	char id[16];

	for (int i = 0; i < 1000; i++) {
		struct mail_row row = {
		    .id = id, .tries = 1 + i % 3, .updated_at = 5000000};
		int64_t wait;

		snprintf(id, sizeof id, "m%d", i);
		wait = fate_due_at(&f, &row) - row.updated_at;
		CHECK(wait == fate_due_at(&f, &row) - row.updated_at);
		least = wait < least ? wait : least;
		most = wait > most ? wait : most;
		sum += wait;
		/* What bounds the search must not leave one out. */
		CHECK(row.updated_at <=
		      fate_due_before(&f, fate_due_at(&f, &row)));
	}
	CHECK(least >= 80000 && least < 81000);
	CHECK(most <= 100000 && most > 99000);
	CHECK(sum / 1000 > 89000 && sum / 1000 < 91000);
}

/* Not before what the handler asked for. */
static void
test_after(const struct config *c)
{
	struct fate f = fate(c, "10s*", 0, 0, 1);
	struct mail_row row = {.id = "a", .tries = 1, .updated_at = 1000};

	row.due_at = 900000;
	CHECK(fate_due_at(&f, &row) == 900000);
	row.due_at = 1000;
	CHECK(fate_due_at(&f, &row) <= 11000);
}

static void
test_decide(const struct config *c)
{
	struct mail_row row = {
	    .id = "a", .tries = 2, .since = 0, .updated_at = 1000000};
	char why[RULES_REASON];
	struct fate f = fate(c, "1s, 10s", 0, 86400, 2);
	int64_t due = fate_due_at(&f, &row);

	CHECK(fate_decide(&f, &row, due - 1, why) == DECIDE_WAIT);
	CHECK(fate_decide(&f, &row, due, why) == DECIDE_READY);
	CHECK(strcmp(why, "try 3") == 0);
	/* The list is at its end; so many tries; the next would be too late.
	 */
	f = fate(c, "1s", 0, 86400, 2);
	CHECK(fate_decide(&f, &row, row.updated_at, why) == DECIDE_DEAD);
	CHECK(strcmp(why, "2 tries: the schedule has no more") == 0);
	f = fate(c, "1s*", 2, 86400, 2);
	CHECK(fate_decide(&f, &row, row.updated_at, why) == DECIDE_DEAD);
	CHECK(strcmp(why, "2 tries, at most 2") == 0);
	f = fate(c, "1s*", 3, 86400, 2);
	CHECK(fate_decide(&f, &row, row.updated_at, why) == DECIDE_WAIT);
	f = fate(c, "1h*", 0, 3600, 2);
	CHECK(fate_decide(&f, &row, row.updated_at, why) == DECIDE_DEAD);
	CHECK(row.since <= fate_old_before(&f, row.updated_at));
	f = fate(c, "1m*", 0, 3600, 2);
	CHECK(fate_decide(&f, &row, row.updated_at, why) == DECIDE_WAIT);
	/* At once, whatever the rules are. */
	f.is_now = true;
	CHECK(fate_decide(&f, &row, row.updated_at, why) == DECIDE_READY);
}

/* Waits that are longer than time do not come round to the past. */
static void
test_for_ever(const struct config *c)
{
	struct mail_row row = {.id = "a", .tries = 1, .updated_at = 1000000};
	struct fate f = fate(c, "11574074d", 0, 1000000000000, 1);

	CHECK(fate_due_at(&f, &row) > row.updated_at);
	CHECK(fate_due_before(&f, 2000000) < 0);
}

static const struct {
	const char *text;
	double per_s; /* 0: it is none */
} rates[] = {
    {"20", 20},
    {"20/s", 20},
    {"90/m", 1.5},
    {"3600/h", 1},
    {"0.5", 0.5},
    {"0", 0},
    {"-1", 0},
    {"", 0},
    {"x", 0},
    {"1/", 0},
    {"1/d", 0},
    {"1/ss", 0},
    {"1 s", 0},
    {"1e99", 0},
    {"inf", 0},
    {"nan", 0},
};

static void
test_rates(void)
{
	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
		struct pace p = {.per_s = 0};
		struct err e = ERR_INIT;
		int r = pace_parse(&p, rates[i].text, &e);

		if (r == (rates[i].per_s > 0 ? 0 : -1) &&
		    p.per_s == rates[i].per_s)
			continue;
		fprintf(stderr, "%s: %d, %g\n", rates[i].text, r, p.per_s);
		failures++;
	}
}

/* Never more than the rate since the start, and one batch. */
static void
test_pace(void)
{
	struct pace p = {.per_s = 200};
	int64_t given = 0;
	size_t n = pace_batch(&p, 500);

	CHECK(n == 20);
	pace_start(&p);
	while (given < 100) {
		int64_t ms;

		CHECK(pace_wait(&p, n));
		ms = clock_mono_ms() - p.started_at;
		CHECK(given <= ms * 200 / 1000);
		given += (int64_t)n;
	}
	p = (struct pace){.per_s = 0.1, .budget_ms = 50};
	pace_start(&p);
	CHECK(pace_batch(&p, 500) == 1);
	CHECK(pace_wait(&p, 1));
	/* The next one would come in 10 seconds: too late. */
	CHECK(!pace_wait(&p, 1));
	CHECK(clock_mono_ms() - p.started_at < 5000);
}

int
main(void)
{
	struct config c = {.file = NULL};
	struct err e = ERR_INIT;

	if (json_parse(configuration, strlen(configuration), &c.root, &e) == -1)
		return 1;
	test_who_says(&c);
	test_jitter(&c);
	test_after(&c);
	test_decide(&c);
	test_for_ever(&c);
	test_rates();
	test_pace();
	json_free(c.root);
	return failures > 0;
}
