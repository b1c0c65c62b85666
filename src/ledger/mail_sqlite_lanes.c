/* The ledger in SQLite: lanes, read once and written at the end of a take. */
#include "ledger/mail_sqlite_lanes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"

enum {
	VTIME_STEP = 1000000, /* of a mail at weight 1 */
};

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

/* A new one, for lanes up to a priority. */
static int
add_share(struct taking *t, const char *tenant, int64_t priority, size_t twin,
    struct err *e)
{
	struct share *s;

	if (t->n_shares % 64 == 0)
		t->shares =
		    xrealloc(t->shares, t->n_shares + 64, sizeof *t->shares);
	s = &t->shares[t->n_shares];
	*s = (struct share){.priority = priority, .twin = twin};
	snprintf(s->tenant, sizeof s->tenant, "%s", tenant);
	if (twin != NO_SHARE) {
		s->leased = t->shares[twin].leased;
		t->shares[twin].twin = t->n_shares;
	} else if (read_leased(t, s, e) == -1)
		return -1;
	t->n_shares++;
	return 0;
}

/* The lane's share, when its tenant has a cap. */
static int
find_share(struct taking *t, struct lane *lane, int64_t priority, struct err *e)
{
	const struct sqlite_pace *pace =
	    mail_sqlite_find_pace(&t->paces, lane->tenant, priority);
	int64_t up_to = pace != NULL ? pace->priority : INT64_MAX;
	size_t twin = NO_SHARE;
	const struct mail_policy *policy = t->how->policy;
	int64_t cap =
	    policy != NULL ? policy->in_flight(policy->ctx, lane->tenant) : 0;
	bool only_one, passes = mail_sqlite_passes(
			   &t->breakers, policy, lane->tenant, &only_one);
	struct share *s;

	lane->share = NO_SHARE;
	if (cap == 0 && passes && !only_one && pace == NULL)
		return 0;
	for (size_t i = 0; i < t->n_shares; i++) {
		if (strcmp(t->shares[i].tenant, lane->tenant) != 0)
			continue;
		if (t->shares[i].priority == up_to) {
			lane->share = i;
			return 0;
		}
		twin = i;
	}
	if (add_share(t, lane->tenant, up_to, twin, e) == -1)
		return -1;
	lane->share = t->n_shares - 1;
	s = &t->shares[lane->share];
	s->cap = cap > 0 ? cap : INT64_MAX;
	if (pace != NULL && pace->most < s->cap)
		s->cap = pace->most;
	if (!passes)
		s->cap = 0;
	else if (only_one && s->cap > s->leased)
		s->cap = s->leased + 1;
	return 0;
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

int
lanes_close(struct taking *t, const struct share *s, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&t->m->db, SQL_FULL,
	    "UPDATE lane SET is_full=1 WHERE queue=? AND tenant=?"
	    " AND priority<=?",
	    e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, t->how->queue);
	db_bind_text(st, 2, s->tenant);
	db_bind_int(st, 3, s->priority);
	return db_run(&t->m->db, st, e);
}

/* As many lanes as there may be turns. */
static int
read_lanes(struct taking *t, struct level *level, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&t->m->db, SQL_LANES,
	    "SELECT number,vtime,ready,tenant FROM lane WHERE queue=? AND "
	    "priority=?"
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
	level->turns =
	    xrealloc(level->turns, t->left + 1, sizeof *level->turns);
	level->n = 0;
	while ((r = db_step(&t->m->db, st, e)) == 1) {
		struct lane *lane = &level->lanes[level->n++];

		*lane = (struct lane){.number = sqlite3_column_int64(st, 0),
		    .vtime = sqlite3_column_int64(st, 1),
		    .ready = sqlite3_column_int64(st, 2)};
		snprintf(lane->tenant, sizeof lane->tenant, "%s",
		    db_text(st, 3, NULL));
		lane->step = step_of(t->how, lane->tenant);
	}
	sqlite3_reset(st);
	level->is_whole = level->n < t->left;
	/* In the order of their turns they are a heap already. */
	for (level->n_turns = 0; level->n_turns < level->n; level->n_turns++)
		level->turns[level->n_turns] = (uint32_t)level->n_turns;
	for (size_t i = 0; r == 0 && i < level->n; i++) {
		struct lane *lane = &level->lanes[i];

		r = find_share(t, lane, level->priority, e);
		if (r == 0 && is_full(t, lane))
			r = lanes_close(t, &t->shares[lane->share], e);
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
write_lane(struct taking *t, const struct lane *lane, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&t->m->db, SQL_VTIME,
	    "UPDATE lane SET vtime=?2 WHERE number=?1", e);

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, lane->number);
	db_bind_int(st, 2, lane->vtime);
	return db_run(&t->m->db, st, e);
}

int
lanes_write(struct taking *t, struct level *level, struct err *e)
{
	bool is_moved = false;

	for (size_t i = 0; i < level->n; i++) {
		if (!level->lanes[i].is_moved)
			continue;
		is_moved = true;
		if (write_lane(t, &level->lanes[i], e) == -1)
			return -1;
		level->lanes[i].is_moved = false;
	}
	return is_moved ? write_turn(t, level, e) : 0;
}

int
lanes_add_level(struct taking *t, struct err *e)
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

int
lanes_drop_level(struct taking *t, size_t i, struct err *e)
{
	int r = lanes_write(t, &t->levels[i], e);

	lanes_free(&t->levels[i]);
	t->n_levels--;
	memmove(&t->levels[i], &t->levels[i + 1],
	    (t->n_levels - i) * sizeof *t->levels);
	return r;
}

void
lanes_free(struct level *level)
{
	free(level->lanes);
	free(level->turns);
}

/* Let the one on top sink to its place: behind those of the same time. */
static void
sink(struct level *level)
{
	size_t i = 0, child;
	uint32_t lane;

	while ((child = 2 * i + 1) < level->n_turns) {
		if (child + 1 < level->n_turns &&
		    level->lanes[level->turns[child + 1]].vtime <
			level->lanes[level->turns[child]].vtime)
			child++;
		if (level->lanes[level->turns[i]].vtime <
		    level->lanes[level->turns[child]].vtime)
			return;
		lane = level->turns[i];
		level->turns[i] = level->turns[child];
		level->turns[child] = lane;
		i = child;
	}
}

struct lane *
lanes_first(const struct taking *t, struct level *level)
{
	struct lane *lane;

	while (level->n_turns > 0) {
		lane = &level->lanes[level->turns[0]];
		if (lane->ready > 0 && !is_full(t, lane))
			return lane;
		level->turns[0] = level->turns[--level->n_turns];
		sink(level);
	}
	return NULL;
}

void
lanes_turn(struct level *level)
{
	struct lane *lane = &level->lanes[level->turns[0]];

	if (lane->vtime > level->vtime)
		level->vtime = lane->vtime;
	lane->vtime += lane->step;
	lane->is_moved = true;
	lane->ready--;
	sink(level);
}

struct lane *
lanes_next(struct taking *t, struct level *level, int *r, struct err *e)
{
	struct lane *lane = lanes_first(t, level);

	*r = 0;
	while (lane == NULL && !level->is_whole && *r == 0) {
		*r = lanes_write(t, level, e);
		if (*r == 0)
			*r = mail_sqlite_flush(t->m, e);
		if (*r == 0)
			*r = read_lanes(t, level, e);
		lane = lanes_first(t, level);
	}
	return *r == 0 ? lane : NULL;
}
