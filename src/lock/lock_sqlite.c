/* Locks in SQLite: lock.db below the state directory. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "lock/lock_engines.h"
#include "lock/rules.h"
#include "store/db.h"

/* The numbers of the states in the index are those of enum lock_state. */
static const char create[] =
    "CREATE TABLE lock("
    " seq INTEGER PRIMARY KEY," /* order in which they were claimed first */
    " key TEXT NOT NULL UNIQUE,"
    " state INTEGER NOT NULL,"
    " id TEXT NOT NULL,"
    " tenant TEXT NOT NULL,"
    " content TEXT NOT NULL,"
    " taken_from TEXT NOT NULL,"
    " delivery INTEGER NOT NULL,"
    " at INTEGER NOT NULL,"
    " until INTEGER NOT NULL,"
    " result TEXT NOT NULL) STRICT;"
    "CREATE INDEX lock_id ON lock(id);"
    "CREATE INDEX lock_over ON lock(state,until) WHERE state IN (1,2);";

const struct db_schema lock_sqlite_schema = {.version = 1, .create = create};

enum sql {
	SQL_FIND,
	SQL_WRITE,
	SQL_REMOVE,
	SQL_OF_ID,
	SQL_FORGET,
	SQL_LIST,
	SQL_CHECK,
};

#define COLUMNS                                                                \
	"seq,key,state,id,tenant,content,taken_from,delivery,at,until,result"

struct lock_sqlite {
	struct lock_engine base;
	struct db db;
};

static struct lock_engine *
sqlite_open(struct state *s, const char *rest, struct err *e)
{
	struct lock_sqlite *m;

	if (rest[0] != '\0') {
		err_set(e, ERR_TEMP,
		    "engines.locks: write \"sqlite:\", not \"sqlite:%.60s\"",
		    rest);
		return NULL;
	}
	m = xcalloc(1, sizeof *m);
	if (db_open(&m->db, s, "lock", &lock_sqlite_schema, e) == 0)
		return &m->base;
	db_close(&m->db);
	free(m);
	return NULL;
}

static void
sqlite_close(struct lock_engine *l)
{
	struct lock_sqlite *m = (struct lock_sqlite *)l;

	db_close(&m->db);
	free(m);
}

/* Fill row from the current row of st; good until its next step. */
static void
read_row(sqlite3_stmt *st, struct lock_row *row)
{
	*row = (struct lock_row){
	    .key = db_text(st, 1, NULL),
	    .state = (enum lock_state)sqlite3_column_int(st, 2),
	    .id = db_text(st, 3, NULL),
	    .tenant = db_text(st, 4, NULL),
	    .content = db_text(st, 5, NULL),
	    .taken_from = db_text(st, 6, NULL),
	    .delivery = sqlite3_column_int64(st, 7),
	    .at = sqlite3_column_int64(st, 8),
	    .until = sqlite3_column_int64(st, 9),
	};
	row->result = db_text(st, 10, &row->result_len);
}

/* The row of a key, LOCK_FREE without one.  The statement, or NULL. */
static sqlite3_stmt *
find(
    struct lock_sqlite *m, const char *key, struct lock_row *row, struct err *e)
{
	sqlite3_stmt *st = db_prepare(
	    &m->db, SQL_FIND, "SELECT " COLUMNS " FROM lock WHERE key=?", e);
	int r = -1;

	*row = (struct lock_row){.state = LOCK_FREE};
	if (st != NULL) {
		db_bind_text(st, 1, key);
		r = db_step(&m->db, st, e);
	}
	if (r == 1)
		read_row(st, row);
	return r != -1 ? st : NULL;
}

static int
write_row(struct lock_sqlite *m, const struct lock_row *row, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_WRITE,
	    "INSERT INTO lock(key,state,id,tenant,content,taken_from,delivery,"
	    "at,until,result) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)"
	    " ON CONFLICT(key) DO UPDATE SET state=?2,id=?3,tenant=?4,"
	    "content=?5,taken_from=?6,delivery=?7,at=?8,until=?9,result=?10",
	    e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, row->key);
	db_bind_int(st, 2, row->state);
	db_bind_text(st, 3, row->id);
	db_bind_text(st, 4, row->tenant);
	db_bind_text(st, 5, row->content);
	db_bind_text(st, 6, row->taken_from);
	db_bind_int(st, 7, row->delivery);
	db_bind_int(st, 8, row->at);
	db_bind_int(st, 9, row->until);
	db_bind_bytes(st, 10, row->result, row->result_len);
	return db_run(&m->db, st, e);
}

static int
remove_row(struct lock_sqlite *m, const char *key, struct err *e)
{
	sqlite3_stmt *st =
	    db_prepare(&m->db, SQL_REMOVE, "DELETE FROM lock WHERE key=?", e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, key);
	return db_run(&m->db, st, e);
}

/* found is what row, as it was read, borrows from. */
static int
change(struct lock_sqlite *m, enum lock_change how, const struct lock_row *row,
    sqlite3_stmt *found, struct err *e)
{
	int r = 0;

	if (how == LOCK_WRITE)
		r = write_row(m, row, e);
	else if (how == LOCK_REMOVE)
		r = remove_row(m, row->key, e);
	sqlite3_reset(found);
	return r;
}

/* Those of one kind that are over, at most max. */
static int
prune_state(struct lock_sqlite *m, enum lock_state state, int64_t until,
    size_t max, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_FORGET,
	    "DELETE FROM lock WHERE seq IN (SELECT seq FROM lock"
	    " WHERE state=?1 AND state IN (1,2) AND until<=?2"
	    " ORDER BY until LIMIT ?3)",
	    e);

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, state);
	db_bind_int(st, 2, until);
	db_bind_int(st, 3, (int64_t)max);
	return db_run(&m->db, st, e) == -1 ? -1 : sqlite3_changes(m->db.sqlite);
}

/* How many there were; -1. */
static int
prune(struct lock_sqlite *m, size_t max, int64_t now, struct err *e)
{
	int64_t dead = now - (int64_t)LOCK_TTL_S * 1000;
	int done = prune_state(m, LOCK_DONE, now, max, e), claimed;

	if (done == -1 || (size_t)done >= max)
		return done;
	claimed = prune_state(m, LOCK_CLAIMED, dead, max - (size_t)done, e);
	return claimed == -1 ? -1 : done + claimed;
}

/* Commit, or when r is -1 roll back. */
static int
end(struct lock_sqlite *m, int r, struct err *e)
{
	if (r != -1)
		return db_commit(&m->db, e);
	db_rollback(&m->db);
	return -1;
}

static void
free_results(struct lock_acquire *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(all[i].result);
		all[i].result = NULL;
	}
}

static int
sqlite_acquire(struct lock_engine *l, struct lock_acquire *all, size_t n,
    int64_t now, struct err *e)
{
	struct lock_sqlite *m = (struct lock_sqlite *)l;
	int r = 0;

	for (size_t i = 0; i < n; i++)
		all[i].result = NULL;
	if (db_begin(&m->db, e) == -1)
		return -1;
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct lock_row row;
		sqlite3_stmt *st = find(m, all[i].key, &row, e);

		r = st == NULL
			? -1
			: change(m, lock_rule_acquire(&row, &all[i], now), &row,
			      st, e);
	}
	if (r == 0 && prune(m, LOCK_PRUNE(n), now, e) == -1)
		r = -1;
	r = end(m, r, e);
	if (r == -1)
		free_results(all, n);
	return r;
}

static int
sqlite_settle(struct lock_engine *l, struct lock_settle *all, size_t n,
    int64_t now, struct err *e)
{
	struct lock_sqlite *m = (struct lock_sqlite *)l;
	int r = 0;

	if (db_begin(&m->db, e) == -1)
		return -1;
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct lock_row row;
		sqlite3_stmt *st = find(m, all[i].key, &row, e);

		r = st == NULL ? -1
			       : change(m, lock_rule_settle(&row, &all[i], now),
				     &row, st, e);
	}
	if (r == 0 && prune(m, LOCK_PRUNE(n), now, e) == -1)
		r = -1;
	return end(m, r, e);
}

/* The keys of an id's locks, each with a NUL behind it. */
static int
keys_of(struct lock_sqlite *m, const char *id, struct buf *keys, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_OF_ID,
	    "SELECT key FROM lock WHERE id=? ORDER BY seq", e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, id);
	while ((r = db_step(&m->db, st, e)) == 1) {
		buf_addstr(keys, db_text(st, 0, NULL));
		buf_addch(keys, '\0');
	}
	sqlite3_reset(st);
	return r;
}

/* One key, or those of the id. */
static int
wanted_keys(struct lock_sqlite *m, const char *key, const char *id,
    struct buf *keys, struct err *e)
{
	if (key == NULL)
		return keys_of(m, id, keys, e);
	buf_addstr(keys, key);
	buf_addch(keys, '\0');
	return 0;
}

static int
release_one(
    struct lock_sqlite *m, struct lock_release *rel, int64_t now, struct err *e)
{
	struct buf keys = BUF_INIT;
	int r = wanted_keys(m, rel->key, rel->id, &keys, e);

	rel->released = 0;
	for (size_t at = 0; r == 0 && at < keys.len;
	     at += strlen(keys.data + at) + 1) {
		struct lock_row row;
		sqlite3_stmt *st = find(m, keys.data + at, &row, e);

		r = st == NULL ? -1
			       : change(m, lock_rule_release(&row, rel, now),
				     &row, st, e);
	}
	buf_release(&keys);
	return r;
}

static int
sqlite_release(struct lock_engine *l, struct lock_release *all, size_t n,
    int64_t now, struct err *e)
{
	struct lock_sqlite *m = (struct lock_sqlite *)l;
	int r = 0;

	if (db_begin(&m->db, e) == -1)
		return -1;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = release_one(m, &all[i], now, e);
	return end(m, r, e);
}

static int
get_one(struct lock_sqlite *m, struct lock_get *g, int64_t now, struct err *e)
{
	struct buf keys = BUF_INIT;
	int r = wanted_keys(m, g->key, g->id, &keys, e);

	for (size_t at = 0; r == 0 && at < keys.len;
	     at += strlen(keys.data + at) + 1) {
		struct lock_row row;
		sqlite3_stmt *st = find(m, keys.data + at, &row, e);

		if (st == NULL)
			r = -1;
		else
			lock_rule_get(&row, g, now);
		sqlite3_reset(st);
	}
	buf_release(&keys);
	return r;
}

static int
sqlite_get(struct lock_engine *l, struct lock_get *all, size_t n, int64_t now,
    struct err *e)
{
	struct lock_sqlite *m = (struct lock_sqlite *)l;

	for (size_t i = 0; i < n; i++) {
		all[i].state = LOCK_FREE;
		all[i].result = NULL;
	}
	for (size_t i = 0; i < n; i++) {
		if (get_one(m, &all[i], now, e) == 0)
			continue;
		for (size_t k = 0; k <= i; k++)
			free(all[k].result);
		return -1;
	}
	return 0;
}

static int
sqlite_prune(struct lock_engine *l, size_t max, int64_t now, size_t *pruned,
    struct err *e)
{
	struct lock_sqlite *m = (struct lock_sqlite *)l;
	int n;

	if (db_begin(&m->db, e) == -1)
		return -1;
	n = prune(m, max, now, e);
	*pruned = n > 0 ? (size_t)n : 0;
	return end(m, n == -1 ? -1 : 0, e);
}

/*
 * The first row after *seq that passes, of lock_row_dup.  1, 0 none, -1.  It is
 * copied and the statement reset before anybody sees it: who waits for a slow
 * pipe must not hold a transaction open.
 */
static int
next_row(struct lock_sqlite *m, const struct lock_filter *f, int64_t *seq,
    struct lock_row **copy, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_LIST,
	    "SELECT " COLUMNS " FROM lock WHERE seq>?1"
	    " AND (?2<0 OR state=?2)"
	    " AND (?3 IS NULL OR substr(key,1,length(?3))=?3)"
	    " AND (?4 IS NULL OR tenant=?4)"
	    " AND (?5=0 OR at<?5) AND (?6=0 OR at>=?6)"
	    " ORDER BY seq LIMIT 1",
	    e);
	struct lock_row row;
	int r;

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, *seq);
	db_bind_int(st, 2, f->state);
	db_bind_text(st, 3, f->prefix);
	db_bind_text(st, 4, f->tenant);
	db_bind_int(st, 5, f->before);
	db_bind_int(st, 6, f->after);
	r = db_step(&m->db, st, e);
	if (r == 1) {
		read_row(st, &row);
		*seq = sqlite3_column_int64(st, 0);
		*copy = lock_row_dup(&row);
	}
	sqlite3_reset(st);
	return r;
}

static int
sqlite_list(struct lock_engine *l, const struct lock_filter *f, lock_row_fn *fn,
    void *ctx, struct err *e)
{
	struct lock_sqlite *m = (struct lock_sqlite *)l;
	struct lock_row *row = NULL;
	int64_t seq = 0;
	int r = 1;

	for (int64_t n = 0; r != -1 && (f->max == 0 || n < f->max); n++) {
		r = next_row(m, f, &seq, &row, e);
		if (r != 1)
			break;
		r = fn(ctx, row, e);
		free(row);
	}
	return r == -1 ? -1 : 0;
}

static int
sqlite_check(struct lock_engine *l, struct err *e)
{
	struct lock_sqlite *m = (struct lock_sqlite *)l;
	sqlite3_stmt *st =
	    db_prepare(&m->db, SQL_CHECK, "PRAGMA quick_check(1)", e);
	int r = st != NULL ? db_step(&m->db, st, e) : -1;

	if (r == 1 && strcmp(db_text(st, 0, NULL), "ok") != 0)
		r = err_set(e, ERR_TEMP, "lock.db: %s", db_text(st, 0, NULL));
	sqlite3_reset(st);
	return r == -1 ? -1 : 0;
}

const struct lock_ops lock_sqlite_ops = {
    .scheme = "sqlite",
    .open = sqlite_open,
    .acquire = sqlite_acquire,
    .settle = sqlite_settle,
    .release = sqlite_release,
    .get = sqlite_get,
    .prune = sqlite_prune,
    .list = sqlite_list,
    .check = sqlite_check,
    .close = sqlite_close,
};
