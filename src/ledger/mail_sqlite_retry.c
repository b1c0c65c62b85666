/*
 * The ledger in SQLite: what waits for a decision, and what is decided.
 *
 * Deferred mails are found by groups (mail_sqlite_schema.c): which of a group
 * are due is a range of an index, so that those that are not are not read.
 */
#include <stdio.h>

#include "core/buf.h"
#include "ledger/mail_sqlite.h"
#include "ledger/sealed.h"

static int
count_group(struct mail_sqlite *m, const char *queue, struct mail_group *g,
    struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_GROUP_SIZE,
	    "SELECT count(*) FROM mail WHERE state=7 AND queue=? AND tenant=?"
	    " AND class=? AND attempts-spared=?",
	    e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, queue);
	db_bind_text(st, 2, g->tenant);
	db_bind_text(st, 3, g->class);
	db_bind_int(st, 4, g->tries);
	r = db_step(&m->db, st, e);
	g->n = r == 1 ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return r;
}

static int
read_group(struct mail_sqlite *m, sqlite3_stmt *st, struct mail_group *g,
    struct err *e)
{
	int r = db_step(&m->db, st, e);

	if (r == 1) {
		snprintf(
		    g->tenant, sizeof g->tenant, "%s", db_text(st, 0, NULL));
		snprintf(g->class, sizeof g->class, "%s", db_text(st, 1, NULL));
		g->tries = sqlite3_column_int64(st, 2);
	}
	sqlite3_reset(st);
	return r;
}

/* Two steps, for an index is searched by an expression in equal rows only. */
static int
step_group(struct mail_sqlite *m, const char *queue, bool is_same,
    struct mail_group *g, struct err *e)
{
	sqlite3_stmt *st =
	    is_same
		? db_prepare(&m->db, SQL_MORE_TRIES,
		      "SELECT tenant,class,attempts-spared FROM mail"
		      " WHERE state=7 AND queue=?1 AND tenant=?2 AND class=?3"
		      " AND attempts-spared>?4 ORDER BY attempts-spared LIMIT "
		      "1",
		      e)
		: db_prepare(&m->db, SQL_NEXT_GROUP,
		      "SELECT tenant,class,attempts-spared FROM mail"
		      " WHERE state=7 AND queue=?1 AND (tenant,class)>(?2,?3)"
		      " ORDER BY tenant,class,attempts-spared LIMIT 1",
		      e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, queue);
	db_bind_text(st, 2, g->tenant);
	db_bind_text(st, 3, g->class);
	if (is_same)
		db_bind_int(st, 4, g->tries);
	return read_group(m, st, g, e);
}

int
mail_sqlite_next_group(struct mail_engine *base, const char *queue,
    struct mail_group *g, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	int r = step_group(m, queue, true, g, e);

	if (r == 0)
		r = step_group(m, queue, false, g, e);
	return r == 1 ? count_group(m, queue, g, e) : r;
}

#define OF_GROUP                                                               \
	"SELECT " ROW_COLUMNS " FROM mail WHERE state=7 AND queue=?1"          \
	" AND tenant=?4 AND class=?5 AND attempts-spared=?6"

static sqlite3_stmt *
prepare_waiting(
    struct mail_sqlite *m, const struct mail_waiting *which, struct err *e)
{
	switch (which->order) {
	case MAIL_DEFERRED_AT:
		return db_prepare(&m->db, SQL_DEFERRED_AT,
		    OF_GROUP " AND updated_at<=?7 AND (updated_at,seq)>(?2,?3)"
			     " ORDER BY updated_at,seq LIMIT 1",
		    e);
	case MAIL_DEFERRED_SINCE:
		return db_prepare(&m->db, SQL_DEFERRED_SINCE,
		    OF_GROUP " AND since<=?7 AND (since,seq)>(?2,?3)"
			     " ORDER BY since,seq LIMIT 1",
		    e);
	default:
		return db_prepare(&m->db, SQL_DEAD_AT,
		    "SELECT " ROW_COLUMNS " FROM mail"
		    " WHERE state=6 AND queue=?1 AND (updated_at,seq)>(?2,?3)"
		    " ORDER BY updated_at,seq LIMIT 1",
		    e);
	}
}

/* The next row behind (at, c->seq).  1, 0, -1. */
static int
next_waiting(struct mail_sqlite *m, const struct mail_waiting *which,
    int64_t *at, struct row_copy *c, struct err *e)
{
	sqlite3_stmt *st = prepare_waiting(m, which, e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, which->queue);
	db_bind_int(st, 2, *at);
	db_bind_int(st, 3, c->seq);
	if (which->order != MAIL_DEAD_AT) {
		db_bind_text(st, 4, which->group->tenant);
		db_bind_text(st, 5, which->group->class);
		db_bind_int(st, 6, which->group->tries);
		db_bind_int(st, 7, which->before);
	}
	r = db_step(&m->db, st, e);
	if (r == 1) {
		mail_sqlite_copy_row(st, c);
		*at = which->order == MAIL_DEFERRED_SINCE ? c->row.since
							  : c->row.updated_at;
	}
	sqlite3_reset(st);
	return r;
}

int
mail_sqlite_waiting(struct mail_engine *base, const struct mail_waiting *which,
    mail_row_fn *fn, void *ctx, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	struct row_copy c = {.seq = INT64_MAX, .text = BUF_INIT};
	int64_t at = which->order == MAIL_DEAD_AT ? which->after : INT64_MIN;
	struct buf opened = BUF_INIT;
	int r;

	while ((r = next_waiting(m, which, &at, &c, e)) == 1) {
		sealed_open_row(base->state, &c.row, &opened);
		if (fn(ctx, &c.row, e) == -1) {
			r = -1;
			break;
		}
	}
	buf_release(&opened);
	buf_release(&c.text);
	return r;
}

static int
write_move(struct mail_sqlite *m, const struct sqlite_found *f,
    const struct mail_move *v, int64_t now, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_MOVE,
	    "UPDATE mail SET state=?2,queue=ifnull(?3,queue),"
	    "lane=nullif(?8,0),due_at=0,"
	    "unstarted=0,interrupted=CASE WHEN ?4 THEN max(interrupted,1)"
	    " WHEN ?5 THEN min(interrupted,1) ELSE interrupted END,"
	    "spared=CASE WHEN ?5 THEN attempts ELSE spared END,"
	    "since=CASE WHEN ?5 THEN ?6 ELSE since END,"
	    "queued_at=CASE WHEN queued_at=0 THEN ?6 ELSE queued_at END,"
	    "last=ifnull(?7,last),updated_at=?6 WHERE seq=?1",
	    e);
	struct sqlite_place place = f->place;

	if (st == NULL)
		return -1;
	if (v->queue != NULL) {
		snprintf(place.queue, sizeof place.queue, "%s", v->queue);
		if (mail_sqlite_lane(m, &place, e) == -1)
			return -1;
	}
	mail_sqlite_left(m, &f->place, f->state);
	mail_sqlite_came(m, &place, v->to);
	db_bind_int(st, 1, f->seq);
	db_bind_int(st, 2, v->to);
	db_bind_text(st, 3, v->queue);
	db_bind_int(st, 4, v->is_marked);
	db_bind_int(st, 5, v->is_anew);
	db_bind_int(st, 6, now);
	if (v->last != NULL)
		db_bind_bytes(st, 7, v->last, v->last_len);
	else
		db_bind_text(st, 7, NULL);
	db_bind_int(st, 8, place.lane);
	return db_run(&m->db, st, e);
}

static int
write_stored(struct mail_sqlite *m, const struct sqlite_found *f,
    const char *record, size_t len, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_EDIT,
	    "UPDATE mail SET record=?2,sender=?3,recipient=?4,message_id=?5"
	    " WHERE seq=?1",
	    e);

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, f->seq);
	db_bind_bytes(st, 2, record, len);
	mail_sqlite_bind_clues(st, 3, record, len);
	return db_run(&m->db, st, e);
}

/* Sealed, where there is a public key. */
static int
write_record(struct mail_sqlite *m, const struct sqlite_found *f,
    const struct mail_move *v, struct err *e)
{
	struct buf sealed = BUF_INIT;
	int r =
	    sealed_close(m->base.state, v->record, v->record_len, &sealed, e);

	if (r == 1)
		r = write_stored(m, f, sealed.data, sealed.len, e);
	else if (r == 0)
		r = write_stored(m, f, v->record, v->record_len, e);
	buf_release(&sealed);
	return r;
}

static int
move_one(struct mail_sqlite *m, struct mail_move *v, int64_t now, struct err *e)
{
	struct mail_history h = {
	    .at = now,
	    .stage = v->stage,
	    .entry = v->entry,
	    .entry_len = v->entry_len,
	};
	struct sqlite_found f;
	int r = mail_sqlite_find(m, v->id, &f, e);

	if (r == -1)
		return -1;
	v->is_moved = r == 1 && f.state == v->from &&
		      (v->seen == 0 || f.updated_at == v->seen);
	if (!v->is_moved)
		return 0;
	if (write_move(m, &f, v, now, e) == -1 ||
	    (v->record != NULL && write_record(m, &f, v, e) == -1))
		return -1;
	/* Once a delivery: who comes back to this state was given out. */
	h.delivery = f.deliveries;
	h.attempt = f.attempts;
	return mail_sqlite_history_add(m, f.seq, &h, e) == -1 ? -1 : 0;
}

int
mail_sqlite_move(struct mail_engine *base, struct mail_move *moves, size_t n,
    int64_t now, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	int r = 0;

	if (db_begin(&m->db, e) == -1)
		return -1;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = move_one(m, &moves[i], now, e);
	return mail_sqlite_end(m, r, e);
}

static int
tell(struct mail_sqlite *m, const char *queue, const char *cause, int64_t now,
    struct err *e)
{
	sqlite3_stmt *st = db_prepare(
	    &m->db, SQL_TELL, "INSERT OR REPLACE INTO told VALUES(?,?,?)", e);

	if (st == NULL || db_begin(&m->db, e) == -1)
		return -1;
	db_bind_text(st, 1, queue);
	db_bind_text(st, 2, cause);
	db_bind_int(st, 3, now);
	return mail_sqlite_end(m, db_run(&m->db, st, e), e);
}

int
mail_sqlite_told(struct mail_engine *base, const char *queue, const char *cause,
    int64_t now, int64_t *at, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	sqlite3_stmt *st = db_prepare(&m->db, SQL_TOLD,
	    "SELECT at FROM told WHERE queue=? AND cause=?", e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, queue);
	db_bind_text(st, 2, cause);
	r = db_step(&m->db, st, e);
	*at = r == 1 ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	if (r == -1 || now == 0)
		return r == -1 ? -1 : 0;
	return tell(m, queue, cause, now, e);
}
