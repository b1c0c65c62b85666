/* The ledger in SQLite: what only reads, besides rows (mail_sqlite_list.c). */
#include <string.h>

#include "core/buf.h"
#include "ledger/mail_sqlite.h"

static int
say_event(mail_history_fn *fn, void *ctx, const char *stage, int64_t at,
    struct err *e)
{
	struct mail_history h = {
	    .at = at,
	    .stage = stage,
	    .entry = "{}",
	    .entry_len = 2,
	};

	return fn(ctx, &h, e);
}

/* One row's history in order; held in memory, it is short. */
static int
walk_history(struct mail_sqlite *m, int64_t seq, mail_history_fn *fn, void *ctx,
    struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_HISTORY,
	    "SELECT delivery,attempt,stage,at,entry FROM history WHERE seq=?"
	    " ORDER BY at,delivery>0,abs(delivery),attempt,"
	    "stage IN (':dead',':resolved',"
	    "':retry',':revived',':stranded'),stage",
	    e);
	struct mail_history h;
	int64_t delivery;
	int r;

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, seq);
	while ((r = db_step(&m->db, st, e)) == 1) {
		delivery = sqlite3_column_int64(st, 0);
		h = (struct mail_history){
		    .delivery = delivery > 0 ? delivery : 0,
		    .attempt = sqlite3_column_int64(st, 1),
		    .stage = db_text(st, 2, NULL),
		    .at = sqlite3_column_int64(st, 3),
		};
		h.entry = db_text(st, 4, &h.entry_len);
		if (fn(ctx, &h, e) == -1) {
			r = -1;
			break;
		}
	}
	sqlite3_reset(st);
	return r;
}

int
mail_sqlite_history(struct mail_engine *base, const char *id,
    mail_history_fn *fn, void *ctx, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	struct mail_filter f = {.id = id, .state = -1, .is_stored = true};
	struct row_walk w;
	const struct mail_row *row = &w.at.row;
	int r = mail_sqlite_walk_begin(m, &f, &w, e);

	if (r == 0)
		r = mail_sqlite_walk_next(&w, e);
	if (r == 1)
		r = say_event(fn, ctx, ":stored", row->stored_at, e);
	else
		goto out;
	if (r == 0 && row->queued_at != 0)
		r = say_event(fn, ctx, ":queued", row->queued_at, e);
	if (r == 0)
		r = walk_history(m, w.at.seq, fn, ctx, e);
out:
	mail_sqlite_walk_end(&w);
	return r;
}

int
mail_sqlite_next_due(
    struct mail_engine *base, const char *queue, int64_t *at, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	sqlite3_stmt *st = db_prepare(&m->db, SQL_NEXT_DUE,
	    "SELECT min(at) FROM (SELECT min(due_at) AS at FROM mail"
	    " WHERE state IN (2,3)"
	    " UNION ALL SELECT min(until) FROM hold WHERE until>0"
	    " UNION ALL SELECT min(until) FROM pace WHERE until>0"
	    " UNION ALL SELECT min(probe_at) FROM breaker"
	    " WHERE opened_at>0 AND EXISTS(SELECT 1 FROM lane"
	    " WHERE queue=breaker.queue AND ready>0 AND is_full=1))",
	    e);
	int r;

	/* Other queues' rows only wake the caller too often. */
	(void)queue;
	if (st == NULL)
		return -1;
	r = db_step(&m->db, st, e);
	*at = r == 1 ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return r == 1 ? 0 : -1;
}

/* The oldest of each lane is found by the index. */
static int
oldest_ready(
    struct mail_sqlite *m, const char *queue, int64_t *at, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_OLDEST,
	    "SELECT min((SELECT queued_at FROM mail WHERE state=1"
	    " AND lane=number ORDER BY seq LIMIT 1))"
	    " FROM lane WHERE queue=? AND ready>0",
	    e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, queue);
	r = db_step(&m->db, st, e);
	*at = r == 1 ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return r == 1 ? 0 : -1;
}

static int
read_paused(struct mail_sqlite *m, struct mail_stats *s, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_COUNT_HOLDS,
	    "SELECT count(*),count(nullif(tenant,'')),"
	    "(SELECT count(*) FROM breaker WHERE queue=?1 AND opened_at>0),"
	    "(SELECT count(DISTINCT tenant) FROM pace WHERE queue=?1"
	    " AND until>0)"
	    " FROM hold WHERE queue=?1",
	    e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, s->queue);
	r = db_step(&m->db, st, e);
	if (r == 1) {
		s->paused_tenants = sqlite3_column_int64(st, 1);
		s->is_paused = sqlite3_column_int64(st, 0) > s->paused_tenants;
		s->held_routes = sqlite3_column_int64(st, 2);
		s->limited_tenants = sqlite3_column_int64(st, 3);
	}
	sqlite3_reset(st);
	return r == 1 ? 0 : -1;
}

static int
emit_stats(struct mail_sqlite *m, struct mail_stats *s, mail_stats_fn *fn,
    void *ctx, struct err *e)
{
	if (oldest_ready(m, s->queue, &s->oldest_ready_at, e) == -1 ||
	    read_paused(m, s, e) == -1)
		return -1;
	return fn(ctx, s, e);
}

int
mail_sqlite_stats(struct mail_engine *base, const char *queue,
    mail_stats_fn *fn, void *ctx, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	sqlite3_stmt *st = db_prepare(&m->db, SQL_STATS,
	    "SELECT queue,state,n FROM counter WHERE ?1 IS NULL OR queue=?1"
	    " ORDER BY queue",
	    e);
	char name[NAME_MAX_LEN + 1] = "";
	struct mail_stats s = {.queue = NULL};
	const char *q;
	int r, state;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, queue);
	while ((r = db_step(&m->db, st, e)) == 1) {
		q = db_text(st, 0, NULL);
		if (s.queue == NULL || strcmp(q, name) != 0) {
			if (s.queue != NULL &&
			    emit_stats(m, &s, fn, ctx, e) == -1)
				break;
			snprintf(name, sizeof name, "%s", q);
			s = (struct mail_stats){.queue = name};
		}
		state = sqlite3_column_int(st, 1);
		if (state >= 0 && state < MAIL_STATES)
			s.n[state] = sqlite3_column_int64(st, 2);
	}
	sqlite3_reset(st);
	if (r == 0 && s.queue != NULL)
		r = emit_stats(m, &s, fn, ctx, e);
	return r == 0 ? 0 : -1;
}
