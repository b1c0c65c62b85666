/*
 * Rates in SQLite: two tables of lock.db, which are made when they are first
 * needed, so that its version stays.
 *
 * These commits do not wait for the disk (synchronous=NORMAL, of this handle
 * only): a power failure may take moments back that were over before the
 * machine was up again, and locks are synced as ever.
 */
#include <stdlib.h>

#include "lock/lock_engines.h"
#include "lock/rate_engines.h"
#include "store/db.h"

static const char tables[] = "CREATE TABLE IF NOT EXISTS rate("
			     " name TEXT PRIMARY KEY,"
			     " until INTEGER NOT NULL,"
			     " slow_until INTEGER NOT NULL," /* 0: it is not */
			     " bytes BLOB NOT NULL) STRICT, WITHOUT ROWID;"
			     "CREATE INDEX IF NOT EXISTS rate_until"
			     " ON rate(until);"
			     "CREATE INDEX IF NOT EXISTS rate_slow"
			     " ON rate(slow_until) WHERE slow_until>0;"
			     "CREATE TABLE IF NOT EXISTS rate_connection("
			     " name TEXT NOT NULL,"
			     " owner TEXT NOT NULL,"
			     " n INTEGER NOT NULL,"
			     " until INTEGER NOT NULL,"
			     " PRIMARY KEY(name,owner)) STRICT, WITHOUT ROWID;"
			     "CREATE INDEX IF NOT EXISTS rate_connection_owner"
			     " ON rate_connection(owner);";

enum sql {
	SQL_LOAD,
	SQL_STORE,
	SQL_IS_SLOW,
	SQL_PRUNE,
	SQL_OVER,
	SQL_COUNT,
	SQL_SET,
	SQL_UNSET,
	SQL_RENEW,
};

struct rate_sqlite {
	struct rate_engine base;
	struct db db;
};

static void
sqlite_close(struct rate_engine *r)
{
	struct rate_sqlite *m = (struct rate_sqlite *)r;

	db_close(&m->db);
	free(m);
}

static struct rate_engine *
sqlite_open(struct state *s, struct err *e)
{
	struct rate_sqlite *m = xcalloc(1, sizeof *m);

	if (db_open(&m->db, s, "lock", &lock_sqlite_schema, e) == 0 &&
	    db_relax(&m->db, e) == 0 &&
	    db_add(&m->db, "rate_connection_owner", tables, e) == 0)
		return &m->base;
	sqlite_close(&m->base);
	return NULL;
}

static int
sqlite_begin(struct rate_engine *r, struct err *e)
{
	return db_begin(&((struct rate_sqlite *)r)->db, e);
}

static int
sqlite_end(struct rate_engine *r, int result, bool is_written, struct err *e)
{
	struct rate_sqlite *m = (struct rate_sqlite *)r;

	if (result != -1 && is_written)
		return db_commit(&m->db, e);
	db_rollback(&m->db);
	return result;
}

static int
sqlite_load(
    struct rate_engine *r, const char *name, struct buf *out, struct err *e)
{
	struct rate_sqlite *m = (struct rate_sqlite *)r;
	sqlite3_stmt *st = db_prepare(
	    &m->db, SQL_LOAD, "SELECT bytes FROM rate WHERE name=?", e);
	int found;

	buf_reset(out);
	if (st == NULL)
		return -1;
	db_bind_text(st, 1, name);
	found = db_step(&m->db, st, e);
	if (found == 1)
		buf_add(out, sqlite3_column_blob(st, 0),
		    (size_t)sqlite3_column_bytes(st, 0));
	sqlite3_reset(st);
	return found == -1 ? -1 : 0;
}

static int
sqlite_store(struct rate_engine *r, const char *name, const struct buf *bytes,
    int64_t until, int64_t slow_until, struct err *e)
{
	struct rate_sqlite *m = (struct rate_sqlite *)r;
	sqlite3_stmt *st = db_prepare(&m->db, SQL_STORE,
	    "INSERT INTO rate(name,until,slow_until,bytes) VALUES(?1,?2,?3,?4)"
	    " ON CONFLICT(name) DO UPDATE SET until=?2,slow_until=?3,bytes=?4",
	    e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, name);
	db_bind_int(st, 2, until);
	db_bind_int(st, 3, slow_until);
	sqlite3_bind_blob64(st, 4, bytes->data, bytes->len, SQLITE_STATIC);
	return db_run(&m->db, st, e);
}

static int
sqlite_is_slow(struct rate_engine *r, int64_t now, struct err *e)
{
	struct rate_sqlite *m = (struct rate_sqlite *)r;
	sqlite3_stmt *st = db_prepare(&m->db, SQL_IS_SLOW,
	    "SELECT EXISTS(SELECT 1 FROM rate WHERE slow_until>0"
	    " AND slow_until>?)",
	    e);

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, now);
	return db_ask(&m->db, st, e);
}

static int
sqlite_prune(struct rate_engine *r, size_t max, int64_t now, struct err *e)
{
	struct rate_sqlite *m = (struct rate_sqlite *)r;
	sqlite3_stmt *st = db_prepare(&m->db, SQL_PRUNE,
	    "DELETE FROM rate WHERE name IN (SELECT name FROM rate"
	    " WHERE until<=?1 ORDER BY until LIMIT ?2)",
	    e);

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, now);
	db_bind_int(st, 2, (int64_t)max);
	return db_run(&m->db, st, e);
}

static int
forget_over(struct rate_sqlite *m, const char *name, int64_t now,
    int64_t latest, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_OVER,
	    "DELETE FROM rate_connection WHERE name=?1"
	    " AND (until<=?2 OR until>?3)",
	    e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, name);
	db_bind_int(st, 2, now);
	db_bind_int(st, 3, latest);
	return db_run(&m->db, st, e);
}

static int
sqlite_count(struct rate_engine *r, const char *name, const char *owner,
    int64_t now, int64_t latest, int64_t *all, int64_t *own, struct err *e)
{
	struct rate_sqlite *m = (struct rate_sqlite *)r;
	sqlite3_stmt *st;
	int found;

	if (forget_over(m, name, now, latest, e) == -1)
		return -1;
	st = db_prepare(&m->db, SQL_COUNT,
	    "SELECT total(n),total(CASE WHEN owner=?2 THEN n ELSE 0 END)"
	    " FROM rate_connection WHERE name=?1",
	    e);
	if (st == NULL)
		return -1;
	db_bind_text(st, 1, name);
	db_bind_text(st, 2, owner);
	found = db_step(&m->db, st, e);
	*all = found == 1 ? sqlite3_column_int64(st, 0) : 0;
	*own = found == 1 ? sqlite3_column_int64(st, 1) : 0;
	sqlite3_reset(st);
	return found == -1 ? -1 : 0;
}

static int
sqlite_set(struct rate_engine *r, const char *name, const char *owner,
    int64_t n, int64_t until, struct err *e)
{
	struct rate_sqlite *m = (struct rate_sqlite *)r;
	sqlite3_stmt *st =
	    n > 0
		? db_prepare(&m->db, SQL_SET,
		      "INSERT INTO rate_connection(name,owner,n,until)"
		      " VALUES(?1,?2,?3,?4) ON CONFLICT(name,owner) DO UPDATE"
		      " SET n=?3,until=CASE WHEN ?4=0 THEN until ELSE ?4 END",
		      e)
		: db_prepare(&m->db, SQL_UNSET,
		      "DELETE FROM rate_connection WHERE name=?1 AND owner=?2",
		      e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, name);
	db_bind_text(st, 2, owner);
	if (n > 0) {
		db_bind_int(st, 3, n);
		db_bind_int(st, 4, until);
	}
	return db_run(&m->db, st, e);
}

static int
sqlite_renew(
    struct rate_engine *r, const char *owner, int64_t until, struct err *e)
{
	struct rate_sqlite *m = (struct rate_sqlite *)r;
	sqlite3_stmt *st = db_prepare(&m->db, SQL_RENEW,
	    "UPDATE rate_connection SET until=?2 WHERE owner=?1", e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, owner);
	db_bind_int(st, 2, until);
	return db_run(&m->db, st, e);
}

const struct rate_ops rate_sqlite_ops = {
    .scheme = "sqlite",
    .open = sqlite_open,
    .begin = sqlite_begin,
    .end = sqlite_end,
    .load = sqlite_load,
    .store = sqlite_store,
    .is_slow = sqlite_is_slow,
    .prune = sqlite_prune,
    .count = sqlite_count,
    .set = sqlite_set,
    .renew = sqlite_renew,
    .close = sqlite_close,
};
