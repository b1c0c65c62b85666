/* The ledger in SQLite: the number of a lane. */
#include <string.h>

#include "ledger/mail_sqlite.h"

static void
bind_place(sqlite3_stmt *st, const struct sqlite_place *place)
{
	db_bind_text(st, 1, place->queue);
	db_bind_text(st, 2, place->tenant);
	db_bind_int(st, 3, place->priority);
}

/* 1 found, 0 there is none, -1. */
static int
find(struct mail_sqlite *m, struct sqlite_place *place, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_FIND_LANE,
	    "SELECT number FROM lane WHERE queue=? AND tenant=? AND priority=?",
	    e);
	int r;

	if (st == NULL)
		return -1;
	bind_place(st, place);
	r = db_step(&m->db, st, e);
	if (r == 1)
		place->lane = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return r;
}

/*
 * It comes in where the others are now.  It is full where one that is more
 * urgent is; else the next take looks.
 */
static const char new_lane[] =
    "INSERT INTO lane(queue,tenant,priority,ready,vtime,is_full,is_held)"
    " VALUES(?1,?2,?3,0,"
    "ifnull((SELECT vtime FROM turn WHERE queue=?1 AND priority=?3),0),"
    "ifnull((SELECT max(is_full) FROM lane"
    " WHERE queue=?1 AND tenant=?2 AND priority>=?3),0)," LANE_IS_HELD(
	"?1", "?2", "?3") ")";

static int
make(struct mail_sqlite *m, struct sqlite_place *place, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_NEW_LANE, new_lane, e);

	if (st == NULL)
		return -1;
	bind_place(st, place);
	if (db_run(&m->db, st, e) == -1)
		return -1;
	place->lane = sqlite3_last_insert_rowid(m->db.sqlite);
	return 0;
}

int
mail_sqlite_lane(
    struct mail_sqlite *m, struct sqlite_place *place, struct err *e)
{
	struct sqlite_place *last = &m->last_lane;
	int r = 1;

	/* Much comes in a row. */
	if (last->lane != 0 && last->priority == place->priority &&
	    strcmp(last->tenant, place->tenant) == 0 &&
	    strcmp(last->queue, place->queue) == 0) {
		place->lane = last->lane;
		return 0;
	}
	r = find(m, place, e);
	if (r == 0)
		r = make(m, place, e);
	if (r == -1)
		return -1;
	*last = *place;
	return 0;
}
