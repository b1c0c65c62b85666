/* What every ledger engine promises (ledger/mail.h, the table of queue.h). */
#include "ledger/mail_engines.h"

#include "ledger.h"

static void
test_put(struct ledger *l)
{
	struct seen s;

	put(l, "a", NULL, 0, 0);
	CHECK(l, row(l, "a").state == MAIL_STORED);
	CHECK(l, take(l, "q", "w", 9) == 0);
	put(l, "a", NULL, 7, 0);
	CHECK(l, row(l, "a").state == MAIL_STORED);
	put(l, "a", "q", 3, 0);
	s = row(l, "a");
	CHECK(l, s.state == MAIL_READY && s.priority == 3 && s.due_at == 0);
	/* Further is further, wherever it is put again. */
	put(l, "a", NULL, 0, 0);
	put(l, "a", "other", 9, l->now + 5);
	s = row(l, "a");
	CHECK(l, s.state == MAIL_READY && s.priority == 3);
	CHECK(l, take(l, "other", "w", 9) == 0);
	CHECK(l, take(l, "q", "w", 9) == 1);
	put(l, "a", "q", 0, 0);
	CHECK(l, row(l, "a").state == MAIL_LEASED);
	settle(l, "mail-dispatch", STATUS_OK, lease("a", "w", 1));
	put(l, "a", "q", 0, 0);
	CHECK(l, row(l, "a").state == MAIL_SUCCEEDED);
	CHECK(l, strcmp(history(l, "a"), ":stored :queued mail-dispatch") == 0);
	/* Not stored before: put makes the row. */
	put(l, "b", "q", 0, 0);
	CHECK(l, row(l, "b").state == MAIL_READY);
}

/*
 * What is stored, what is put on a queue later, and what the row has then: the
 * blobs of the mail are those that were stored, all else is as it was put.
 */
static const struct {
	const char *stored, *queued, *want;
} blobs[] = {
    {"{\"a\":1}", "{\"b\":2}", "{\"b\":2}"},
    {"{\"blob\":{\"ref\":\"x\"},\"size\":1,\"a\":1}",
	"{\"blob\":{\"ref\":\"y\"},\"size\":2}",
	"{\"blob\":{\"ref\":\"x\"},\"size\":1}"},
    /* Parts that have none keep what is new; others get theirs back. */
    {"{\"message\":{\"parts\":[{\"p\":1},{\"p\":2,\"blob\":{\"ref\":\"x.2\"}}]}"
     "}",
	"{\"message\":{\"m\":1,\"parts\":[{\"n\":[1]},"
	"{\"blob\":{\"ref\":\"y.2\"},\"n\":null}]}}",
	"{\"message\":{\"m\":1,\"parts\":[{\"n\":[1]},"
	"{\"blob\":{\"ref\":\"x.2\"},\"n\":null}]}}"},
    {"{\"message\":{\"parts\":[{\"blob\":{\"ref\":\"x\"}}]}}",
	"{\"message\":{\"parts\":[{\"blob\":{\"ref\":\"y\"}},{\"q\":1}]}}",
	"{\"message\":{\"parts\":[{\"blob\":{\"ref\":\"x\"}}]}}"},
    {"{\"message\":{\"parts\":[{\"p\":\"\\u00e9\",\"blob\":{\"ref\":\"x\"}}]}}",
	"{\"c\":1}",
	"{\"c\":1,\"message\":{\"parts\":[{\"p\":\"\\u00e9\","
	"\"blob\":{\"ref\":\"x\"}}]}}"},
    /* No record is refused, whatever stands there. */
    {"{\"message\":{\"parts\":[\"s\",[],{\"blob\":{\"ref\":\"x\"}}]}}",
	"{\"message\":{\"parts\":[1,\"no json\",\"neither\"]}}",
	"{\"message\":{\"parts\":[{},{},{\"blob\":{\"ref\":\"x\"}}]}}"},
    {"{\"message\":{\"parts\":[{\"blob\":{\"ref\":\"x\"}}]}}",
	"{\"message\":\"none\"}",
	"{\"message\":{\"parts\":[{\"blob\":{\"ref\":\"x\"}}]}}"},
    {"{\"message\":{\"parts\":\"none\"}}", "{\"message\":{\"parts\":[1]}}",
	"{\"message\":{\"parts\":[1]}}"},
};

static void
test_blobs(struct ledger *l)
{
	for (size_t i = 0; i < sizeof blobs / sizeof *blobs; i++) {
		char id[] = {(char)('a' + i), '\0'};

		put_record(l, id, NULL, blobs[i].stored);
		put_record(l, id, "q", blobs[i].queued);
		CHECK(l, row(l, id).state == MAIL_READY);
		if (!CHECK(l, strcmp(record(l, id), blobs[i].want) == 0))
			fprintf(
			    stderr, "%s\n%s\n", l->record.data, blobs[i].want);
	}
}

static void
test_schedule(struct ledger *l)
{
	struct err e = ERR_INIT;
	int64_t due = -1;

	put(l, "late", "q", 0, l->now + 500);
	put(l, "past", "q", 0, l->now - 1);
	CHECK(l, row(l, "past").state == MAIL_READY);
	CHECK(l, row(l, "late").state == MAIL_SCHEDULED);
	CHECK(l, row(l, "late").due_at == l->now + 500);
	CHECK(l, take(l, "q", "w", 9) == 1);
	CHECK(l, strcmp(l->rows[0].id, "past") == 0);
	l->now += 499;
	CHECK(l, take(l, "q", "w", 9) == 0);
	must(l, l->m->ops->next_due(l->m, "q", &due, &e), &e, "next_due");
	CHECK(l, due == l->now + 1);
	l->now++;
	CHECK(l, take(l, "q", "w", 9) == 1);
	CHECK(l, strcmp(l->rows[0].id, "late") == 0);
	settle(l, "x", STATUS_OK, lease("late", "w", 1));
	settle(l, "x", STATUS_OK, lease("past", "w", 1));
	must(l, l->m->ops->next_due(l->m, "q", &due, &e), &e, "next_due");
	CHECK(l, due == 0);
}

static void
test_order(struct ledger *l)
{
	static const char *const want[] = {"b", "e", "a", "c", "d"};

	put(l, "a", "q", 0, 0);
	put(l, "b", "q", 5, 0);
	put(l, "c", "q", 0, 0);
	put(l, "d", "q", -1, 0);
	put(l, "e", "q", 5, 0);
	put(l, "x", "other", 99, 0);
	CHECK(l, take(l, "q", "w", 2) == 2);
	give_back(l, "w", false);
	CHECK(l, take(l, "q", "w", 9) == 5);
	for (size_t i = 0; i < l->n && i < 5; i++) {
		CHECK(l, strcmp(l->rows[i].id, want[i]) == 0);
		CHECK(l, l->rows[i].state == MAIL_LEASED);
		CHECK(l, l->rows[i].due_at == l->now + LEASE_MS);
		CHECK(l, strcmp(l->rows[i].owner, "w") == 0);
	}
	CHECK(l, l->rows[0].deliveries == 2 && l->rows[2].deliveries == 1);
	CHECK(l, take(l, "q", "w2", 9) == 0);
}

/* What each result makes of a row, started or not. */
static const struct {
	enum mail_status status;
	enum mail_state state;
	int64_t attempts;
	int64_t wait_ms;
} results[] = {
    {STATUS_OK, MAIL_SUCCEEDED, 1, 0},
    {STATUS_RETRY, MAIL_DEFERRED, 1, 500},
    {STATUS_SNOOZE, MAIL_SCHEDULED, 0, 500},
    {STATUS_SKIP, MAIL_SKIPPED, 0, 0},
    {STATUS_FAIL, MAIL_DEAD, 1, 0},
    {STATUS_UNCERTAIN, MAIL_PARKED, 1, 0},
};

enum {
	RESULTS = sizeof results / sizeof *results,
};

static void
test_results(struct ledger *l)
{
	for (int i = 0; i < 2 * RESULTS; i++) {
		bool is_started = i >= RESULTS;
		char id[] = {(char)('a' + i), '\0'};
		int64_t due = 0;
		struct seen s;

		put(l, id, "q", 0, 0);
		take(l, "q", "w", 1);
		if (is_started)
			CHECK(l,
			    start(l, "mail-dispatch", lease(id, "w", 1)) == 1);
		if (results[i % RESULTS].wait_ms > 0)
			due = l->now + results[i % RESULTS].wait_ms;
		CHECK(
		    l, *settle(l, "mail-dispatch", results[i % RESULTS].status,
			   lease(id, "w", 1)) == '\0');
		s = row(l, id);
		CHECK(l, s.state == results[i % RESULTS].state);
		CHECK(l, s.attempts == results[i % RESULTS].attempts);
		CHECK(l, s.due_at == due);
		CHECK(l, s.owner[0] == '\0');
		CHECK(
		    l, strcmp(history(l, id),
			   is_started ? ":stored :queued :start mail-dispatch"
				      : ":stored :queued mail-dispatch") == 0);
	}
}

/* "lost" or "". */
static const char *
update(struct ledger *l, const char *id, const char *was, const char *record)
{
	struct err e = ERR_INIT;
	struct mail_update u = {
	    .id = id,
	    .was = was,
	    .was_len = strlen(was),
	    .record = record,
	    .record_len = strlen(record),
	    .stage = ":reparse",
	    .entry = "{\"changed\":[]}",
	    .entry_len = 14,
	};

	must(l, l->m->ops->update(l->m, &u, 1, l->now, &e), &e, "update");
	return u.is_lost ? "lost" : "";
}

static void
test_update(struct ledger *l)
{
	struct seen was, is;

	put(l, "a", "q", 0, 0);
	put(l, "b", NULL, 0, 0);
	take(l, "q", "w", 1);
	was = row(l, "a");
	l->now++;
	CHECK(l, *update(l, "a", "{\"id\":\"a\"}", "{\"n\":1}") == '\0');
	is = row(l, "a");
	CHECK(l, memcmp(&was, &is, sizeof was) == 0);
	CHECK(l, strcmp(record(l, "a"), "{\"n\":1}") == 0);
	/* Only what is still as it was read; the history tells no more. */
	CHECK(l, *update(l, "a", "{\"id\":\"a\"}", "{\"n\":2}") == 'l');
	CHECK(l, *update(l, "none", "{}", "{\"n\":2}") == 'l');
	CHECK(l, strcmp(record(l, "a"), "{\"n\":1}") == 0);
	CHECK(l, strcmp(record(l, "b"), "{\"id\":\"b\"}") == 0);
	CHECK(l, strcmp(history(l, "a"), ":stored :queued :reparse") == 0);
	/* Again and again, in whatever state. */
	l->now++;
	CHECK(l, *update(l, "a", "{\"n\":1}", "{\"n\":2}") == '\0');
	CHECK(l, *settle(l, "x", STATUS_OK, lease("a", "w", 1)) == '\0');
	l->now++;
	CHECK(l, *update(l, "a", "{\"n\":2}", "{\"n\":1}") == '\0');
	CHECK(l, strcmp(history(l, "a"),
		     ":stored :queued :reparse :reparse x :reparse") == 0);
	CHECK(l, row(l, "a").state == MAIL_SUCCEEDED);
}

/* One transaction: the one that is lost takes no other with it. */
static void
test_updates(struct ledger *l)
{
	static const char *const ids[] = {"a", "none", "b"};
	struct mail_update u[3];
	struct err e = ERR_INIT;

	put_record(l, "a", NULL, "{}");
	put_record(l, "b", NULL, "{}");
	for (int i = 0; i < 3; i++)
		u[i] = (struct mail_update){ids[i], "{}", 2, "{\"n\":1}", 7,
		    ":reparse", "{}", 2, false, true};
	must(l, l->m->ops->update(l->m, u, 3, l->now, &e), &e, "update");
	CHECK(l, !u[0].is_lost && u[1].is_lost && !u[2].is_lost);
	CHECK(l, strcmp(record(l, "b"), "{\"n\":1}") == 0);
}

/* Only what is snoozed comes back by itself. */
static void
test_waiting(struct ledger *l)
{
	test_results(l);
	l->now += 10 * LEASE_MS;
	CHECK(l, take(l, "q", "w", 99) == 2);
	for (size_t i = 0; i < l->n; i++) {
		CHECK(l, l->rows[i].attempts == 0);
		CHECK(l, l->rows[i].deliveries == 2);
	}
}

static void
test_repeated(struct ledger *l)
{
	for (int i = 0; i < RESULTS; i++) {
		char id[] = {(char)('a' + i), '\0'};
		struct seen once, twice;

		put(l, id, "q", 0, 0);
		take(l, "q", "w", 1);
		start(l, "mail-dispatch", lease(id, "w", 1));
		settle(
		    l, "mail-dispatch", results[i].status, lease(id, "w", 1));
		once = row(l, id);
		l->now++;
		CHECK(l, *settle(l, "mail-dispatch", results[i].status,
			     lease(id, "w", 1)) == '\0');
		twice = row(l, id);
		CHECK(l, memcmp(&once, &twice, sizeof once) == 0);
		CHECK(l, strcmp(history(l, id),
			     ":stored :queued :start mail-dispatch") == 0);
		/* Another stage's word on it is kept, and changes nothing. */
		CHECK(l,
		    strcmp(settle(l, "other", STATUS_FAIL, lease(id, "w", 1)),
			"stale") == 0);
		CHECK(l, row(l, id).state == once.state);
		CHECK(
		    l, strcmp(history(l, id),
			   ":stored :queued :start mail-dispatch other") == 0);
	}
	CHECK(l, strcmp(settle(l, "x", STATUS_OK, lease("none", "w", 1)),
		     "unknown") == 0);
}

/* An older lease: ok wins in whatever state it finds the row, others do not. */
static void
check_stale(struct ledger *l, int result, int now)
{
	char id[] = {(char)('a' + result), (char)('c' + now), '\0'};
	enum mail_state was;

	put(l, id, "q", 0, 0);
	take(l, "q", "old", 1);
	start(l, "mail-dispatch", lease(id, "old", 1));
	l->now += LEASE_MS;
	/* Ready again, leased again, or settled by another. */
	take(l, now == -2 ? "none" : "q", "new", 1);
	if (now >= 0)
		settle(l, "mail-dispatch", results[now].status,
		    lease(id, "new", 2));
	was = row(l, id).state;
	CHECK(l, strcmp(settle(l, "mail-dispatch", results[result].status,
			    lease(id, "old", 1)),
		     "stale") == 0);
	CHECK(l,
	    row(l, id).state ==
		(results[result].status == STATUS_OK ? MAIL_SUCCEEDED : was));
	CHECK(l, strstr(history(l, id), ":interrupted mail-dispatch") != NULL);
	/* Out of the way of the next. */
	settle(l, "x", STATUS_OK, lease(id, "old", 1));
}

static void
test_stale(struct ledger *l)
{
	for (int result = 0; result < RESULTS; result++)
		for (int now = -2; now < RESULTS; now++)
			check_stale(l, result, now);
}

/* ok from an older lease ends the newer one: it may not start any more. */
static void
test_ok_wins(struct ledger *l)
{
	put(l, "a", "q", 0, 0);
	take(l, "q", "old", 1);
	start(l, "mail-dispatch", lease("a", "old", 1));
	l->now += LEASE_MS;
	take(l, "q", "new", 1);
	CHECK(l, l->rows[0].is_interrupted);
	settle(l, "mail-dispatch", STATUS_OK, lease("a", "old", 1));
	CHECK(l, start(l, "mail-dispatch", lease("a", "new", 2)) == 0);
	CHECK(l, strcmp(settle(l, "mail-dispatch", STATUS_FAIL,
			    lease("a", "new", 2)),
		     "stale") == 0);
	CHECK(l, row(l, "a").state == MAIL_SUCCEEDED);
	CHECK(l, row(l, "a").attempts == 1);
}

static void
test_no_result(struct ledger *l)
{
	put(l, "a", "q", 0, 0);
	take(l, "q", "w", 1);
	CHECK(l, *settle(l, NULL, STATUS_NONE, lease("a", "w", 1)) == '\0');
	CHECK(l, row(l, "a").state == MAIL_READY);
	CHECK(l, row(l, "a").attempts == 0);
	take(l, "q", "w", 1);
	CHECK(l, strcmp(settle(l, NULL, STATUS_NONE, lease("a", "w", 1)),
		     "stale") == 0);
	CHECK(l, row(l, "a").state == MAIL_LEASED);
	/* Started: it may have had its effect, so nobody takes it now. */
	start(l, "mail-dispatch", lease("a", "w", 2));
	settle(l, NULL, STATUS_NONE, lease("a", "w", 2));
	CHECK(l, row(l, "a").state == MAIL_LEASED);
	CHECK(l, strcmp(history(l, "a"), ":stored :queued :start") == 0);
}

/* A lease that ends unstarted costs nothing; the twentieth in a row does. */
static void
test_unstarted(struct ledger *l)
{
	put(l, "a", "q", 0, 0);
	for (int i = 1; i < MAIL_UNSTARTED_MAX; i++) {
		CHECK(l, take(l, "q", "w", 1) == 1);
		l->now += LEASE_MS - 1;
		CHECK(l, take(l, "q", "w", 1) == 0);
		l->now++;
	}
	CHECK(l, take(l, "q", "w", 1) == 1);
	CHECK(l, l->rows[0].deliveries == MAIL_UNSTARTED_MAX);
	CHECK(l, l->rows[0].attempts == 0);
	/* A start ends the row of failures. */
	start(l, "mail-dispatch", lease("a", "w", MAIL_UNSTARTED_MAX));
	for (int i = 0; i < MAIL_UNSTARTED_MAX; i++) {
		l->now += LEASE_MS;
		CHECK(l, take(l, "q", "w", 1) == 1);
	}
	l->now += LEASE_MS;
	CHECK(l, take(l, "q", "w", 1) == 0);
	CHECK(l, row(l, "a").state == MAIL_DEAD);
	CHECK(l, strcmp(history(l, "a"),
		     ":stored :queued :start :interrupted :dead") == 0);
}

/* Whoever settles is alive: the count of unsettled deliveries begins anew. */
static void
test_settled_between(struct ledger *l)
{
	put(l, "a", "q", 0, 0);
	for (int i = 1; i < 2 * MAIL_UNSTARTED_MAX; i++) {
		CHECK(l, take(l, "q", "w", 1) == 1);
		if (i % 10 == 0)
			settle(l, "x", STATUS_SNOOZE, lease("a", "w", i));
		l->now += LEASE_MS;
	}
	CHECK(l, row(l, "a").state == MAIL_LEASED);
}

static void
test_interrupted(struct ledger *l)
{
	put(l, "handled", "q", 0, 0);
	put(l, "sent", "q", 0, 0);
	take(l, "q", "w", 2);
	CHECK(l, start(l, "mail-dispatch", lease("handled", "w", 1)) == 1);
	CHECK(l, start(l, "mail-send", lease("sent", "w", 1)) == 1);
	l->now += LEASE_MS;
	CHECK(l, take(l, "q", "w", 9) == 1);
	CHECK(l, strcmp(l->rows[0].id, "handled") == 0);
	CHECK(l, l->rows[0].is_interrupted && l->rows[0].attempts == 1);
	CHECK(l, row(l, "sent").state == MAIL_PARKED);
	CHECK(l, start(l, "mail-dispatch", lease("handled", "w", 2)) == 2);
	settle(l, "mail-dispatch", STATUS_OK, lease("handled", "w", 2));
	CHECK(l,
	    strcmp(history(l, "handled"), ":stored :queued :start :interrupted "
					  ":start mail-dispatch") == 0);
	CHECK(l, !row(l, "handled").is_interrupted);
}

static void
test_start_lost(struct ledger *l)
{
	put(l, "a", "q", 0, 0);
	CHECK(l, start(l, "mail-dispatch", lease("none", "w", 1)) == 0);
	CHECK(l, start(l, "mail-dispatch", lease("a", "w", 1)) == 0);
	take(l, "q", "w", 1);
	CHECK(l, start(l, "mail-dispatch", lease("a", "other", 1)) == 0);
	CHECK(l, start(l, "mail-dispatch", lease("a", "w", 2)) == 0);
	l->now += LEASE_MS;
	take(l, "q", "new", 1);
	CHECK(l, start(l, "mail-dispatch", lease("a", "w", 1)) == 0);
	CHECK(l, row(l, "a").attempts == 0);
	CHECK(l, start(l, "mail-dispatch", lease("a", "new", 2)) == 1);
	/* One lease, one start. */
	CHECK(l, start(l, "mail-dispatch", lease("a", "new", 2)) == 0);
	CHECK(l, row(l, "a").attempts == 1);
}

static void
test_owners(struct ledger *l)
{
	struct mail_leases w;

	for (char id[] = "a"; id[0] <= 'f'; id[0]++)
		put(l, id, "q", 0, 0);
	take(l, "q", "w", 3);
	take(l, "q", "v", 3);
	start(l, "mail-dispatch", lease("a", "w", 1));
	w = leases(l, "w");
	CHECK(l, w.started == 1 && w.unstarted == 2);
	l->now += LEASE_MS / 2;
	renew(l, "w");
	CHECK(l, row(l, "b").due_at == l->now + LEASE_MS);
	CHECK(l, row(l, "a").due_at == l->now + LEASE_MS / 2);
	CHECK(l, row(l, "d").due_at == l->now + LEASE_MS / 2);
	l->now += LEASE_MS / 2;
	w = leases(l, "w");
	CHECK(l, w.started == 0 && w.unstarted == 2);
	give_back(l, "w", false);
	CHECK(l, row(l, "a").state == MAIL_LEASED);
	CHECK(l, row(l, "b").state == MAIL_READY);
	CHECK(l, row(l, "d").state == MAIL_LEASED);
	CHECK(l, leases(l, "w").unstarted == 0);
	CHECK(l, leases(l, "nobody").unstarted == 0);
	/* The others' are over as well by now. */
	CHECK(l, take(l, "q", "x", 9) == 6);
}

static void
test_given_back(struct ledger *l)
{
	put(l, "a", "q", 0, 0);
	for (int i = 0; i < 2 * MAIL_UNSTARTED_MAX; i++) {
		CHECK(l, take(l, "q", "w", 1) == 1);
		give_back(l, "w", false);
	}
	CHECK(l, row(l, "a").state == MAIL_READY);
	for (int i = 0; i < MAIL_UNSTARTED_MAX; i++) {
		CHECK(l, take(l, "q", "w", 1) == 1);
		give_back(l, "w", true);
	}
	CHECK(l, row(l, "a").state == MAIL_DEAD);
	CHECK(l, strcmp(history(l, "a"), ":stored :queued :dead") == 0);
	CHECK(l, row(l, "a").attempts == 0);
}

static void
test_list(struct ledger *l)
{
	struct mail_filter any = {.state = -1}, f;

	put(l, "c", "q", 0, 0);
	l->now += 10;
	put(l, "a", NULL, 0, 0);
	l->now += 10;
	put(l, "b", "r", 9, 0);
	CHECK(l, list(l, any) == 3);
	CHECK(l, strcmp(l->rows[0].id, "c") == 0);
	CHECK(l, strcmp(l->rows[1].id, "a") == 0);
	f = (struct mail_filter){.state = -1, .max = 2};
	CHECK(l, list(l, f) == 2 && strcmp(l->rows[1].id, "a") == 0);
	f = (struct mail_filter){.state = MAIL_STORED};
	CHECK(l, list(l, f) == 1 && strcmp(l->rows[0].id, "a") == 0);
	f = (struct mail_filter){.state = -1, .queue = "r"};
	CHECK(l, list(l, f) == 1 && strcmp(l->rows[0].id, "b") == 0);
	f = (struct mail_filter){.state = -1, .tenant = "ne-002"};
	CHECK(l, list(l, f) == 0);
	f = (struct mail_filter){.state = -1, .tenant = "ne-001"};
	CHECK(l, list(l, f) == 3);
	f = (struct mail_filter){.state = -1, .before = l->now};
	CHECK(l, list(l, f) == 2);
	f = (struct mail_filter){.state = -1, .after = l->now - 10};
	CHECK(l, list(l, f) == 2);
	f = (struct mail_filter){.state = MAIL_READY, .id = "a"};
	CHECK(l, list(l, f) == 0);
	f = (struct mail_filter){.state = -1, .id = "none"};
	CHECK(l, list(l, f) == 0);
	CHECK(l, *history(l, "none") == '\0');
}

static int
refuse_row(void *ctx, const struct mail_row *r, struct err *e)
{
	(void)ctx;
	(void)r;
	return err_set(e, ERR_TEMP, "no");
}

/* A transaction each: who cannot use a row has not taken it. */
static void
test_refused(struct ledger *l)
{
	struct err e = ERR_INIT;
	struct mail_take how = {.queue = "q",
	    .owner = "w",
	    .max = 9,
	    .now = l->now,
	    .lease_ms = LEASE_MS};

	put(l, "a", "q", 0, 0);
	put(l, "b", "q", 0, 0);
	CHECK(l, l->m->ops->take(l->m, &how, refuse_row, l, &e) == -1);
	CHECK(l, e.class == ERR_TEMP && strcmp(e.text, "no") == 0);
	CHECK(l, row(l, "a").state == MAIL_READY);
	CHECK(l, row(l, "a").deliveries == 0);
	CHECK(l, take(l, "q", "w", 9) == 2);
}

static void (*const tests[])(struct ledger *) = {
    test_put,
    test_blobs,
    test_schedule,
    test_order,
    test_results,
    test_update,
    test_updates,
    test_waiting,
    test_repeated,
    test_stale,
    test_ok_wins,
    test_no_result,
    test_unstarted,
    test_settled_between,
    test_interrupted,
    test_start_lost,
    test_owners,
    test_given_back,
    test_list,
    test_refused,
};

/* An operation that is not there must be excluded by the capabilities. */
static void
test_operations(struct ledger *l)
{
	const struct mail_ops *o = l->m->ops;
	struct err e = ERR_INIT;

	CHECK(l, o->scheme != NULL && o->open != NULL && o->close != NULL);
	CHECK(l, o->put != NULL && o->take != NULL && o->start != NULL);
	CHECK(l, o->renew != NULL && o->give_back != NULL);
	CHECK(l, o->settle != NULL && o->update != NULL && o->leases != NULL);
	CHECK(l, o->pause != NULL && o->resume != NULL && o->holds != NULL);
	CHECK(l, o->drop != NULL);
	CHECK(l, o->next_due != NULL && o->list != NULL && o->history != NULL);
	CHECK(l, o->stats != NULL && o->check != NULL);
	CHECK(l, ((o->caps & MAIL_CAN_WAIT) != 0) == (o->wait_fd != NULL));
	if (o->wait_fd != NULL)
		CHECK(l, o->wait_fd(l->m, &e) != -1 || e.class == ERR_TEMP);
	must(l, o->check(l->m, &e), &e, "check");
}

int
main(void)
{
	static const char *const specs[] = {
	    "sqlite:", "sqlite:direct", "mem:", "trace:mem:"};
	char dir[64];
	struct ledger l;

	for (size_t i = 0; i < sizeof specs / sizeof *specs; i++)
		for (size_t t = 0; t < sizeof tests / sizeof *tests; t++) {
			snprintf(dir, sizeof dir, "state-%zu-%zu", i, t);
			ledger_open(&l, specs[i], dir);
			tests[t](&l);
			test_operations(&l); /* and its sums are right */
			ledger_close(&l);
		}
	return failures > 0;
}
