/*
 * The ledger in SQLite: what only reads.  Each row is copied and its statement
 * reset before the caller sees it: a reader that waits for a slow pipe must not
 * hold a transaction open, for that would stop checkpoints.
 */
#include <string.h>

#include "core/buf.h"
#include "queue/mail_sqlite.h"

/* A row with strings of its own. */
struct row_copy {
	struct mail_row row;
	int64_t seq, queued_at;
	struct buf text;
};

static const char *
keep(struct buf *b, const char *s, size_t len)
{
	const char *at;

	if (s == NULL)
		return NULL;
	at = b->data + b->len;
	buf_add(b, s, len);
	buf_addch(b, '\0');
	return at;
}

static size_t
length(const char *s)
{
	return s != NULL ? strlen(s) + 1 : 0;
}

static void
copy_row(sqlite3_stmt *st, struct row_copy *c)
{
	struct mail_row *r = &c->row;

	mail_sqlite_row(st, r);
	c->seq = sqlite3_column_int64(st, 0);
	c->queued_at = sqlite3_column_int64(st, 15);
	buf_reset(&c->text);
	/* All the room at once, so that the pointers stay good. */
	buf_grow(&c->text, length(r->id) + length(r->tenant) +
			       length(r->queue) + length(r->owner) +
			       r->record_len + r->last_len + 2);
	r->id = keep(&c->text, r->id, length(r->id) - 1);
	r->tenant = keep(&c->text, r->tenant, length(r->tenant) - 1);
	if (r->queue != NULL)
		r->queue = keep(&c->text, r->queue, strlen(r->queue));
	if (r->owner != NULL)
		r->owner = keep(&c->text, r->owner, strlen(r->owner));
	r->record = keep(&c->text, r->record, r->record_len);
	r->last = keep(&c->text, r->last, r->last_len);
}

/* The first row after seq that passes.  1, 0 none, -1. */
static int
next_row(struct mail_sqlite *m, const struct mail_filter *f, struct row_copy *c,
    struct err *e)
{
	sqlite3_stmt *st =
	    f->id != NULL
		? db_prepare(&m->db, SQL_LIST_ID,
		      "SELECT " ROW_COLUMNS " FROM mail"
		      " WHERE seq>?1 AND id=?7"
		      " AND (?2 IS NULL OR tenant=?2)"
		      " AND (?3 IS NULL OR queue=?3)"
		      " AND (?4<0 OR state=?4)"
		      " AND (?5=0 OR stored_at<?5) AND (?6=0 OR stored_at>=?6)",
		      e)
		: db_prepare(&m->db, SQL_LIST,
		      "SELECT " ROW_COLUMNS " FROM mail"
		      " WHERE seq>?1"
		      " AND (?2 IS NULL OR tenant=?2)"
		      " AND (?3 IS NULL OR queue=?3)"
		      " AND (?4<0 OR state=?4)"
		      " AND (?5=0 OR stored_at<?5) AND (?6=0 OR stored_at>=?6)"
		      " ORDER BY seq LIMIT 1",
		      e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, c->seq);
	db_bind_text(st, 2, f->tenant);
	db_bind_text(st, 3, f->queue);
	db_bind_int(st, 4, f->state);
	db_bind_int(st, 5, f->before);
	db_bind_int(st, 6, f->after);
	if (f->id != NULL)
		db_bind_text(st, 7, f->id);
	r = db_step(&m->db, st, e);
	if (r == 1)
		copy_row(st, c);
	sqlite3_reset(st);
	return r;
}

int
mail_sqlite_list(struct mail_engine *base, const struct mail_filter *f,
    mail_row_fn *fn, void *ctx, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	struct row_copy c = {.text = BUF_INIT};
	int r = 1;

	for (int64_t n = 0; f->max == 0 || n < f->max; n++) {
		r = next_row(m, f, &c, e);
		if (r != 1)
			break;
		r = fn(ctx, &c.row, e);
		if (r == -1)
			break;
	}
	buf_release(&c.text);
	return r == -1 ? -1 : 0;
}

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
	    " ORDER BY at,delivery,attempt,stage",
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
	struct mail_filter f = {.id = id, .state = -1};
	struct row_copy c = {.text = BUF_INIT};
	int r = next_row(m, &f, &c, e);

	if (r == 1)
		r = say_event(fn, ctx, ":stored", c.row.stored_at, e);
	else
		goto out;
	if (r == 0 && c.queued_at != 0)
		r = say_event(fn, ctx, ":queued", c.queued_at, e);
	if (r == 0)
		r = walk_history(m, c.seq, fn, ctx, e);
out:
	buf_release(&c.text);
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
	    " UNION ALL SELECT min(until) FROM hold WHERE until>0)",
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
	    "SELECT min((SELECT queued_at FROM mail WHERE state=1 AND queue=?1"
	    " AND tenant=lane.tenant AND priority=lane.priority"
	    " ORDER BY seq LIMIT 1)) FROM lane WHERE queue=?1 AND ready>0",
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
	    "SELECT count(*),count(nullif(tenant,'')) FROM hold WHERE queue=?",
	    e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, s->queue);
	r = db_step(&m->db, st, e);
	if (r == 1) {
		s->paused_tenants = sqlite3_column_int64(st, 1);
		s->is_paused = sqlite3_column_int64(st, 0) > s->paused_tenants;
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
