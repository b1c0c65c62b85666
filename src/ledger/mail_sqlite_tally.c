/*
 * The ledger in SQLite: transactions, and the sums that go with them.  Rows
 * that move are noted, and at the end of a transaction, in one step for each
 * sum, they go into counter, lane and tenant.
 */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "ledger/mail_sqlite.h"

/* So much more or less of it; names end with a NUL. */
struct sqlite_sum {
	struct sqlite_place place;
	enum mail_state state;
	int64_t n;
};

static void
note(struct sqlite_sums *s, const struct sqlite_place *place,
    enum mail_state state, int64_t n)
{
	struct sqlite_sum *last = s->n > 0 ? &s->all[s->n - 1] : NULL;

	/* Much comes in a row. */
	if (last != NULL && last->state == state &&
	    last->place.lane == place->lane &&
	    strcmp(last->place.tenant, place->tenant) == 0 &&
	    strcmp(last->place.queue, place->queue) == 0) {
		last->n += n;
		return;
	}
	if (s->all == NULL || s->n == s->room) {
		s->room = s->room > 0 ? s->room * 2 : 64;
		s->all = xrealloc(s->all, s->room, sizeof *s->all);
	}
	s->all[s->n++] = (struct sqlite_sum){*place, state, n};
}

void
mail_sqlite_came(struct mail_sqlite *m, const struct sqlite_place *place,
    enum mail_state state)
{
	note(&m->more, place, state, 1);
}

void
mail_sqlite_left(struct mail_sqlite *m, const struct sqlite_place *place,
    enum mail_state state)
{
	note(&m->less, place, state, -1);
}

void
mail_sqlite_moved(struct mail_sqlite *m, const struct sqlite_place *place,
    enum mail_state from, enum mail_state to)
{
	if (from == to)
		return;
	mail_sqlite_left(m, place, from);
	mail_sqlite_came(m, place, to);
}

static int
add_counter(struct mail_sqlite *m, const struct sqlite_sum *s, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_COUNTER,
	    "INSERT INTO counter VALUES(?1,?2,?3)"
	    " ON CONFLICT DO UPDATE SET n=n+excluded.n",
	    e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, s->place.queue);
	db_bind_int(st, 2, s->state);
	db_bind_int(st, 3, s->n);
	return db_run(&m->db, st, e);
}

/* A lane that was empty comes in where the others are now. */
static int
add_lane(struct mail_sqlite *m, const struct sqlite_sum *s, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_LANE,
	    "UPDATE lane SET ready=ready+?2,"
	    "vtime=CASE WHEN ready>0 OR ?2<0 THEN vtime"
	    " ELSE max(vtime,ifnull((SELECT vtime FROM turn"
	    " WHERE queue=lane.queue AND priority=lane.priority),0)) END"
	    " WHERE number=?1",
	    e);

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, s->place.lane);
	db_bind_int(st, 2, s->n);
	return db_run(&m->db, st, e);
}

/* Mostly there is nobody at a cap, and nothing to be done for each tenant. */
static int
has_full_lanes(struct mail_sqlite *m, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_ANY_FULL,
	    "SELECT EXISTS(SELECT 1 FROM lane WHERE is_full=1)", e);

	if (st == NULL)
		return -1;
	return db_ask(&m->db, st, e);
}

static int
reopen_lanes(struct mail_sqlite *m, const struct sqlite_sum *s, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_REOPEN,
	    "UPDATE lane SET is_full=0 WHERE queue=? AND tenant=?"
	    " AND is_full=1",
	    e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, s->place.queue);
	db_bind_text(st, 2, s->place.tenant);
	return db_run(&m->db, st, e);
}

static int
add_tenant(struct mail_sqlite *m, const struct sqlite_sum *s, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_TENANT,
	    "INSERT INTO tenant VALUES(?1,?2,?3)"
	    " ON CONFLICT DO UPDATE SET leased=leased+excluded.leased",
	    e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, s->place.queue);
	db_bind_text(st, 2, s->place.tenant);
	db_bind_int(st, 3, s->n);
	if (db_run(&m->db, st, e) == -1)
		return -1;
	return s->n < 0 && m->has_full ? reopen_lanes(m, s, e) : 0;
}

static int
by_counter(const void *a, const void *b)
{
	const struct sqlite_sum *x = a, *y = b;
	int r = strcmp(x->place.queue, y->place.queue);

	return r != 0 ? r : (int)x->state - (int)y->state;
}

static int
by_lane(const void *a, const void *b)
{
	const struct sqlite_sum *x = a, *y = b;
	int r = by_counter(x, y);

	if (r == 0)
		r = strcmp(x->place.tenant, y->place.tenant);
	if (r == 0 && x->place.lane != y->place.lane)
		r = x->place.lane < y->place.lane ? -1 : 1;
	return r;
}

static bool
any(const struct sqlite_sum *s)
{
	(void)s;
	return true;
}

static bool
is_ready(const struct sqlite_sum *s)
{
	return s->state == MAIL_READY;
}

static bool
is_leased(const struct sqlite_sum *s)
{
	return s->state == MAIL_LEASED;
}

/* Sort, and write those that are the same in one. */
static int
write_sums(struct mail_sqlite *m, struct sqlite_sums *s,
    int (*compare)(const void *, const void *),
    bool (*is_wanted)(const struct sqlite_sum *),
    int (*write)(struct mail_sqlite *, const struct sqlite_sum *, struct err *),
    struct err *e)
{
	qsort(s->all, s->n, sizeof *s->all, compare);
	for (size_t i = 0, next; i < s->n; i = next) {
		struct sqlite_sum sum = s->all[i];

		for (next = i + 1;
		     next < s->n && compare(&sum, &s->all[next]) == 0; next++)
			sum.n += s->all[next].n;
		if (is_wanted(&sum) && write(m, &sum, e) == -1)
			return -1;
	}
	return 0;
}

/* What is less goes first: a lane that is emptied and filled is a new one. */
static int
flush(struct mail_sqlite *m, struct err *e)
{
	struct sqlite_sums *both[] = {&m->less, &m->more};
	int full = m->less.n > 0 ? has_full_lanes(m, e) : 0;

	if (full == -1)
		return -1;
	m->has_full = full == 1;
	for (int i = 0; i < 2; i++)
		if (both[i]->n > 0 && (write_sums(m, both[i], by_lane, is_ready,
					   add_lane, e) == -1 ||
					  write_sums(m, both[i], by_lane,
					      is_leased, add_tenant, e) == -1 ||
					  write_sums(m, both[i], by_counter,
					      any, add_counter, e) == -1))
			return -1;
	return 0;
}

int
mail_sqlite_flush(struct mail_sqlite *m, struct err *e)
{
	int r = flush(m, e);

	m->less.n = m->more.n = 0;
	return r;
}

int
mail_sqlite_end(struct mail_sqlite *m, int r, struct err *e)
{
	if (r == 0)
		r = mail_sqlite_flush(m, e);
	m->less.n = m->more.n = 0;
	m->last_lane.lane = 0;
	if (r == 0)
		return db_commit(&m->db, e);
	db_rollback(&m->db);
	return -1;
}
