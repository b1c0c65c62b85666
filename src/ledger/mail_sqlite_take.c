/*
 * The ledger in SQLite: whose turn it is.  What a take may need of the lanes
 * is read once, the turns are found in memory, and what they have become is
 * written at the end (mail_sqlite_lanes.c); only each mail is a step of its
 * own.
 *
 * Priorities are levels.  The highest one comes first, but of PICKS_LOWER picks
 * one is for the levels below it, and so on downwards: level n below the
 * highest gets at least one of PICKS_LOWER^n picks, whatever comes in above it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ledger/mail_sqlite_lanes.h"
#include "ledger/sealed.h"

enum {
	PICKS_LOWER = 8,
};

static int
lease_one(struct taking *t, const struct lane *lane, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&t->m->db, SQL_LEASE,
	    "UPDATE mail SET state=3,owner=?2,due_at=?3,updated_at=?4,"
	    "deliveries=deliveries+1 WHERE seq=(SELECT seq FROM mail"
	    " WHERE state=1 AND lane=?1 ORDER BY seq LIMIT 1)"
	    " RETURNING " ROW_COLUMNS,
	    e);
	struct buf opened = BUF_INIT;
	struct mail_row row;
	int r;

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, lane->number);
	db_bind_text(st, 2, t->how->owner);
	db_bind_int(st, 3, t->how->now + t->how->lease_ms);
	db_bind_int(st, 4, t->how->now);
	r = db_step(&t->m->db, st, e);
	if (r == 0)
		r = err_set(e, ERR_TEMP,
		    "mail.db: the sums of queue %s are wrong; mail-store "
		    "doctor says more",
		    t->how->queue);
	if (r == 1) {
		mail_sqlite_row(st, &row);
		sealed_open_row(t->m->base.state, &row, &opened);
		r = t->fn(t->ctx, &row, e);
	}
	sqlite3_reset(st);
	buf_release(&opened);
	return r;
}

static int
pick(struct taking *t, struct level *level, struct lane *lane, struct err *e)
{
	struct sqlite_place place = {
	    .lane = lane->number, .priority = level->priority};
	struct share *s;

	if (lease_one(t, lane, e) == -1)
		return -1;
	snprintf(place.queue, sizeof place.queue, "%s", t->how->queue);
	snprintf(place.tenant, sizeof place.tenant, "%s", lane->tenant);
	mail_sqlite_moved(t->m, &place, MAIL_READY, MAIL_LEASED);
	lanes_turn(level);
	t->left--;
	t->picks++;
	if (lane->share == NO_SHARE)
		return 0;
	s = &t->shares[lane->share];
	s->leased++;
	if (s->twin != NO_SHARE)
		t->shares[s->twin].leased++;
	return s->leased < s->cap ? 0 : lanes_close(t, s, e);
}

/* Which level's turn it is, if all have something. */
static size_t
turn_of(const struct taking *t)
{
	size_t level = 0;

	for (int64_t n = t->picks + 1; n % PICKS_LOWER == 0; n /= PICKS_LOWER)
		level++;
	return level;
}

/* One mail: of the level whose turn it is.  1, 0 nothing is left, -1. */
static int
take_one(struct taking *t, struct err *e)
{
	size_t want = turn_of(t), i;
	struct lane *lane;
	int r = 0;

	for (;;) {
		while (r == 0 && t->n_levels <= want && !t->has_all_levels)
			r = lanes_add_level(t, e);
		if (r == -1 || t->n_levels == 0)
			return r;
		i = want < t->n_levels ? want : t->n_levels - 1;
		lane = lanes_next(t, &t->levels[i], &r, e);
		if (r == -1)
			return -1;
		if (lane != NULL)
			break;
		r = lanes_drop_level(t, i, e);
	}
	if (pick(t, &t->levels[i], lane, e) == -1)
		return -1;
	if (t->levels[i].is_whole && lanes_first(t, &t->levels[i]) == NULL &&
	    lanes_drop_level(t, i, e) == -1)
		return -1;
	return 1;
}

static int
read_picks(struct taking *t, struct err *e)
{
	sqlite3_stmt *st = db_prepare(
	    &t->m->db, SQL_PICKS, "SELECT picks FROM queue WHERE queue=?", e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, t->how->queue);
	r = db_step(&t->m->db, st, e);
	t->picks = r == 1 ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return r == -1 ? -1 : 0;
}

static int
write_picks(struct taking *t, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&t->m->db, SQL_SET_PICKS,
	    "INSERT INTO queue VALUES(?1,?2)"
	    " ON CONFLICT DO UPDATE SET picks=excluded.picks",
	    e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, t->how->queue);
	db_bind_int(st, 2, t->picks);
	return db_run(&t->m->db, st, e);
}

static int
take_all(struct taking *t, struct err *e)
{
	int r = read_picks(t, e);

	if (r == 0)
		r = 1;
	while (r == 1 && t->left > 0)
		r = take_one(t, e);
	for (size_t i = 0; r != -1 && i < t->n_levels; i++)
		r = lanes_write(t, &t->levels[i], e);
	return r == -1 ? -1 : write_picks(t, e);
}

/* *left: how many fewer than wanted. */
static int
take(struct mail_sqlite *m, const struct mail_take *how, mail_row_fn *fn,
    void *ctx, size_t *left, struct err *e)
{
	struct taking t = {
	    .m = m, .how = how, .fn = fn, .ctx = ctx, .left = how->max};
	bool is_paused;
	int r;

	m->policy = how->policy;
	r = mail_sqlite_promote(m, how->now, e);
	m->policy = NULL;
	if (r == 0)
		r = mail_sqlite_is_paused(m, how->queue, &is_paused, e);
	if (r == 0)
		r = mail_sqlite_flush(m, e);
	if (r == 0 && !is_paused)
		r = mail_sqlite_breakers(
		    m, how->queue, how->now, &t.breakers, e);
	if (r == 0 && !is_paused)
		r = mail_sqlite_paces(m, how->queue, how->now, &t.paces, e);
	if (r == 0 && !is_paused)
		r = take_all(&t, e);
	if (r == 0)
		r = mail_sqlite_probed(m, how->queue, how->now, &t.breakers, e);
	for (size_t i = 0; i < t.n_levels; i++)
		lanes_free(&t.levels[i]);
	free(t.levels);
	free(t.shares);
	free(t.breakers.all);
	free(t.paces.all);
	*left = t.left;
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
	    "SELECT (EXISTS(SELECT 1 FROM lane WHERE queue=?1 AND ready>0"
	    " AND is_held=0 AND is_full=0)"
	    " AND NOT EXISTS(SELECT 1 FROM hold WHERE queue=?1 AND tenant=''))"
	    " OR EXISTS(SELECT 1 FROM mail WHERE state IN (2,3) AND due_at<=?2)"
	    " OR EXISTS(SELECT 1 FROM hold WHERE until>0 AND until<=?2)"
	    " OR EXISTS(SELECT 1 FROM pace WHERE until>0 AND until<=?2)"
	    " OR EXISTS(SELECT 1 FROM pace WHERE until>0 AND until>?3)"
	    " OR EXISTS(SELECT 1 FROM breaker WHERE queue=?1 AND opened_at>0"
	    " AND (probe_at<=?2 OR probe_at>?2+probe_ms)"
	    " AND EXISTS(SELECT 1 FROM lane"
	    " WHERE queue=?1 AND ready>0 AND is_full=1))",
	    e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, how->queue);
	db_bind_int(st, 2, how->now);
	db_bind_int(st, 3, how->now + MAIL_PACE_MAX_MS);
	return db_ask(&m->db, st, e);
}

/*
 * Is there more, of tenants at their cap?  Where nothing was taken also of
 * others: since the take looked, a lease has ended that kept it back.
 */
static int
look_for_capped(struct mail_sqlite *m, const struct mail_take *how,
    bool is_none, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_CAPPED,
	    "SELECT (EXISTS(SELECT 1 FROM lane WHERE queue=?1 AND ready>0"
	    " AND is_held=0 AND is_full=1)"
	    " OR ?2 AND EXISTS(SELECT 1 FROM lane WHERE queue=?1"
	    " AND ready>0 AND is_held=0 AND is_full=0))"
	    " AND NOT EXISTS(SELECT 1 FROM hold WHERE queue=?1 AND tenant='')",
	    e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, how->queue);
	db_bind_int(st, 2, is_none);
	r = db_ask(&m->db, st, e);
	*how->is_capped = r == 1;
	return r == -1 ? -1 : 0;
}

int
mail_sqlite_take(struct mail_engine *base, const struct mail_take *how,
    mail_row_fn *fn, void *ctx, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	size_t left = how->max;
	int r = is_work(m, how, e);

	if (r == 1) {
		if (db_begin(&m->db, e) == -1)
			return -1;
		r = mail_sqlite_end(m, take(m, how, fn, ctx, &left, e), e);
	}
	if (r == 0 && how->is_capped != NULL)
		r = look_for_capped(m, how, left == how->max, e);
	if (r == 0 && how->paced_until != NULL)
		r = mail_sqlite_paced_until(m, how->queue, how->paced_until, e);
	return r;
}
