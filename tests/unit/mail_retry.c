/*
 * What every ledger engine promises mail-retry (ledger/mail.h): groups of what
 * is deferred, decisions, breakers, and who was told.
 */
#include "ledger/mail_engines.h"

#include "ledger.h"

static void
put_for(struct ledger *l, const char *id, const char *tenant)
{
	struct err e = ERR_INIT;
	struct mail_put p = {
	    .id = id,
	    .tenant = tenant,
	    .queue = "q",
	    .at = l->now,
	    .record = "{}",
	    .record_len = 2,
	};

	must(l, l->m->ops->put(l->m, &p, 1, &e), &e, "put");
}

/* The mail of the last take is settled with a class of trouble. */
static void
settle_class(struct ledger *l, enum mail_status status, const char *class,
    struct mail_lease held)
{
	struct err e = ERR_INIT;
	struct mail_settle s = {
	    .lease = held,
	    .status = status,
	    .stage = "mail-dispatch",
	    .result = "{\"status\":\"retry\"}",
	    .result_len = 18,
	    .class = class,
	};

	must(l, l->m->ops->settle(l->m, &s, 1, l->now, &e), &e, "settle");
}

/* One of this tenant, deferred for this reason; whatever else is ready waits.
 */
static void
defer(struct ledger *l, const char *id, const char *tenant, const char *class)
{
	put_for(l, id, tenant);
	take(l, "q", "w", 1);
	start(l, "mail-dispatch", lease(id, "w", 1));
	settle_class(l, STATUS_RETRY, class, lease(id, "w", 1));
}

/* "a/handler/1=2 b//1=1": tenant, class, tries, how many. */
static const char *
groups(struct ledger *l, const char *queue)
{
	struct mail_group g = {.tries = -1};
	struct err e = ERR_INIT;
	int r;

	buf_reset(&l->history);
	buf_addstr(&l->history, "");
	while ((r = l->m->ops->next_group(l->m, queue, &g, &e)) == 1)
		buf_addf(&l->history, "%s%s/%s/%lld=%lld",
		    l->history.len > 0 ? " " : "", g.tenant, g.class,
		    (long long)g.tries, (long long)g.n);
	must(l, r, &e, "next_group");
	return l->history.data;
}

static size_t
waiting(struct ledger *l, struct mail_waiting which)
{
	struct err e = ERR_INIT;

	l->n = 0;
	which.queue = "q";
	must(l, l->m->ops->waiting(l->m, &which, keep_row, l, &e), &e,
	    "waiting");
	return l->n;
}

static size_t
of_group(struct ledger *l, enum mail_waiting_order order, const char *tenant,
    const char *class, int64_t tries, int64_t before)
{
	struct mail_group g = {.tries = tries};

	snprintf(g.tenant, sizeof g.tenant, "%s", tenant);
	snprintf(g.class, sizeof g.class, "%s", class);
	return waiting(l, (struct mail_waiting){
			      .order = order, .group = &g, .before = before});
}

static bool
move(struct ledger *l, struct mail_move v)
{
	struct err e = ERR_INIT;

	if (v.stage == NULL)
		v.stage = ":retry";
	v.entry = "{\"reason\":\"x\"}";
	v.entry_len = strlen(v.entry);
	must(l, l->m->ops->move(l->m, &v, 1, l->now, &e), &e, "move");
	return v.is_moved;
}

static void
test_groups(struct ledger *l)
{
	CHECK(l, strcmp(groups(l, "q"), "") == 0);
	defer(l, "a1", "a", "handler");
	l->now += 10;
	defer(l, "a2", "a", "handler");
	defer(l, "a3", "a", "network");
	defer(l, "b1", "b", NULL);
	CHECK(l,
	    strcmp(groups(l, "q"), "a/handler/1=2 a/network/1=1 b//1=1") == 0);
	CHECK(l, strcmp(groups(l, "other"), "") == 0);
	CHECK(l, of_group(l, MAIL_DEFERRED_AT, "a", "handler", 1, l->now) == 2);
	CHECK(l, strcmp(l->rows[0].id, "a1") == 0);
	CHECK(l,
	    of_group(l, MAIL_DEFERRED_AT, "a", "handler", 1, l->now - 1) == 1);
	CHECK(l, of_group(l, MAIL_DEFERRED_SINCE, "a", "handler", 1,
		     l->now - 1) == 1);
	CHECK(l, of_group(l, MAIL_DEFERRED_AT, "a", "handler", 2, l->now) == 0);
	CHECK(l, of_group(l, MAIL_DEFERRED_AT, "b", "", 1, l->now) == 1);
	/* Its next try is another group. */
	CHECK(l,
	    move(l, (struct mail_move){
			.id = "a1", .from = MAIL_DEFERRED, .to = MAIL_READY}));
	take(l, "q", "w", 1);
	start(l, "mail-dispatch", lease("a1", "w", 2));
	settle_class(l, STATUS_RETRY, "handler", lease("a1", "w", 2));
	CHECK(l, strcmp(groups(l, "q"), "a/handler/1=1 a/handler/2=1 "
					"a/network/1=1 b//1=1") == 0);
}

/* A decision is about what was seen, and told if and only if it is true. */
static void
test_move(struct ledger *l)
{
	int64_t seen;

	defer(l, "a", "t", "handler");
	seen = l->now;
	l->now++;
	CHECK(l, !move(l, (struct mail_move){
			      .id = "a", .from = MAIL_DEAD, .to = MAIL_READY}));
	CHECK(l, !move(l, (struct mail_move){.id = "a",
			      .from = MAIL_DEFERRED,
			      .to = MAIL_READY,
			      .seen = seen + 1}));
	CHECK(l, !move(l, (struct mail_move){.id = "none",
			      .from = MAIL_DEFERRED,
			      .to = MAIL_READY}));
	CHECK(l, strcmp(history(l, "a"),
		     ":stored :queued :start mail-dispatch") == 0);
	CHECK(l, move(l, (struct mail_move){.id = "a",
			     .from = MAIL_DEFERRED,
			     .to = MAIL_DEAD,
			     .seen = seen,
			     .stage = ":dead"}));
	CHECK(l, row(l, "a").state == MAIL_DEAD);
	CHECK(l, strcmp(history(l, "a"), ":stored :queued :start "
					 "mail-dispatch :dead") == 0);
	CHECK(l, waiting(l, (struct mail_waiting){.order = MAIL_DEAD_AT,
				.after = l->now - 1}) == 1);
	CHECK(l, waiting(l, (struct mail_waiting){
				.order = MAIL_DEAD_AT, .after = l->now}) == 0);
}

/* Anew: tries count from 1, attempts go on, another record. */
static void
test_anew(struct ledger *l)
{
	defer(l, "a", "t", "handler");
	l->now += 100;
	for (int i = 2; i < 5; i++) {
		CHECK(l, move(l, (struct mail_move){.id = "a",
				     .from = MAIL_DEFERRED,
				     .to = MAIL_DEAD,
				     .stage = ":dead"}));
		l->now++;
		CHECK(l, move(l, (struct mail_move){.id = "a",
				     .from = MAIL_DEAD,
				     .to = MAIL_READY,
				     .is_anew = true,
				     .record = "{\"n\":1}",
				     .record_len = 7,
				     .stage = ":revived"}));
		CHECK(l, strcmp(record(l, "a"), "{\"n\":1}") == 0);
		CHECK(l, row(l, "a").attempts == i - 1);
		CHECK(l, take(l, "q", "w", 1) == 1);
		CHECK(l, start(l, "mail-dispatch", lease("a", "w", i)) == i);
		settle_class(l, STATUS_RETRY, "handler", lease("a", "w", i));
		CHECK(l, strcmp(groups(l, "q"), "t/handler/1=1") == 0);
		CHECK(l, of_group(l, MAIL_DEFERRED_SINCE, "t", "handler", 1,
			     l->now - 1) == 0);
		l->now++;
	}
	CHECK(l, strcmp(history(l, "a"),
		     ":stored :queued :start mail-dispatch :dead :revived "
		     ":start mail-dispatch :dead :revived :start mail-dispatch "
		     ":dead :revived :start mail-dispatch") == 0);
}

static void
test_stranded(struct ledger *l)
{
	put(l, "a", NULL, 0, 0);
	CHECK(l, move(l, (struct mail_move){.id = "a",
			     .from = MAIL_STORED,
			     .to = MAIL_READY,
			     .queue = "q",
			     .is_anew = true,
			     .stage = ":stranded"}));
	CHECK(l, take(l, "q", "w", 1) == 1);
	/* What may have happened is marked. */
	settle(l, "x", STATUS_UNCERTAIN, lease("a", "w", 1));
	CHECK(l, move(l, (struct mail_move){.id = "a",
			     .from = MAIL_PARKED,
			     .to = MAIL_READY,
			     .is_anew = true,
			     .is_marked = true}));
	CHECK(l, take(l, "q", "w", 1) == 1 && l->rows[0].is_interrupted);
}

/* Nobody knows, and the tenant wants it again: deferred, and marked. */
static void
test_uncertain(struct ledger *l)
{
	put(l, "a", "q", 0, 0);
	take(l, "q", "w", 1);
	start(l, "mail-send", lease("a", "w", 1));
	l->is_retried = true;
	settle(l, "mail-send", STATUS_UNCERTAIN, lease("a", "w", 1));
	CHECK(l, row(l, "a").state == MAIL_DEFERRED);
	CHECK(l, row(l, "a").attempts == 1 && row(l, "a").is_interrupted);
	CHECK(l, move(l, (struct mail_move){.id = "a",
			     .from = MAIL_DEFERRED,
			     .to = MAIL_READY,
			     .stage = ":retry"}));
	CHECK(l, take(l, "q", "w", 1) == 1 && l->rows[0].is_interrupted);
	start(l, "mail-send", lease("a", "w", 2));
	settle(l, "mail-send", STATUS_OK, lease("a", "w", 2));
	CHECK(l, row(l, "a").state == MAIL_SUCCEEDED);
	CHECK(l, !row(l, "a").is_interrupted);
	CHECK(l, strcmp(history(l, "a"),
		     ":stored :queued :start mail-send :retry :start "
		     "mail-send") == 0);
	l->is_retried = false;
}

/* What kills us each time is not run again at once for ever. */
static void
test_interrupted(struct ledger *l)
{
	put_for(l, "a", "t");
	for (int i = 1; i <= MAIL_INTERRUPTED_MAX; i++) {
		CHECK(l, take(l, "q", "w", 1) == 1);
		CHECK(l, start(l, "mail-dispatch", lease("a", "w", i)) == i);
		l->now += LEASE_MS;
	}
	CHECK(l, take(l, "q", "w", 1) == 0);
	CHECK(l, row(l, "a").state == MAIL_DEFERRED);
	CHECK(l, strcmp(groups(l, "q"), "t/interrupted/3=1") == 0);
	/* And once more: it is still the same trouble. */
	CHECK(l,
	    move(l, (struct mail_move){
			.id = "a", .from = MAIL_DEFERRED, .to = MAIL_READY}));
	CHECK(l, take(l, "q", "w", 1) == 1 && l->rows[0].is_interrupted);
	start(l, "mail-dispatch", lease("a", "w", 4));
	l->now += LEASE_MS;
	CHECK(l, take(l, "q", "w", 1) == 0);
	CHECK(l, strcmp(groups(l, "q"), "t/interrupted/4=1") == 0);
}

static int64_t
told(struct ledger *l, const char *cause, int64_t now)
{
	struct err e = ERR_INIT;
	int64_t at = -1;

	must(l, l->m->ops->told(l->m, "q", cause, now, &at, &e), &e, "told");
	return at;
}

static void
test_told(struct ledger *l)
{
	CHECK(l, told(l, "x", 0) == 0);
	CHECK(l, told(l, "x", 5) == 0);
	CHECK(l, told(l, "x", 9) == 5);
	CHECK(l, told(l, "x", 0) == 9);
	CHECK(l, told(l, "y", 0) == 0);
}

/* '+' opened, '-' closed, '.' neither. */
static char
run(struct ledger *l, const char *route, const char *class, int64_t n,
    bool is_first)
{
	struct mail_run r = {
	    .queue = "q",
	    .route = route,
	    .class = class,
	    .n = n,
	    .is_first = is_first,
	    .reason = "why",
	    .limit = 5,
	    .probe_ms = 1000,
	};
	struct err e = ERR_INIT;

	must(l, l->m->ops->runs(l->m, &r, 1, l->now, &e), &e, "runs");
	return r.is_opened ? '+' : r.is_closed ? '-' : '.';
}

static int
count_hold(void *ctx, const struct mail_hold *h, struct err *e)
{
	int *n = ctx;

	(void)e;
	*n += h->route != NULL && strcmp(h->queue, "q") == 0 && h->until > 0;
	return 0;
}

static int
held_routes(struct ledger *l)
{
	struct err e = ERR_INIT;
	int n = 0;

	must(l, l->m->ops->holds(l->m, count_hold, &n, &e), &e, "holds");
	return n;
}

static void
test_breaker(struct ledger *l)
{
	CHECK(l, run(l, "r", "", 0, true) == '.');
	CHECK(l, run(l, "r", "network", 4, true) == '.');
	CHECK(l, held_routes(l) == 0);
	/* Another trouble, another route: each counts for itself. */
	CHECK(l, run(l, "s", "network", 4, true) == '.');
	CHECK(l, run(l, "r", "credentials", 4, true) == '.');
	CHECK(l, run(l, "r", "credentials", 1, true) == '+');
	CHECK(l, held_routes(l) == 1);
	CHECK(l, run(l, "r", "credentials", 3, true) == '.');
	CHECK(l, run(l, "s", "", 0, true) == '.');
	CHECK(l, run(l, "s", "network", 4, true) == '.');
	CHECK(l, held_routes(l) == 1);
	/* Something else came between. */
	CHECK(l, run(l, "s", "network", 4, false) == '.');
	CHECK(l, run(l, "s", "network", 1, true) == '+');
	CHECK(l, held_routes(l) == 2);
	CHECK(l, run(l, "r", "network", 2, false) == '-');
	CHECK(l, run(l, "s", "", 0, true) == '-');
	CHECK(l, held_routes(l) == 0);
	CHECK(l, run(l, "r", "network", 3, true) == '+');
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
	return strcmp(tenant, "capped") == 0 ? 1 : 0;
}

/* Tenants are served by the route of their name's first letter. */
static bool
is_served(void *ctx, const char *tenant, const char *route)
{
	(void)ctx;
	return tenant[0] == route[0];
}

static size_t
take_by(struct ledger *l, size_t max)
{
	static const struct mail_policy policy = {
	    .weight = weight, .in_flight = in_flight, .is_served = is_served};
	struct err e = ERR_INIT;
	struct mail_take how = {
	    .queue = "q",
	    .owner = "w",
	    .max = max,
	    .now = l->now,
	    .lease_ms = 100 * LEASE_MS,
	    .policy = &policy,
	};

	l->n = 0;
	must(l, l->m->ops->take(l->m, &how, keep_row, l, &e), &e, "take");
	return l->n;
}

static int64_t
next_due(struct ledger *l)
{
	struct err e = ERR_INIT;
	int64_t due = -1;

	must(l, l->m->ops->next_due(l->m, "q", &due, &e), &e, "next_due");
	return due;
}

/* Its mail is passed over; each second one of it is tried, whoever's it is. */
static void
test_held_route(struct ledger *l)
{
	static const char *const ids[] = {"a1", "a2", "b1", "a3", "c1", "a4"};
	static const char *const tenants[] = {"a", "ab", "b", "a", "c", "abc"};

	for (int i = 0; i < 6; i++)
		put_for(l, ids[i], tenants[i]);
	CHECK(l, run(l, "a", "network", 5, true) == '+');
	CHECK(l, take_by(l, 9) == 2);
	CHECK(l, l->rows[0].id[0] != 'a' && l->rows[1].id[0] != 'a');
	CHECK(l, take_by(l, 9) == 0);
	CHECK(l, next_due(l) == l->now + 1000);
	l->now += 999;
	CHECK(l, take_by(l, 9) == 0);
	l->now += 1;
	CHECK(l, take_by(l, 9) == 1 && l->rows[0].id[0] == 'a');
	CHECK(l, take_by(l, 9) == 0);
	/* The one that is tried was no success, nor has it ended yet. */
	l->now += 1000;
	CHECK(l, run(l, "a", "network", 1, true) == '.');
	CHECK(l, take_by(l, 9) == 0);
	l->now += 1000;
	CHECK(l, take_by(l, 9) == 1 && l->rows[0].id[0] == 'a');
	put_for(l, "a5", "anew");
	CHECK(l, take_by(l, 9) == 0);
	CHECK(l, run(l, "a", "", 0, true) == '-');
	CHECK(l, take_by(l, 9) == 3);
}

/* The route of a command line is that of all. */
static void
test_held_command(struct ledger *l)
{
	put_for(l, "a1", "a");
	put_for(l, "b1", "b");
	CHECK(l, run(l, MAIL_ROUTE_COMMAND, "network", 5, true) == '+');
	CHECK(l, take(l, "q", "w", 9) == 0);
	l->now += 1000;
	CHECK(l, take(l, "q", "w", 9) == 1);
	CHECK(l, take(l, "q", "w", 9) == 0);
	CHECK(l, run(l, MAIL_ROUTE_COMMAND, "", 0, true) == '-');
	CHECK(l, take(l, "q", "w", 9) == 1);
}

/* A cap is a cap, also of what is tried; and it is one afterwards. */
static void
test_held_capped(struct ledger *l)
{
	put_for(l, "c1", "capped");
	put_for(l, "c2", "capped");
	put_for(l, "c3", "capped");
	CHECK(l, take_by(l, 9) == 1);
	CHECK(l, run(l, "c", "network", 5, true) == '+');
	l->now += 1000;
	CHECK(l, take_by(l, 9) == 0);
	settle(l, "x", STATUS_OK, lease("c1", "w", 1));
	CHECK(l, take_by(l, 9) == 0);
	l->now += 1000;
	CHECK(l, take_by(l, 9) == 1);
	CHECK(l, run(l, "c", "", 0, true) == '-');
	CHECK(l, take_by(l, 9) == 0);
	settle(l, "x", STATUS_OK, lease("c2", "w", 1));
	CHECK(l, take_by(l, 9) == 1);
}

static void (*const tests[])(struct ledger *) = {
    test_groups,
    test_move,
    test_anew,
    test_stranded,
    test_uncertain,
    test_interrupted,
    test_told,
    test_breaker,
    test_held_route,
    test_held_command,
    test_held_capped,
};

int
main(void)
{
	static const char *const specs[] = {
	    "sqlite:", "sqlite:direct", "mem:", "trace:mem:"};
	struct err e = ERR_INIT;
	char dir[64];
	struct ledger l;

	for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
		for (size_t t = 0; t < sizeof tests / sizeof *tests; t++) {
			snprintf(dir, sizeof dir, "state-%zu-%zu", i, t);
			ledger_open(&l, specs[i], dir);
			CHECK(&l, l.m->ops->next_group != NULL &&
				      l.m->ops->waiting != NULL &&
				      l.m->ops->move != NULL &&
				      l.m->ops->told != NULL &&
				      l.m->ops->runs != NULL);
			tests[t](&l);
			must(&l, l.m->ops->check(l.m, &e), &e, "check");
			ledger_close(&l);
		}
	return failures > 0;
}
