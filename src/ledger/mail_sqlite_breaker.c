/*
 * The ledger in SQLite: breakers, the holds that troubles open and a success
 * ends.  Take looks at none of a held route's mail: its lanes are marked as
 * those of a tenant at its cap are, and are opened when one is to be tried, or
 * all are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "ledger/mail_sqlite.h"

/* Those that are not to be taken are marked again by the next take. */
static int
open_lanes(struct mail_sqlite *m, const char *queue, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_OPEN_LANES,
	    "UPDATE lane SET is_full=0 WHERE queue=? AND is_full=1", e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, queue);
	return db_run(&m->db, st, e);
}

/* A breaker as it is stored. */
struct stored {
	char class[NAME_MAX_LEN + 1];
	int64_t n, opened_at;
};

/* 1, 0 there is none, -1. */
static int
find(struct mail_sqlite *m, const struct mail_run *run, struct stored *b,
    struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_BREAKER,
	    "SELECT class,n,opened_at FROM breaker WHERE queue=? AND route=?",
	    e);
	int r;

	*b = (struct stored){.n = 0};
	if (st == NULL)
		return -1;
	db_bind_text(st, 1, run->queue);
	db_bind_text(st, 2, run->route);
	r = db_step(&m->db, st, e);
	if (r == 1) {
		snprintf(b->class, sizeof b->class, "%s", db_text(st, 0, NULL));
		b->n = sqlite3_column_int64(st, 1);
		b->opened_at = sqlite3_column_int64(st, 2);
	}
	sqlite3_reset(st);
	return r;
}

static int
end(struct mail_sqlite *m, struct mail_run *run, const struct stored *b,
    struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_END_BREAKER,
	    "DELETE FROM breaker WHERE queue=? AND route=?", e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, run->queue);
	db_bind_text(st, 2, run->route);
	if (db_run(&m->db, st, e) == -1)
		return -1;
	run->is_closed = b->opened_at > 0;
	return run->is_closed ? open_lanes(m, run->queue, e) : 0;
}

static int
write_breaker(struct mail_sqlite *m, const struct mail_run *run,
    int64_t opened_at, int64_t now, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_SET_BREAKER,
	    "INSERT OR REPLACE INTO breaker VALUES(?,?,?,?,?,?,?,?)", e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, run->queue);
	db_bind_text(st, 2, run->route);
	db_bind_text(st, 3, run->class);
	db_bind_int(st, 4, run->total);
	db_bind_int(st, 5, opened_at);
	db_bind_int(st, 6, now + run->probe_ms);
	db_bind_int(st, 7, run->probe_ms);
	db_bind_text(st, 8, run->reason);
	return db_run(&m->db, st, e);
}

static int
note(struct mail_sqlite *m, struct mail_run *run, int64_t now, struct err *e)
{
	struct stored b;
	int r = find(m, run, &b, e);
	int64_t opened_at = b.opened_at;

	run->is_opened = run->is_closed = false;
	run->total = 0;
	if (r == -1)
		return -1;
	/* Something else came in between: that was no trouble, or another. */
	if (r == 1 && !run->is_first) {
		r = end(m, run, &b, e);
		b = (struct stored){.n = 0};
		opened_at = 0;
	}
	if (r == -1 || run->class[0] == '\0' || run->limit == 0)
		return r == 1 ? end(m, run, &b, e) : r;
	run->total = run->n;
	if (opened_at > 0 || strcmp(b.class, run->class) == 0)
		run->total += b.n;
	if (opened_at == 0 && run->total >= run->limit) {
		run->is_opened = true;
		opened_at = now;
	}
	return write_breaker(m, run, opened_at, now, e);
}

int
mail_sqlite_runs(struct mail_engine *base, struct mail_run *runs, size_t n,
    int64_t now, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	bool is_trouble = false;
	struct stored b;
	int r = 0;

	/* Mostly all is well, and there is nothing to be written. */
	for (size_t i = 0; r == 0 && i < n; i++) {
		runs[i].is_opened = runs[i].is_closed = false;
		is_trouble |= runs[i].class[0] != '\0';
		if (!is_trouble)
			r = find(m, &runs[i], &b, e);
	}
	if (r == 0 && !is_trouble)
		return 0;
	if (r == -1 || db_begin(&m->db, e) == -1)
		return -1;
	r = 0;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = note(m, &runs[i], now, e);
	return mail_sqlite_end(m, r, e);
}

int
mail_sqlite_breakers(struct mail_sqlite *m, const char *queue, int64_t now,
    struct sqlite_breakers *b, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_OPEN_BREAKERS,
	    "SELECT route,probe_at<=?2 OR probe_at>?2+probe_ms FROM breaker"
	    " WHERE queue=?1 AND opened_at>0",
	    e);
	bool is_probing = false;
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, queue);
	/* One that is farther away was set before the clock was set back. */
	db_bind_int(st, 2, now);
	while ((r = db_step(&m->db, st, e)) == 1) {
		struct sqlite_breaker *one;

		b->all = xrealloc(b->all, b->n + 1, sizeof *b->all);
		one = &b->all[b->n++];
		*one = (struct sqlite_breaker){
		    .is_probing = sqlite3_column_int(st, 1) != 0};
		snprintf(
		    one->route, sizeof one->route, "%s", db_text(st, 0, NULL));
		is_probing |= one->is_probing;
	}
	sqlite3_reset(st);
	return r == 0 && is_probing ? open_lanes(m, queue, e) : r;
}

static bool
is_served(
    const struct mail_policy *policy, const char *tenant, const char *route)
{
	if (strcmp(route, MAIL_ROUTE_COMMAND) == 0)
		return true;
	return policy != NULL && policy->is_served != NULL &&
	       policy->is_served(policy->ctx, tenant, route);
}

bool
mail_sqlite_passes(struct sqlite_breakers *b, const struct mail_policy *policy,
    const char *tenant, bool *only_one)
{
	*only_one = false;
	for (size_t i = 0; i < b->n; i++) {
		struct sqlite_breaker *one = &b->all[i];

		if (!is_served(policy, tenant, one->route))
			continue;
		if (!one->is_probing ||
		    (one->is_passed && strcmp(one->tenant, tenant) != 0))
			return false;
		one->is_passed = true;
		snprintf(one->tenant, sizeof one->tenant, "%s", tenant);
		*only_one = true;
	}
	return true;
}

int
mail_sqlite_probed(struct mail_sqlite *m, const char *queue, int64_t now,
    const struct sqlite_breakers *b, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->n; i++) {
		sqlite3_stmt *st;

		if (!b->all[i].is_probing)
			continue;
		st = db_prepare(&m->db, SQL_PROBED,
		    "UPDATE breaker SET probe_at=?3+probe_ms"
		    " WHERE queue=?1 AND route=?2",
		    e);
		if (st == NULL)
			return -1;
		db_bind_text(st, 1, queue);
		db_bind_text(st, 2, b->all[i].route);
		db_bind_int(st, 3, now);
		r = db_run(&m->db, st, e);
	}
	return r;
}

struct breaker_copy {
	char queue[NAME_MAX_LEN + 1], route[NAME_MAX_LEN + 2];
	int64_t at, until;
	char *reason;
};

static int
collect(
    struct mail_sqlite *m, struct breaker_copy **all, size_t *n, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_BREAKERS,
	    "SELECT queue,route,opened_at,probe_at,n,class,reason FROM breaker"
	    " WHERE opened_at>0 ORDER BY queue,route",
	    e);
	struct breaker_copy *b;
	int r;

	*all = NULL;
	*n = 0;
	if (st == NULL)
		return -1;
	while ((r = db_step(&m->db, st, e)) == 1) {
		*all = xrealloc(*all, *n + 1, sizeof **all);
		b = &(*all)[(*n)++];
		snprintf(b->queue, sizeof b->queue, "%s", db_text(st, 0, NULL));
		snprintf(b->route, sizeof b->route, "%s", db_text(st, 1, NULL));
		b->at = sqlite3_column_int64(st, 2);
		b->until = sqlite3_column_int64(st, 3);
		b->reason = xasprintf("%lld times %s: %s",
		    (long long)sqlite3_column_int64(st, 4),
		    db_text(st, 5, NULL), db_text(st, 6, NULL));
	}
	sqlite3_reset(st);
	return r;
}

int
mail_sqlite_breaker_holds(
    struct mail_sqlite *m, mail_hold_fn *fn, void *ctx, struct err *e)
{
	struct breaker_copy *all;
	size_t n;
	int r = collect(m, &all, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct mail_hold h = {
		    .queue = all[i].queue,
		    .tenant = "",
		    .route = all[i].route,
		    .at = all[i].at,
		    .until = all[i].until,
		    .reason = all[i].reason,
		};

		r = fn(ctx, &h, e);
	}
	for (size_t i = 0; i < n; i++)
		free(all[i].reason);
	free(all);
	return r;
}
