/*
 * "fail:N:SPEC": from its call N on every operation says ERR_TEMP and changes
 * nothing of what the N before it have made.
 */
#include "ledger.h"

enum {
	UNTIL = 5000000, /* when the leases of these steps end */
};

static int
do_put(struct ledger *l, const char *id, struct err *e)
{
	struct mail_put p = {
	    .id = id,
	    .tenant = "ne-001",
	    .queue = "q",
	    .at = l->now,
	    .record = "{}",
	    .record_len = 2,
	};

	return l->m->ops->put(l->m, &p, 1, e);
}

static int
put_a(struct ledger *l, struct err *e)
{
	return do_put(l, "a", e);
}

static int
put_b(struct ledger *l, struct err *e)
{
	return do_put(l, "b", e);
}

static int
take_all(struct ledger *l, struct err *e)
{
	struct mail_take how = {
	    .queue = "q",
	    .owner = "w",
	    .max = 9,
	    .now = l->now,
	    .lease_ms = LEASE_MS,
	};

	l->n = 0;
	return l->m->ops->take(l->m, &how, keep_row, l, e);
}

static int
start_a(struct ledger *l, struct err *e)
{
	struct mail_start s = {.lease = lease("a", "w", 1), .until = UNTIL};

	return l->m->ops->start(l->m, "mail-dispatch", &s, 1, l->now, e);
}

static int
do_settle(struct ledger *l, enum mail_status status, struct mail_lease held,
    struct err *e)
{
	struct mail_settle s = {
	    .lease = held,
	    .status = status,
	    .stage = "mail-dispatch",
	    .result = "{\"status\":\"…\"}",
	    .result_len = 16,
	};

	return l->m->ops->settle(l->m, &s, 1, l->now, e);
}

static int
settle_a(struct ledger *l, struct err *e)
{
	return do_settle(l, STATUS_OK, lease("a", "w", 1), e);
}

static int
update_a(struct ledger *l, struct err *e)
{
	struct mail_update u = {"a", "{}", 2, "{\"n\":1}", 7, ":reparse",
	    "{\"n\":1}", 7, false, false};

	return l->m->ops->update(l->m, &u, 1, l->now, e);
}

static int
renew_b(struct ledger *l, struct err *e)
{
	return l->m->ops->renew(l->m, "w", UNTIL, e);
}

static int
give_back_b(struct ledger *l, struct err *e)
{
	return l->m->ops->give_back(l->m, "w", true, l->now, e);
}

static int
settle_b(struct ledger *l, struct err *e)
{
	return do_settle(l, STATUS_RETRY, lease("b", "w", 2), e);
}

static int
list_all(struct ledger *l, struct err *e)
{
	struct mail_filter f = {.state = -1};

	l->n = 0;
	return l->m->ops->list(l->m, &f, keep_row, l, e);
}

static int
history_a(struct ledger *l, struct err *e)
{
	buf_reset(&l->history);
	return l->m->ops->history(l->m, "a", keep_event, &l->history, e);
}

static int
no_stats(void *ctx, const struct mail_stats *s, struct err *e)
{
	(void)ctx;
	(void)s;
	(void)e;
	return 0;
}

static int
stats(struct ledger *l, struct err *e)
{
	return l->m->ops->stats(l->m, NULL, no_stats, NULL, e);
}

static int
leases_w(struct ledger *l, struct err *e)
{
	struct mail_leases out;

	return l->m->ops->leases(l->m, "w", l->now, &out, e);
}

static int
next_due(struct ledger *l, struct err *e)
{
	int64_t at;

	return l->m->ops->next_due(l->m, "q", &at, e);
}

static int
check_all(struct ledger *l, struct err *e)
{
	return l->m->ops->check(l->m, e);
}

static int (*const steps[])(struct ledger *, struct err *) = {
    put_a,
    put_b,
    take_all,
    start_a,
    settle_a,
    update_a,
    renew_b,
    leases_w,
    give_back_b,
    take_all,
    settle_b,
    list_all,
    history_a,
    next_due,
    stats,
    check_all,
};

enum {
	STEPS = sizeof steps / sizeof *steps,
};

/* Everything that is in it. */
static char *
snapshot(struct ledger *l)
{
	struct buf out = BUF_INIT;
	struct seen rows[2];
	size_t n = list(l, (struct mail_filter){.state = -1});

	CHECK(l, n <= 2);
	memcpy(rows, l->rows, sizeof rows);
	for (size_t i = 0; i < n; i++)
		buf_addf(&out, "%s %s %s %lld %lld %lld: %s\n", rows[i].id,
		    mail_state_name(rows[i].state), rows[i].owner,
		    (long long)rows[i].due_at, (long long)rows[i].attempts,
		    (long long)rows[i].deliveries, history(l, rows[i].id));
	return buf_detach(&out);
}

/* What it should be after 0, 1, 2 … steps. */
static void
expect(char *want[STEPS + 1])
{
	struct ledger l;

	ledger_open(&l, "mem:", "state-mem");
	for (int i = 0; i <= STEPS; i++) {
		struct err e = ERR_INIT;

		want[i] = snapshot(&l);
		if (i < STEPS)
			must(&l, steps[i](&l, &e), &e, "step");
	}
	CHECK(&l, strstr(want[STEPS], "a succeeded") != NULL);
	CHECK(&l, strstr(want[STEPS], "b deferred") != NULL);
	ledger_close(&l);
}

static void
fail_from(int n, const char *want)
{
	char spec[32], dir[32], *got;
	struct ledger l;

	snprintf(spec, sizeof spec, "fail:%d:sqlite:", n);
	snprintf(dir, sizeof dir, "state-%d", n);
	ledger_open(&l, spec, dir);
	for (int i = 0; i < STEPS; i++) {
		struct err e = ERR_INIT;
		int r = steps[i](&l, &e);

		CHECK(&l, (r == -1) == (i >= n));
		CHECK(&l, e.class == (i >= n ? ERR_TEMP : ERR_NONE));
		CHECK(&l, (e.text[0] != '\0') == (i >= n));
	}
	ledger_close(&l);
	ledger_open(&l, "sqlite:", dir);
	got = snapshot(&l);
	if (!CHECK(&l, strcmp(got, want) == 0))
		fprintf(stderr, "after %d steps:\n%snot:\n%s", n, got, want);
	free(got);
	ledger_close(&l);
}

int
main(void)
{
	char *want[STEPS + 1];

	expect(want);
	for (int n = 0; n <= STEPS; n++) {
		fail_from(n, want[n]);
		free(want[n]);
	}
	return failures > 0;
}
