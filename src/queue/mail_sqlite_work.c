/* The ledger in SQLite: what moves rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "queue/mail_sqlite.h"

/* What a transition must know of the row it finds. */
struct found {
	int64_t seq;
	enum mail_state state;
	int64_t deliveries, attempts, unstarted;
	char owner[ID_TEXT]; /* "" without a lease */
	char stage[NAME_MAX_LEN + 1]; /* "" when not started */
};

static void
copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from != NULL ? from : "");
}

/* 1 found, 0 no such mail, -1 error. */
static int
find(struct mail_sqlite *m, const char *id, struct found *f, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_FIND,
	    "SELECT seq,state,deliveries,attempts,unstarted,owner,stage"
	    " FROM mail WHERE id=?",
	    e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, id);
	r = db_step(&m->db, st, e);
	if (r == 1) {
		f->seq = sqlite3_column_int64(st, 0);
		f->state = (enum mail_state)sqlite3_column_int(st, 1);
		f->deliveries = sqlite3_column_int64(st, 2);
		f->attempts = sqlite3_column_int64(st, 3);
		f->unstarted = sqlite3_column_int64(st, 4);
		copy_text(f->owner, sizeof f->owner, db_text(st, 5, NULL));
		copy_text(f->stage, sizeof f->stage, db_text(st, 6, NULL));
	}
	sqlite3_reset(st);
	return r;
}

/* Does the row still belong to this lease? */
static bool
is_held(const struct found *f, const struct mail_lease *l)
{
	return f->state == MAIL_LEASED && f->deliveries == l->delivery &&
	       strcmp(f->owner, l->owner) == 0;
}

static enum mail_state
put_state(const struct mail_put *p)
{
	if (p->queue == NULL)
		return MAIL_STORED;
	return p->ready_at > p->at ? MAIL_SCHEDULED : MAIL_READY;
}

static int
insert(struct mail_sqlite *m, const struct mail_put *p, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_INSERT,
	    "INSERT INTO mail(id,tenant,queue,state,priority,due_at,stored_at,"
	    "queued_at,updated_at,record)"
	    " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?7,?9)",
	    e);
	enum mail_state state = put_state(p);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, p->id);
	db_bind_text(st, 2, p->tenant);
	db_bind_text(st, 3, p->queue);
	db_bind_int(st, 4, state);
	db_bind_int(st, 5, p->priority);
	db_bind_int(st, 6, state == MAIL_SCHEDULED ? p->ready_at : 0);
	db_bind_int(st, 7, p->at);
	db_bind_int(st, 8, p->queue != NULL ? p->at : 0);
	db_bind_bytes(st, 9, p->record, p->record_len);
	return db_run(&m->db, st, e);
}

/* stored becomes ready or scheduled; nothing else does. */
static int
enqueue(
    struct mail_sqlite *m, const struct mail_put *p, int64_t seq, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_ENQUEUE,
	    "UPDATE mail SET tenant=?2,queue=?3,state=?4,priority=?5,due_at=?6,"
	    "queued_at=?7,updated_at=?7,record=?8 WHERE seq=?1",
	    e);
	enum mail_state state = put_state(p);

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, seq);
	db_bind_text(st, 2, p->tenant);
	db_bind_text(st, 3, p->queue);
	db_bind_int(st, 4, state);
	db_bind_int(st, 5, p->priority);
	db_bind_int(st, 6, state == MAIL_SCHEDULED ? p->ready_at : 0);
	db_bind_int(st, 7, p->at);
	db_bind_bytes(st, 8, p->record, p->record_len);
	return db_run(&m->db, st, e);
}

static int
put_one(struct mail_sqlite *m, const struct mail_put *p, struct err *e)
{
	struct found f;
	int r = find(m, p->id, &f, e);

	if (r == -1)
		return -1;
	if (r == 0)
		return insert(m, p, e);
	if (p->queue == NULL || f.state != MAIL_STORED)
		return 0;
	return enqueue(m, p, f.seq, e);
}

int
mail_sqlite_put(struct mail_engine *base, const struct mail_put *puts, size_t n,
    struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;

	if (db_begin(&m->db, e) == -1)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (put_one(m, &puts[i], e) == -1) {
			db_rollback(&m->db);
			return -1;
		}
	return db_commit(&m->db, e);
}

/* End a lease without an outcome: the row becomes state. */
static int
end_lease(struct mail_sqlite *m, int64_t seq, enum mail_state state,
    bool is_interrupted, bool is_counted, int64_t now, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_END_LEASE,
	    "UPDATE mail SET state=?2,owner=NULL,stage=NULL,due_at=0,"
	    "interrupted=interrupted OR ?3,unstarted=unstarted+?4,updated_at=?5"
	    " WHERE seq=?1",
	    e);

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, seq);
	db_bind_int(st, 2, state);
	db_bind_int(st, 3, is_interrupted);
	db_bind_int(st, 4, is_counted);
	db_bind_int(st, 5, now);
	return db_run(&m->db, st, e);
}

static int
add_history(struct mail_sqlite *m, const struct found *f, const char *stage,
    int64_t now, const char *entry, struct err *e)
{
	struct mail_history h = {
	    .at = now,
	    .delivery = f->deliveries,
	    .attempt = f->attempts,
	    .stage = stage,
	    .entry = entry,
	    .entry_len = strlen(entry),
	};

	return mail_sqlite_history_add(m, f->seq, &h, e) == -1 ? -1 : 0;
}

/*
 * A lease is over and nobody has settled it.  Started: the effect may have
 * happened, and the history says so before anything is run again.  Unstarted
 * too often: something kills the programs that read it.
 */
static int
lease_over(struct mail_sqlite *m, const struct found *f, bool is_counted,
    int64_t now, struct err *e)
{
	char entry[160];

	if (f->stage[0] != '\0') {
		snprintf(entry, sizeof entry,
		    "{\"status\":\"uncertain\",\"stage\":\"%s\",\"reason\":"
		    "\"ended without an outcome\"}",
		    f->stage);
		if (add_history(m, f, ":interrupted", now, entry, e) == -1)
			return -1;
		return end_lease(m, f->seq, mail_interrupted_state(f->stage),
		    true, false, now, e);
	}
	if (is_counted && f->unstarted + 1 >= MAIL_UNSTARTED_MAX) {
		if (add_history(m, f, ":dead", now,
			"{\"status\":\"fail\",\"reason\":\"never settled\"}",
			e) == -1)
			return -1;
		return end_lease(
		    m, f->seq, MAIL_DEAD, false, is_counted, now, e);
	}
	return end_lease(m, f->seq, MAIL_READY, false, is_counted, now, e);
}

struct due {
	char id[ID_MAX + 1];
};

/* Collect first: a statement must not walk an index that is being changed. */
static int
collect_ids(struct mail_sqlite *m, sqlite3_stmt *st, struct due **ids,
    size_t *n, struct err *e)
{
	int r;

	*ids = NULL;
	*n = 0;
	while ((r = db_step(&m->db, st, e)) == 1) {
		if (*n % 256 == 0)
			*ids = xrealloc(*ids, *n + 256, sizeof **ids);
		copy_text(
		    (*ids)[*n].id, sizeof(*ids)->id, db_text(st, 0, NULL));
		++*n;
	}
	sqlite3_reset(st);
	return r;
}

/* Leases that are over, and scheduled rows whose time has come. */
static int
promote(struct mail_sqlite *m, int64_t now, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_PROMOTE,
	    "SELECT id FROM mail WHERE state IN (2,3) AND due_at<=?"
	    " ORDER BY due_at LIMIT 2000",
	    e);
	struct found f;
	struct due *ids;
	size_t n;
	int r;

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, now);
	r = collect_ids(m, st, &ids, &n, e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (find(m, ids[i].id, &f, e) != 1)
			r = -1;
		else if (f.state == MAIL_LEASED)
			r = lease_over(m, &f, true, now, e);
		else
			r = end_lease(
			    m, f.seq, MAIL_READY, false, false, now, e);
	}
	free(ids);
	return r;
}

static int
lease_one(struct mail_sqlite *m, const struct mail_take *how, const char *id,
    mail_row_fn *fn, void *ctx, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_LEASE,
	    "UPDATE mail SET state=3,owner=?2,due_at=?3,updated_at=?4,"
	    "deliveries=deliveries+1 WHERE id=?1 RETURNING " ROW_COLUMNS,
	    e);
	struct mail_row row;
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, id);
	db_bind_text(st, 2, how->owner);
	db_bind_int(st, 3, how->now + how->lease_ms);
	db_bind_int(st, 4, how->now);
	r = db_step(&m->db, st, e);
	if (r == 1) {
		mail_sqlite_row(st, &row);
		r = fn(ctx, &row, e);
	}
	sqlite3_reset(st);
	return r;
}

static int
take(struct mail_sqlite *m, const struct mail_take *how, mail_row_fn *fn,
    void *ctx, struct err *e)
{
	sqlite3_stmt *st;
	struct due *ids;
	size_t n;
	int r;

	if (promote(m, how->now, e) == -1)
		return -1;
	st = db_prepare(&m->db, SQL_PICK,
	    "SELECT id FROM mail WHERE state=1 AND queue=?"
	    " ORDER BY priority DESC,seq LIMIT ?",
	    e);
	if (st == NULL)
		return -1;
	db_bind_text(st, 1, how->queue);
	db_bind_int(st, 2, (int64_t)how->max);
	r = collect_ids(m, st, &ids, &n, e);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = lease_one(m, how, ids[i].id, fn, ctx, e);
	free(ids);
	return r;
}

/*
 * Reading first keeps an idle take from writing; what it sees may be old by
 * the time of the transaction, which looks again.
 */
static int
is_work(struct mail_sqlite *m, const struct mail_take *how, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_DUE,
	    "SELECT EXISTS(SELECT 1 FROM mail WHERE state=1 AND queue=?)"
	    " OR EXISTS(SELECT 1 FROM mail WHERE state IN (2,3) AND due_at<=?)",
	    e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, how->queue);
	db_bind_int(st, 2, how->now);
	r = db_step(&m->db, st, e);
	if (r == 1)
		r = sqlite3_column_int(st, 0);
	sqlite3_reset(st);
	return r;
}

int
mail_sqlite_take(struct mail_engine *base, const struct mail_take *how,
    mail_row_fn *fn, void *ctx, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	int r = is_work(m, how, e);

	if (r < 1)
		return r;
	if (db_begin(&m->db, e) == -1)
		return -1;
	if (take(m, how, fn, ctx, e) == -1) {
		db_rollback(&m->db);
		return -1;
	}
	return db_commit(&m->db, e);
}

static int
start_one(struct mail_sqlite *m, const char *stage, struct mail_start *s,
    int64_t now, struct err *e)
{
	sqlite3_stmt *st;
	struct found f;
	char entry[128];
	int r = find(m, s->lease.id, &f, e);

	if (r == -1)
		return -1;
	s->is_lost = r == 0 || !is_held(&f, &s->lease) || f.stage[0] != '\0';
	if (s->is_lost)
		return 0;
	f.attempts++;
	s->attempt = f.attempts;
	st = db_prepare(&m->db, SQL_START,
	    "UPDATE mail SET stage=?2,due_at=?3,attempts=?4,unstarted=0,"
	    "updated_at=?5 WHERE seq=?1",
	    e);
	if (st == NULL)
		return -1;
	db_bind_int(st, 1, f.seq);
	db_bind_text(st, 2, stage);
	db_bind_int(st, 3, s->until);
	db_bind_int(st, 4, f.attempts);
	db_bind_int(st, 5, now);
	if (db_run(&m->db, st, e) == -1)
		return -1;
	snprintf(entry, sizeof entry, "{\"stage\":\"%s\"}", stage);
	return add_history(m, &f, ":start", now, entry, e);
}

int
mail_sqlite_start(struct mail_engine *base, const char *stage,
    struct mail_start *starts, size_t n, int64_t now, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;

	if (db_begin(&m->db, e) == -1)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (start_one(m, stage, &starts[i], now, e) == -1) {
			db_rollback(&m->db);
			return -1;
		}
	return db_commit(&m->db, e);
}

int
mail_sqlite_renew(
    struct mail_engine *base, const char *owner, int64_t until, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	sqlite3_stmt *st;

	if (db_begin(&m->db, e) == -1)
		return -1;
	st = db_prepare(&m->db, SQL_RENEW,
	    "UPDATE mail SET due_at=?2"
	    " WHERE owner=?1 AND state=3 AND stage IS NULL",
	    e);
	if (st != NULL) {
		db_bind_text(st, 1, owner);
		db_bind_int(st, 2, until);
	}
	if (st == NULL || db_run(&m->db, st, e) == -1) {
		db_rollback(&m->db);
		return -1;
	}
	return db_commit(&m->db, e);
}

static int
give_back(struct mail_sqlite *m, const char *owner, bool is_counted,
    int64_t now, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_OWNED,
	    "SELECT id FROM mail WHERE owner=? AND state=3 AND stage IS NULL",
	    e);
	struct found f;
	struct due *ids;
	size_t n;
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, owner);
	r = collect_ids(m, st, &ids, &n, e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = find(m, ids[i].id, &f, e);
		r = r == 1 ? lease_over(m, &f, is_counted, now, e) : -1;
	}
	free(ids);
	return r;
}

int
mail_sqlite_give_back(struct mail_engine *base, const char *owner,
    bool is_counted, int64_t now, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;

	if (db_begin(&m->db, e) == -1)
		return -1;
	if (give_back(m, owner, is_counted, now, e) == -1) {
		db_rollback(&m->db);
		return -1;
	}
	return db_commit(&m->db, e);
}

int
mail_sqlite_leases(struct mail_engine *base, const char *owner,
    struct mail_leases *out, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	sqlite3_stmt *st = db_prepare(&m->db, SQL_LEASES,
	    "SELECT count(*),count(stage) FROM mail WHERE owner=? AND state=3",
	    e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, owner);
	r = db_step(&m->db, st, e);
	if (r == 1) {
		out->started = sqlite3_column_int64(st, 1);
		out->unstarted = sqlite3_column_int64(st, 0) - out->started;
	}
	sqlite3_reset(st);
	return r == 1 ? 0 : -1;
}

/* Write the outcome into the row. */
static int
apply(struct mail_sqlite *m, const struct found *f, const struct mail_settle *s,
    bool is_held_now, int64_t now, struct err *e)
{
	struct mail_transition t = mail_transition(s->status);
	bool is_started = is_held_now && f->stage[0] != '\0';
	sqlite3_stmt *st = db_prepare(&m->db, SQL_SETTLE,
	    "UPDATE mail SET state=?2,due_at=?3,attempts=attempts+?4,"
	    "last=ifnull(?5,last),owner=NULL,stage=NULL,interrupted=0,"
	    "unstarted=0,updated_at=?6 WHERE seq=?1",
	    e);

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, f->seq);
	db_bind_int(st, 2, t.state);
	db_bind_int(st, 3, t.is_wait ? now + s->after_ms : 0);
	/* start has counted the attempt; an older lease's was counted too. */
	db_bind_int(st, 4, is_held_now ? t.costs - (is_started ? 1 : 0) : 0);
	db_bind_bytes(st, 5, s->result, s->result_len);
	if (s->result == NULL)
		db_bind_text(st, 5, NULL);
	db_bind_int(st, 6, now);
	return db_run(&m->db, st, e);
}

/* Nothing was done: the lease ends, and the row is as it was before it. */
static int
settle_undone(struct mail_sqlite *m, const struct found *f,
    struct mail_settle *s, int64_t now, struct err *e)
{
	s->is_stale = !is_held(f, &s->lease);
	/* A started one may have had its effect: its lease runs out. */
	if (s->is_stale || f->stage[0] != '\0')
		return 0;
	return lease_over(m, f, false, now, e);
}

static int
settle_one(
    struct mail_sqlite *m, struct mail_settle *s, int64_t now, struct err *e)
{
	struct mail_history h = {
	    .at = now,
	    .delivery = s->lease.delivery,
	    .stage = s->stage,
	    .entry = s->result,
	    .entry_len = s->result_len,
	};
	struct found f;
	bool held;
	int r = find(m, s->lease.id, &f, e);

	if (r == -1)
		return -1;
	s->is_unknown = r == 0;
	if (s->is_unknown)
		return 0;
	if (s->status == STATUS_NONE)
		return settle_undone(m, &f, s, now, e);
	held = is_held(&f, &s->lease);
	s->is_stale = !held;
	h.attempt =
	    f.attempts +
	    (held && f.stage[0] == '\0' ? mail_transition(s->status).costs : 0);
	r = mail_sqlite_history_add(m, f.seq, &h, e);
	if (r == -1)
		return -1;
	if (r == 0) {
		s->is_stale = false; /* a repetition: it was settled so */
		return 0;
	}
	/* ok wins from whoever brings it; succeeded is final. */
	if (held || (s->status == STATUS_OK && f.state != MAIL_SUCCEEDED))
		return apply(m, &f, s, held, now, e);
	return 0;
}

int
mail_sqlite_settle(struct mail_engine *base, struct mail_settle *settles,
    size_t n, int64_t now, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;

	if (db_begin(&m->db, e) == -1)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (settle_one(m, &settles[i], now, e) == -1) {
			db_rollback(&m->db);
			return -1;
		}
	return db_commit(&m->db, e);
}
