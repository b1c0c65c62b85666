/*
 * The ledger in SQLite: whose turn it is.  What a take may need of the lanes
 * (mail_sqlite_schema.c) is read once, the turns are found in memory, and what
 * they have become is written at the end; only each mail is a step of its own.
 *
 * Priorities are levels.  The highest one comes first, but of PICKS_LOWER picks
 * one is for the levels below it, and so on downwards: level n below the
 * highest gets at least one of PICKS_LOWER^n picks, whatever comes in above it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "queue/mail_sqlite.h"

enum {
	PICKS_LOWER = 8,
	VTIME_STEP = 1000000, /* of a mail at weight 1 */
};

/* A tenant that has a cap. */
struct share {
	char tenant[NAME_MAX_LEN + 1];
	int64_t leased, cap;
};

struct lane {
	char tenant[NAME_MAX_LEN + 1];
	int64_t vtime, step, ready;
	size_t share; /* of taking.shares, NO_SHARE without a cap */
	bool is_moved; /* vtime is not what is stored */
};

struct level {
	int64_t priority;
	int64_t vtime; /* of the turn */
	struct lane *lanes;
	size_t n;
	bool is_whole; /* these are all that it has */
};

struct taking {
	struct mail_sqlite *m;
	const struct mail_take *how;
	mail_row_fn *fn;
	void *ctx;
	struct level *levels; /* from the highest; those that were looked at */
	size_t n_levels;
	int64_t lowest; /* the last one that was looked at */
	bool is_begun, has_all_levels;
	struct share *shares;
	size_t n_shares;
	int64_t picks; /* of this queue, ever */
	size_t left;
};

#define NO_SHARE SIZE_MAX

static int64_t
step_of(const struct mail_take *how, const char *tenant)
{
	double weight = how->policy != NULL
			    ? how->policy->weight(how->policy->ctx, tenant)
			    : 1;

	return (int64_t)(VTIME_STEP / weight);
}

/* How many of its mails are leased, before this take. */
static int
read_leased(struct taking *t, struct share *s, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&t->m->db, SQL_LEASED,
	    "SELECT leased FROM tenant WHERE queue=? AND tenant=?", e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, t->how->queue);
	db_bind_text(st, 2, s->tenant);
	r = db_step(&t->m->db, st, e);
	s->leased = r == 1 ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return r == -1 ? -1 : 0;
}

/* The lane's share, when its tenant has a cap. */
static int
find_share(struct taking *t, struct lane *lane, struct err *e)
{
	const struct mail_policy *policy = t->how->policy;
	int64_t cap =
	    policy != NULL ? policy->in_flight(policy->ctx, lane->tenant) : 0;
	struct share *s;

	lane->share = NO_SHARE;
	if (cap == 0)
		return 0;
	for (size_t i = 0; i < t->n_shares; i++)
		if (strcmp(t->shares[i].tenant, lane->tenant) == 0) {
			lane->share = i;
			return 0;
		}
	if (t->n_shares % 64 == 0)
		t->shares =
		    xrealloc(t->shares, t->n_shares + 64, sizeof *t->shares);
	s = &t->shares[t->n_shares];
	*s = (struct share){.cap = cap};
	snprintf(s->tenant, sizeof s->tenant, "%s", lane->tenant);
	lane->share = t->n_shares++;
	return read_leased(t, s, e);
}

static bool
is_full(const struct taking *t, const struct lane *lane)
{
	const struct share *s;

	if (lane->share == NO_SHARE)
		return false;
	s = &t->shares[lane->share];
	return s->leased >= s->cap;
}

/* Out of the index, until one of its leases ends. */
static int
close_lanes(struct taking *t, const char *tenant, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&t->m->db, SQL_FULL,
	    "UPDATE lane SET is_full=1 WHERE queue=? AND tenant=?", e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, t->how->queue);
	db_bind_text(st, 2, tenant);
	return db_run(&t->m->db, st, e);
}

/* As many lanes as there may be turns. */
static int
read_lanes(struct taking *t, struct level *level, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&t->m->db, SQL_LANES,
	    "SELECT tenant,vtime,ready FROM lane WHERE queue=? AND priority=?"
	    " AND ready>0 AND is_held=0 AND is_full=0"
	    " ORDER BY vtime LIMIT ?",
	    e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, t->how->queue);
	db_bind_int(st, 2, level->priority);
	db_bind_int(st, 3, (int64_t)t->left);
	level->lanes =
	    xrealloc(level->lanes, t->left + 1, sizeof *level->lanes);
	level->n = 0;
	while ((r = db_step(&t->m->db, st, e)) == 1) {
		struct lane *lane = &level->lanes[level->n++];

		*lane = (struct lane){.vtime = sqlite3_column_int64(st, 1),
		    .ready = sqlite3_column_int64(st, 2)};
		snprintf(lane->tenant, sizeof lane->tenant, "%s",
		    db_text(st, 0, NULL));
		lane->step = step_of(t->how, lane->tenant);
	}
	sqlite3_reset(st);
	level->is_whole = level->n < t->left;
	for (size_t i = 0; r == 0 && i < level->n; i++) {
		r = find_share(t, &level->lanes[i], e);
		if (r == 0 && is_full(t, &level->lanes[i]))
			r = close_lanes(t, level->lanes[i].tenant, e);
	}
	return r;
}

static int
write_turn(struct taking *t, const struct level *level, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&t->m->db, SQL_TURN,
	    "INSERT INTO turn VALUES(?1,?2,?3)"
	    " ON CONFLICT DO UPDATE SET vtime=max(vtime,excluded.vtime)",
	    e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, t->how->queue);
	db_bind_int(st, 2, level->priority);
	db_bind_int(st, 3, level->vtime);
	return db_run(&t->m->db, st, e);
}

static int
write_lane(struct taking *t, const struct level *level, const struct lane *lane,
    struct err *e)
{
	sqlite3_stmt *st = db_prepare(&t->m->db, SQL_VTIME,
	    "UPDATE lane SET vtime=?4"
	    " WHERE queue=?1 AND tenant=?2 AND priority=?3",
	    e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, t->how->queue);
	db_bind_text(st, 2, lane->tenant);
	db_bind_int(st, 3, level->priority);
	db_bind_int(st, 4, lane->vtime);
	return db_run(&t->m->db, st, e);
}

static int
write_level(struct taking *t, struct level *level, struct err *e)
{
	bool is_moved = false;

	for (size_t i = 0; i < level->n; i++) {
		if (!level->lanes[i].is_moved)
			continue;
		is_moved = true;
		if (write_lane(t, level, &level->lanes[i], e) == -1)
			return -1;
		level->lanes[i].is_moved = false;
	}
	return is_moved ? write_turn(t, level, e) : 0;
}

/* The next level downwards, if there is one. */
static int
add_level(struct taking *t, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&t->m->db, SQL_LEVEL,
	    "SELECT max(priority) FROM lane WHERE queue=?1 AND ready>0"
	    " AND is_held=0 AND is_full=0 AND (?2 IS NULL OR priority<?2)",
	    e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, t->how->queue);
	db_bind_text(st, 2, NULL);
	if (t->is_begun)
		db_bind_int(st, 2, t->lowest);
	r = db_step(&t->m->db, st, e);
	t->is_begun = true;
	t->has_all_levels = r != 1 || sqlite3_column_type(st, 0) == SQLITE_NULL;
	if (!t->has_all_levels) {
		t->levels =
		    xrealloc(t->levels, t->n_levels + 1, sizeof *t->levels);
		t->lowest = sqlite3_column_int64(st, 0);
		t->levels[t->n_levels++] =
		    (struct level){.priority = t->lowest};
	}
	sqlite3_reset(st);
	return r == -1 ? -1 : 0;
}

/* It has nothing more to give. */
static int
drop_level(struct taking *t, size_t i, struct err *e)
{
	int r = write_level(t, &t->levels[i], e);

	free(t->levels[i].lanes);
	t->n_levels--;
	memmove(&t->levels[i], &t->levels[i + 1],
	    (t->n_levels - i) * sizeof *t->levels);
	return r;
}

/* The lane whose turn it is; NULL: none of them has anything to give. */
static struct lane *
first_lane(const struct taking *t, const struct level *level)
{
	struct lane *first = NULL;

	for (size_t i = 0; i < level->n; i++) {
		struct lane *lane = &level->lanes[i];

		if (lane->ready > 0 && !is_full(t, lane) &&
		    (first == NULL || lane->vtime < first->vtime))
			first = lane;
	}
	return first;
}

/* The same, looking for more where these are spent.  NULL, too, with *r -1. */
static struct lane *
next_lane(struct taking *t, struct level *level, int *r, struct err *e)
{
	struct lane *lane = first_lane(t, level);

	*r = 0;
	while (lane == NULL && !level->is_whole && *r == 0) {
		*r = write_level(t, level, e);
		if (*r == 0)
			*r = mail_sqlite_flush(t->m, e);
		if (*r == 0)
			*r = read_lanes(t, level, e);
		lane = first_lane(t, level);
	}
	return *r == 0 ? lane : NULL;
}

static int
lease_one(
    struct taking *t, struct level *level, struct lane *lane, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&t->m->db, SQL_LEASE,
	    "UPDATE mail SET state=3,owner=?4,due_at=?5,updated_at=?6,"
	    "deliveries=deliveries+1 WHERE seq=(SELECT seq FROM mail"
	    " WHERE state=1 AND queue=?1 AND tenant=?2 AND priority=?3"
	    " ORDER BY seq LIMIT 1) RETURNING " ROW_COLUMNS,
	    e);
	struct mail_row row;
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, t->how->queue);
	db_bind_text(st, 2, lane->tenant);
	db_bind_int(st, 3, level->priority);
	db_bind_text(st, 4, t->how->owner);
	db_bind_int(st, 5, t->how->now + t->how->lease_ms);
	db_bind_int(st, 6, t->how->now);
	r = db_step(&t->m->db, st, e);
	if (r == 0)
		r = err_set(e, ERR_TEMP,
		    "mail.db: the sums of queue %s are wrong; mail-store "
		    "doctor says more",
		    t->how->queue);
	if (r == 1) {
		mail_sqlite_row(st, &row);
		r = t->fn(t->ctx, &row, e);
	}
	sqlite3_reset(st);
	return r;
}

static int
pick(struct taking *t, struct level *level, struct lane *lane, struct err *e)
{
	struct sqlite_place place = {.priority = level->priority};
	struct share *s;

	if (lease_one(t, level, lane, e) == -1)
		return -1;
	snprintf(place.queue, sizeof place.queue, "%s", t->how->queue);
	snprintf(place.tenant, sizeof place.tenant, "%s", lane->tenant);
	mail_sqlite_moved(t->m, &place, MAIL_READY, MAIL_LEASED);
	if (lane->vtime > level->vtime)
		level->vtime = lane->vtime;
	lane->vtime += lane->step;
	lane->is_moved = true;
	lane->ready--;
	t->left--;
	t->picks++;
	if (lane->share == NO_SHARE)
		return 0;
	s = &t->shares[lane->share];
	s->leased++;
	return s->leased < s->cap ? 0 : close_lanes(t, lane->tenant, e);
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
			r = add_level(t, e);
		if (r == -1 || t->n_levels == 0)
			return r;
		i = want < t->n_levels ? want : t->n_levels - 1;
		lane = next_lane(t, &t->levels[i], &r, e);
		if (r == -1)
			return -1;
		if (lane != NULL)
			break;
		r = drop_level(t, i, e);
	}
	if (pick(t, &t->levels[i], lane, e) == -1)
		return -1;
	if (t->levels[i].is_whole && first_lane(t, &t->levels[i]) == NULL &&
	    drop_level(t, i, e) == -1)
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
		r = write_level(t, &t->levels[i], e);
	return r == -1 ? -1 : write_picks(t, e);
}

static int
take(struct mail_sqlite *m, const struct mail_take *how, mail_row_fn *fn,
    void *ctx, struct err *e)
{
	struct taking t = {
	    .m = m, .how = how, .fn = fn, .ctx = ctx, .left = how->max};
	bool is_paused;
	int r = mail_sqlite_promote(m, how->now, e);

	if (r == 0)
		r = mail_sqlite_is_paused(m, how->queue, &is_paused, e);
	if (r == 0)
		r = mail_sqlite_flush(m, e);
	if (r == 0 && !is_paused)
		r = take_all(&t, e);
	for (size_t i = 0; i < t.n_levels; i++)
		free(t.levels[i].lanes);
	free(t.levels);
	free(t.shares);
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
	    " OR EXISTS(SELECT 1 FROM hold WHERE until>0 AND until<=?2)",
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

/* Is there more, of tenants at their cap? */
static int
look_for_capped(
    struct mail_sqlite *m, const struct mail_take *how, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_CAPPED,
	    "SELECT EXISTS(SELECT 1 FROM lane WHERE queue=? AND ready>0"
	    " AND is_held=0 AND is_full=1)",
	    e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, how->queue);
	r = db_step(&m->db, st, e);
	if (r == 1)
		*how->is_capped = sqlite3_column_int(st, 0) != 0;
	sqlite3_reset(st);
	return r == 1 ? 0 : -1;
}

int
mail_sqlite_take(struct mail_engine *base, const struct mail_take *how,
    mail_row_fn *fn, void *ctx, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	int r = is_work(m, how, e);

	if (r == 1) {
		if (db_begin(&m->db, e) == -1)
			return -1;
		r = mail_sqlite_end(m, take(m, how, fn, ctx, e), e);
	}
	if (r == 0 && how->is_capped != NULL)
		r = look_for_capped(m, how, e);
	return r;
}
