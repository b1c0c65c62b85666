/* The ledger in SQLite: queues and tenants that are paused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "ledger/mail_sqlite.h"

/* Of a whole queue its row in hold is enough. */
int
mail_sqlite_hold_lanes(
    struct mail_sqlite *m, const char *queue, const char *tenant, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_HOLD_LANES,
	    "UPDATE lane SET is_held=" LANE_IS_HELD(
		"?1", "?2", "lane.priority") " WHERE queue=?1 AND tenant=?2",
	    e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, queue);
	db_bind_text(st, 2, tenant);
	return db_run(&m->db, st, e);
}

static int
set_hold(struct mail_sqlite *m, const struct mail_hold *h, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_HOLD,
	    "INSERT OR REPLACE INTO hold VALUES(?,?,?,?,?)", e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, h->queue);
	db_bind_text(st, 2, h->tenant);
	db_bind_int(st, 3, h->at);
	db_bind_int(st, 4, h->until);
	db_bind_text(st, 5, h->reason);
	if (db_run(&m->db, st, e) == -1)
		return -1;
	return mail_sqlite_hold_lanes(m, h->queue, h->tenant, e);
}

int
mail_sqlite_pause(
    struct mail_engine *base, const struct mail_hold *h, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;

	if (db_begin(&m->db, e) == -1)
		return -1;
	return mail_sqlite_end(m, set_hold(m, h, e), e);
}

/* 1, 0 there was none, -1. */
static int
end_hold(
    struct mail_sqlite *m, const char *queue, const char *tenant, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_END_HOLD,
	    "DELETE FROM hold WHERE queue=? AND tenant=?", e);
	int n;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, queue);
	db_bind_text(st, 2, tenant);
	if (db_run(&m->db, st, e) == -1)
		return -1;
	n = sqlite3_changes(m->db.sqlite);
	if (mail_sqlite_hold_lanes(m, queue, tenant, e) == -1)
		return -1;
	return n > 0;
}

int
mail_sqlite_resume(struct mail_engine *base, const char *queue,
    const char *tenant, bool *was_held, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	int paces, r = -1;

	if (db_begin(&m->db, e) == -1)
		return -1;
	paces = mail_sqlite_end_pace(m, queue, tenant, e);
	if (paces != -1)
		r = end_hold(m, queue, tenant, e);
	*was_held = r == 1 || paces > 0;
	return mail_sqlite_end(m, r == -1 ? -1 : 0, e);
}

/* A hold with strings of its own. */
struct hold_copy {
	char queue[NAME_MAX_LEN + 1], tenant[NAME_MAX_LEN + 1];
	int64_t at, until;
	char *reason;
};

/* All that end at now or before; now 0: all there are.  The caller frees. */
static int
collect(struct mail_sqlite *m, int64_t now, struct hold_copy **all, size_t *n,
    struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_HOLDS,
	    "SELECT queue,tenant,at,until,reason FROM hold"
	    " WHERE ?1=0 OR (until>0 AND until<=?1) ORDER BY queue,tenant",
	    e);
	struct hold_copy *h;
	const char *reason;
	int r;

	*all = NULL;
	*n = 0;
	if (st == NULL)
		return -1;
	db_bind_int(st, 1, now);
	while ((r = db_step(&m->db, st, e)) == 1) {
		if (*n % 64 == 0)
			*all = xrealloc(*all, *n + 64, sizeof **all);
		h = &(*all)[(*n)++];
		snprintf(h->queue, sizeof h->queue, "%s", db_text(st, 0, NULL));
		snprintf(
		    h->tenant, sizeof h->tenant, "%s", db_text(st, 1, NULL));
		h->at = sqlite3_column_int64(st, 2);
		h->until = sqlite3_column_int64(st, 3);
		reason = db_text(st, 4, NULL);
		h->reason = reason != NULL ? xstrdup(reason) : NULL;
	}
	sqlite3_reset(st);
	return r;
}

static void
release(struct hold_copy *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(all[i].reason);
	free(all);
}

int
mail_sqlite_end_holds(struct mail_sqlite *m, int64_t now, struct err *e)
{
	struct hold_copy *all;
	size_t n;
	int r = collect(m, now, &all, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++)
		if (end_hold(m, all[i].queue, all[i].tenant, e) == -1)
			r = -1;
	release(all, n);
	return r == 0 ? mail_sqlite_end_paces(m, now, e) : r;
}

int
mail_sqlite_holds(
    struct mail_engine *base, mail_hold_fn *fn, void *ctx, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	struct hold_copy *all;
	size_t n;
	int r = collect(m, 0, &all, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct mail_hold h = {
		    .queue = all[i].queue,
		    .tenant = all[i].tenant,
		    .at = all[i].at,
		    .until = all[i].until,
		    .reason = all[i].reason,
		};

		r = fn(ctx, &h, e);
	}
	release(all, n);
	if (r == 0)
		r = mail_sqlite_pace_holds(m, fn, ctx, e);
	return r == 0 ? mail_sqlite_breaker_holds(m, fn, ctx, e) : r;
}

int
mail_sqlite_is_paused(
    struct mail_sqlite *m, const char *queue, bool *is_paused, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_PAUSED,
	    "SELECT EXISTS(SELECT 1 FROM hold WHERE queue=? AND tenant='')", e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, queue);
	r = db_ask(&m->db, st, e);
	*is_paused = r == 1;
	return r == -1 ? -1 : 0;
}
