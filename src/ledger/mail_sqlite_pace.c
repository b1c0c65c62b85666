/*
 * The ledger in SQLite: tenants that are held for their rates.  Lanes that are
 * held are marked, as those of a paused tenant are, by a bit of their own; take
 * sees none of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "ledger/mail_sqlite.h"

int
mail_sqlite_make_pace(struct mail_sqlite *m, struct err *e)
{
	return db_add(&m->db, "pace_until", mail_sqlite_pace_table, e);
}

static void
bind_pace(sqlite3_stmt *st, const struct mail_pace *p)
{
	db_bind_text(st, 1, p->queue);
	db_bind_text(st, 2, p->tenant);
	db_bind_int(st, 3, p->priority);
}

/* No longer than that: then somebody looks again. */
static int64_t
end_of(const struct mail_pace *p, int64_t now)
{
	int64_t latest = now + MAIL_PACE_MAX_MS;

	return p->until < latest ? p->until : latest;
}

/* Is nothing to be written?  1, 0, -1. */
static int
is_paced(struct mail_sqlite *m, const struct mail_pace *p, int64_t now,
    struct err *e)
{
	sqlite3_stmt *st;

	if (p->until <= now)
		return 1;
	st = db_prepare(&m->db, SQL_IS_PACED,
	    "SELECT EXISTS(SELECT 1 FROM pace WHERE queue=?1 AND tenant=?2"
	    " AND priority>=?3 AND until BETWEEN ?4 AND ?5)",
	    e);
	if (st == NULL)
		return -1;
	bind_pace(st, p);
	db_bind_int(st, 4, end_of(p, now) - MAIL_PACE_NEAR_MS);
	db_bind_int(st, 5, now + MAIL_PACE_MAX_MS);
	return db_ask(&m->db, st, e);
}

/* What is lower and ends earlier is part of it now. */
static int
drop_less(struct mail_sqlite *m, const struct mail_pace *p, int64_t until,
    struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_PACE_LESS,
	    "DELETE FROM pace WHERE queue=?1 AND tenant=?2 AND priority<?3"
	    " AND until<=?4",
	    e);

	if (st == NULL)
		return -1;
	bind_pace(st, p);
	db_bind_int(st, 4, until);
	return db_run(&m->db, st, e);
}

static int
set_pace(struct mail_sqlite *m, const struct mail_pace *p, int64_t now,
    struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_PACE,
	    "INSERT INTO pace(queue,tenant,priority,at,until,most,after,reason)"
	    " VALUES(?1,?2,?3,?4,?5,?6,?7,?8)"
	    " ON CONFLICT(queue,tenant,priority) DO UPDATE SET"
	    " at=CASE WHEN until>0 THEN at ELSE ?4 END,"
	    "until=?5,most=?6,after=?7,reason=?8",
	    e);
	int64_t until = end_of(p, now);

	if (st == NULL)
		return -1;
	bind_pace(st, p);
	db_bind_int(st, 4, now);
	db_bind_int(st, 5, until);
	db_bind_int(st, 6, p->most);
	db_bind_int(st, 7, until + MAIL_PACE_AFTER_MS);
	db_bind_text(st, 8, p->reason);
	if (db_run(&m->db, st, e) == -1 || drop_less(m, p, until, e) == -1)
		return -1;
	return mail_sqlite_hold_lanes(m, p->queue, p->tenant, e);
}

/* Those of which nothing counts any more. */
static int
forget(struct mail_sqlite *m, int64_t now, int64_t latest, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_PACE_FORGET,
	    "DELETE FROM pace WHERE until=0"
	    " AND (after<=?1 OR after>?2 OR most=0)",
	    e);

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, now);
	db_bind_int(st, 2, latest + MAIL_PACE_AFTER_MS);
	return db_run(&m->db, st, e);
}

/* Mostly they are held already, and nothing is to be written. */
int
mail_sqlite_pace(struct mail_engine *base, const struct mail_pace *all,
    size_t n, int64_t now, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	int r = 1;

	for (size_t i = 0; r == 1 && i < n; i++)
		r = is_paced(m, &all[i], now, e);
	if (r != 0)
		return r == 1 ? 0 : -1;
	if (db_begin(&m->db, e) == -1)
		return -1;
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = is_paced(m, &all[i], now, e);
		if (r == 0)
			r = set_pace(m, &all[i], now, e);
		else if (r == 1)
			r = 0;
	}
	if (r == 0)
		r = forget(m, now, now + MAIL_PACE_MAX_MS, e);
	return mail_sqlite_end(m, r, e);
}

/* A tenant of a queue, or a hold of it, with strings of its own. */
struct pace_copy {
	char queue[NAME_MAX_LEN + 1], tenant[NAME_MAX_LEN + 1];
	int64_t priority, at, until;
	char *reason;
};

static void
release(struct pace_copy *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(all[i].reason);
	free(all);
}

/* Those that st selects, and reset it.  The caller releases, also on -1. */
static int
collect(struct mail_sqlite *m, sqlite3_stmt *st, struct pace_copy **all,
    size_t *n, struct err *e)
{
	struct pace_copy *p;
	const char *reason;
	int r;

	while ((r = db_step(&m->db, st, e)) == 1) {
		if (*n % 64 == 0)
			*all = xrealloc(*all, *n + 64, sizeof **all);
		p = &(*all)[(*n)++];
		snprintf(p->queue, sizeof p->queue, "%s", db_text(st, 0, NULL));
		snprintf(
		    p->tenant, sizeof p->tenant, "%s", db_text(st, 1, NULL));
		p->priority = sqlite3_column_int64(st, 2);
		p->at = sqlite3_column_int64(st, 3);
		p->until = sqlite3_column_int64(st, 4);
		reason = db_text(st, 5, NULL);
		p->reason = reason != NULL ? xstrdup(reason) : NULL;
	}
	sqlite3_reset(st);
	return r;
}

static int
end_one(struct mail_sqlite *m, const struct pace_copy *p, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_PACE_OVER,
	    "UPDATE pace SET until=0 WHERE queue=? AND tenant=? AND priority=?",
	    e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, p->queue);
	db_bind_text(st, 2, p->tenant);
	db_bind_int(st, 3, p->priority);
	if (db_run(&m->db, st, e) == -1)
		return -1;
	return mail_sqlite_hold_lanes(m, p->queue, p->tenant, e);
}

/* A clock that was set back must not make them longer. */
int
mail_sqlite_end_paces(struct mail_sqlite *m, int64_t now, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_PACES_OVER,
	    "SELECT queue,tenant,priority,at,until,NULL FROM pace"
	    " WHERE until>0 AND (until<=?1 OR until>?2)",
	    e);
	struct pace_copy *all = NULL;
	int64_t latest = now + MAIL_PACE_MAX_MS;
	size_t n = 0;
	int r;

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, now);
	db_bind_int(st, 2, latest);
	r = collect(m, st, &all, &n, e);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = end_one(m, &all[i], e);
	if (r == 0 && n > 0)
		r = forget(m, now, latest, e);
	release(all, n);
	return r;
}

int
mail_sqlite_end_pace(
    struct mail_sqlite *m, const char *queue, const char *tenant, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_PACE_END,
	    "DELETE FROM pace WHERE queue=?1 AND tenant=?2 RETURNING until>0",
	    e);
	int n = 0, r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, queue);
	db_bind_text(st, 2, tenant);
	while ((r = db_step(&m->db, st, e)) == 1)
		n += sqlite3_column_int(st, 0);
	sqlite3_reset(st);
	return r == -1 ? -1 : n;
}

int
mail_sqlite_pace_holds(
    struct mail_sqlite *m, mail_hold_fn *fn, void *ctx, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_PACES,
	    "SELECT queue,tenant,priority,at,until,reason FROM pace"
	    " WHERE until>0 ORDER BY queue,tenant,priority",
	    e);
	struct pace_copy *all = NULL;
	size_t n = 0;
	int r = st != NULL ? collect(m, st, &all, &n, e) : -1;

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct mail_hold h = {
		    .queue = all[i].queue,
		    .tenant = all[i].tenant,
		    .is_rate = true,
		    .priority = all[i].priority,
		    .at = all[i].at,
		    .until = all[i].until,
		    .reason = all[i].reason,
		};

		r = fn(ctx, &h, e);
	}
	release(all, n);
	return r;
}

int
mail_sqlite_paces(struct mail_sqlite *m, const char *queue, int64_t now,
    struct sqlite_paces *p, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_PACE_SHARES,
	    "SELECT tenant,priority,most FROM pace WHERE queue=?1 AND most>0"
	    " AND after>?2 ORDER BY tenant,priority",
	    e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, queue);
	db_bind_int(st, 2, now);
	while ((r = db_step(&m->db, st, e)) == 1) {
		struct sqlite_pace *one;

		if (p->n % 64 == 0)
			p->all = xrealloc(p->all, p->n + 64, sizeof *p->all);
		one = &p->all[p->n++];
		snprintf(one->tenant, sizeof one->tenant, "%s",
		    db_text(st, 0, NULL));
		one->priority = sqlite3_column_int64(st, 1);
		one->most = sqlite3_column_int64(st, 2);
	}
	sqlite3_reset(st);
	return r;
}

const struct sqlite_pace *
mail_sqlite_find_pace(
    const struct sqlite_paces *p, const char *tenant, int64_t priority)
{
	size_t low = 0, high = p->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int r = strcmp(p->all[mid].tenant, tenant);

		if (r < 0 || (r == 0 && p->all[mid].priority < priority))
			low = mid + 1;
		else
			high = mid;
	}
	return low < p->n && strcmp(p->all[low].tenant, tenant) == 0
		   ? &p->all[low]
		   : NULL;
}

int
mail_sqlite_paced_until(
    struct mail_sqlite *m, const char *queue, int64_t *until, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_PACED_UNTIL,
	    "SELECT min(until) FROM pace WHERE queue=?1 AND until>0"
	    " AND EXISTS(SELECT 1 FROM lane WHERE queue=?1"
	    " AND tenant=pace.tenant AND priority<=pace.priority AND ready>0"
	    " AND is_held=2)"
	    " AND NOT EXISTS(SELECT 1 FROM hold WHERE queue=?1 AND tenant='')",
	    e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, queue);
	r = db_step(&m->db, st, e);
	*until = r == 1 ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return r == 1 ? 0 : -1;
}
