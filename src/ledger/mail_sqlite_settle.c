/* The ledger in SQLite: outcomes. */
#include "ledger/mail_sqlite.h"

/* It is tried again, by policy, and may have had its effect. */
static bool
is_marked(const struct mail_settle *s)
{
	return s->status == STATUS_UNCERTAIN && s->is_retried;
}

static struct mail_transition
transition_of(const struct mail_settle *s)
{
	return mail_transition(is_marked(s) ? STATUS_RETRY : s->status);
}

/* Write the outcome into the row. */
static int
apply(struct mail_sqlite *m, const struct sqlite_found *f,
    const struct mail_settle *s, bool is_held_now, int64_t now, struct err *e)
{
	struct mail_transition t = transition_of(s);
	bool is_started = is_held_now && f->stage[0] != '\0';
	sqlite3_stmt *st = db_prepare(&m->db, SQL_SETTLE,
	    "UPDATE mail SET state=?2,due_at=?3,attempts=attempts+?4,"
	    "last=ifnull(?5,last),owner=NULL,stage=NULL,"
	    "interrupted=CASE WHEN ?9 THEN max(interrupted,1)"
	    " WHEN ?8 THEN 0 ELSE interrupted END,"
	    "unstarted=0,updated_at=?6,class=?7 WHERE seq=?1",
	    e);

	if (st == NULL)
		return -1;
	mail_sqlite_moved(m, &f->place, f->state, t.state);
	db_bind_int(st, 1, f->seq);
	db_bind_int(st, 2, t.state);
	db_bind_int(st, 3, t.is_wait ? now + s->after_ms : 0);
	/* start has counted the attempt; an older lease's was counted too. */
	db_bind_int(st, 4, is_held_now ? t.costs - (is_started ? 1 : 0) : 0);
	db_bind_bytes(st, 5, s->result, s->result_len);
	if (s->result == NULL)
		db_bind_text(st, 5, NULL);
	db_bind_int(st, 6, now);
	db_bind_text(st, 7, s->class != NULL ? s->class : "");
	/* What was not started has told nobody that it may have been done. */
	db_bind_int(st, 8, is_started);
	db_bind_int(st, 9, is_marked(s));
	return db_run(&m->db, st, e);
}

/* Nothing was done: the lease ends, and the row is as it was before it. */
static int
settle_undone(struct mail_sqlite *m, const struct sqlite_found *f,
    struct mail_settle *s, int64_t now, struct err *e)
{
	s->is_stale = !mail_sqlite_is_held(f, &s->lease);
	/* A started one may have had its effect: its lease runs out. */
	if (s->is_stale || f->stage[0] != '\0')
		return 0;
	return mail_sqlite_lease_over(m, f, false, now, e);
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
	struct sqlite_found f;
	bool held;
	int r = mail_sqlite_find(m, s->lease.id, &f, e);

	if (r == -1)
		return -1;
	s->is_unknown = r == 0;
	if (s->is_unknown)
		return 0;
	if (s->status == STATUS_NONE)
		return settle_undone(m, &f, s, now, e);
	if (s->status == STATUS_SNOOZE && s->old_ms > 0 &&
	    now - f.since >= s->old_ms)
		s->status = STATUS_RETRY;
	held = mail_sqlite_is_held(&f, &s->lease);
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

	int r = 0;

	if (db_begin(&m->db, e) == -1)
		return -1;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = settle_one(m, &settles[i], now, e);
	return mail_sqlite_end(m, r, e);
}
