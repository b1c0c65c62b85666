#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/file.h"

enum {
	BUSY_MS = 10000, /* the net under the flock: backups, foreign tools */
	WAL_PAGES = 1000, /* after so many it is copied into the file */
};

static int
db_error(struct db *db, const char *doing, struct err *e)
{
	if (sqlite3_errcode(db->sqlite) == SQLITE_NOMEM)
		xnomem();
	return err_set(e, ERR_TEMP, "%s.db: %s: %s", db->name, doing,
	    sqlite3_errmsg(db->sqlite));
}

static int
exec(struct db *db, const char *sql, const char *doing, struct err *e)
{
	if (sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL) != SQLITE_OK)
		return db_error(db, doing, e);
	return 0;
}

static int
lock(struct db *db, struct err *e)
{
	int r;

	if (db->lock_fd == -1)
		return 0;
	r = file_lock(db->lock_fd, LOCK_EX, DB_WAIT_MS, db->name, e);
	if (r == 0)
		return err_set(e, ERR_TEMP,
		    "%s.db: another process has held it for %d seconds: look "
		    "for one that is stopped or stuck",
		    db->name, DB_WAIT_MS / 1000);
	return r == -1 ? -1 : 0;
}

static void
unlock(struct db *db)
{
	if (db->lock_fd != -1)
		flock(db->lock_fd, LOCK_UN);
}

/*
 * Writing to the lock file wakes those who watch it.  The WAL would not do: it
 * is written before the commit can be seen.
 */
static void
wake(struct db *db)
{
	if (db->lock_fd != -1 && pwrite(db->lock_fd, "", 1, 0) == -1)
		return; /* they look again by themselves, only later */
}

static int
open_files(struct db *db, const struct state *s, struct err *e)
{
	int flags =
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	char *file = NULL, *lock_name;
	int r;

	if (s != NULL) {
		lock_name = xasprintf("%s.lock", db->name);
		db->lock_fd = openat(
		    s->dir, lock_name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (db->lock_fd == -1)
			err_errno(e, "%s/%s", s->path, lock_name);
		free(lock_name);
		if (db->lock_fd == -1)
			return -1;
		file = xasprintf("%s/%s.db", s->path, db->name);
	}
	r = sqlite3_open_v2(
	    file != NULL ? file : ":memory:", &db->sqlite, flags, NULL);
	free(file);
	if (db->sqlite == NULL)
		xnomem();
	if (r != SQLITE_OK)
		return db_error(db, "open", e);
	return 0;
}

/* After each commit.  That it cannot be copied now is no error. */
static int
copy_wal(void *ctx, sqlite3 *sqlite, const char *name, int pages)
{
	struct db *db = ctx;
	int in_wal = 0, copied = 0;

	db->is_copied =
	    pages >= WAL_PAGES &&
	    sqlite3_wal_checkpoint_v2(sqlite, name, SQLITE_CHECKPOINT_PASSIVE,
		&in_wal, &copied) == SQLITE_OK &&
	    in_wal == copied;
	return SQLITE_OK;
}

/*
 * A WAL that was copied begins anew with the next write, if that is of a
 * process that knows of the copying.  The next process that opens it alone does
 * not: a WAL for whom each process writes once would grow for ever, and each
 * reads all of it.  So write once more, without a change.
 */
static void
begin_wal_anew(struct db *db)
{
	char sql[64];

	db->is_copied = false;
	snprintf(sql, sizeof sql, "PRAGMA user_version=%d", db->version);
	sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);
}

static int
setup_handle(struct db *db, struct err *e)
{
	int on = 1;

	sqlite3_busy_timeout(db->sqlite, BUSY_MS);
	/* The last process out neither checkpoints nor removes the WAL. */
	sqlite3_db_config(
	    db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
	sqlite3_file_control(db->sqlite, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
	sqlite3_wal_hook(db->sqlite, copy_wal, db);
	return exec(db,
	    "PRAGMA synchronous=FULL; PRAGMA mmap_size=0;"
	    "PRAGMA cell_size_check=ON; PRAGMA trusted_schema=OFF;"
	    "PRAGMA temp_store=MEMORY",
	    "open", e);
}

/* 0 for a new file. */
static int
read_version(struct db *db, int *version, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int r;

	if (sqlite3_prepare_v2(
		db->sqlite, "PRAGMA user_version", -1, &st, NULL) != SQLITE_OK)
		return db_error(db, "open", e);
	r = sqlite3_step(st);
	*version = r == SQLITE_ROW ? sqlite3_column_int(st, 0) : -1;
	if (r != SQLITE_ROW)
		db_error(db, "open", e);
	sqlite3_finalize(st);
	return r == SQLITE_ROW ? 0 : -1;
}

/* Run the steps in one transaction that ends in this version. */
static int
migrate(struct db *db, const char *const *steps, size_t n, int version,
    const char *doing, struct err *e)
{
	struct buf sql = BUF_INIT;
	int r;

	buf_addstr(&sql, "BEGIN IMMEDIATE;");
	for (size_t i = 0; i < n; i++)
		buf_addstr(&sql, steps[i]);
	buf_addf(&sql, "PRAGMA user_version=%d;COMMIT", version);
	r = exec(db, sql.data, doing, e);
	if (r == -1)
		sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
	buf_release(&sql);
	return r;
}

/* journal_mode cannot change inside a transaction, so the flock alone guards
 * it. */
static int
create(struct db *db, const struct db_schema *schema, struct err *e)
{
	int version = 0, r;

	if (lock(db, e) == -1)
		return -1;
	r = read_version(db, &version, e);
	if (r == 0 && version == 0) {
		r = exec(db, "PRAGMA journal_mode=WAL", "create", e);
		if (r == 0)
			r = migrate(db, &schema->create, 1, schema->version,
			    "create", e);
	}
	unlock(db);
	return r;
}

static int
open_any(struct db *db, const struct state *s, const char *name, int *version,
    struct err *e)
{
	*db = (struct db){.name = name, .lock_fd = -1};
	if (open_files(db, s, e) == -1 || setup_handle(db, e) == -1)
		return -1;
	return read_version(db, version, e);
}

int
db_open(struct db *db, const struct state *s, const char *name,
    const struct db_schema *schema, struct err *e)
{
	int version = 0;

	if (open_any(db, s, name, &version, e) == -1)
		return -1;
	db->version = schema->version;
	if (version == 0)
		return create(db, schema, e);
	if (version != schema->version)
		return err_set(e, ERR_TEMP,
		    "%s.db: schema version %d; this program knows %d", name,
		    version, schema->version);
	return 0;
}

int
db_upgrade(const struct state *s, const char *name,
    const struct db_schema *schema, struct err *e)
{
	struct db db;
	int version = 0, r = open_any(&db, s, name, &version, e);

	if (r == 0)
		r = lock(&db, e);
	if (r == 0)
		r = read_version(&db, &version, e);
	/* A new file is made by who first needs it. */
	if (r == 0 && version > 0 && version < schema->version)
		r = migrate(&db, schema->upgrades + version - 1,
		    (size_t)(schema->version - version), schema->version,
		    "upgrade", e);
	db_close(&db); /* unlocks as well */
	return r;
}

void
db_close(struct db *db)
{
	for (size_t i = 0; i < DB_STATEMENTS; i++)
		sqlite3_finalize(db->statements[i]);
	sqlite3_close(db->sqlite);
	if (db->lock_fd != -1)
		close(db->lock_fd);
}

int
db_begin(struct db *db, struct err *e)
{
	sqlite3_stmt *st;

	if (lock(db, e) == -1)
		return -1;
	st = db_prepare(db, DB_STATEMENTS - 1, "BEGIN IMMEDIATE", e);
	if (st == NULL || db_run(db, st, e) == -1) {
		unlock(db);
		return -1;
	}
	return 0;
}

int
db_commit(struct db *db, struct err *e)
{
	sqlite3_stmt *st = db_prepare(db, DB_STATEMENTS - 2, "COMMIT", e);

	if (st == NULL || db_run(db, st, e) == -1) {
		db_rollback(db);
		return -1;
	}
	wake(db);
	if (db->is_copied)
		begin_wal_anew(db);
	unlock(db);
	return 0;
}

void
db_rollback(struct db *db)
{
	for (size_t i = 0; i < DB_STATEMENTS; i++)
		if (db->statements[i] != NULL)
			sqlite3_reset(db->statements[i]);
	if (!sqlite3_get_autocommit(db->sqlite))
		sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
	unlock(db);
}

sqlite3_stmt *
db_prepare(struct db *db, size_t index, const char *sql, struct err *e)
{
	sqlite3_stmt **st = &db->statements[index];

	if (*st != NULL) {
		sqlite3_reset(*st);
		return *st;
	}
	if (sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT,
		st, NULL) != SQLITE_OK)
		db_error(db, "prepare", e);
	return *st;
}

int
db_step(struct db *db, sqlite3_stmt *st, struct err *e)
{
	switch (sqlite3_step(st)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return db_error(db, "step", e);
	}
}

int
db_run(struct db *db, sqlite3_stmt *st, struct err *e)
{
	int r = db_step(db, st, e);

	sqlite3_reset(st);
	return r;
}

int
db_ask(struct db *db, sqlite3_stmt *st, struct err *e)
{
	int r = db_step(db, st, e);

	if (r == 1)
		r = sqlite3_column_int(st, 0) != 0;
	sqlite3_reset(st);
	return r;
}

static int
has(struct db *db, const char *name, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int r = -1;

	if (sqlite3_prepare_v2(db->sqlite,
		"SELECT EXISTS(SELECT 1 FROM sqlite_schema WHERE name=?)", -1,
		&st, NULL) == SQLITE_OK) {
		db_bind_text(st, 1, name);
		r = db_ask(db, st, e);
	} else {
		db_error(db, name, e);
	}
	sqlite3_finalize(st);
	return r;
}

int
db_add(struct db *db, const char *name, const char *sql, struct err *e)
{
	int r = has(db, name, e);

	if (r != 0)
		return r == 1 ? 0 : -1;
	if (db_begin(db, e) == -1)
		return -1;
	if (exec(db, sql, name, e) == 0)
		return db_commit(db, e);
	db_rollback(db);
	return -1;
}

int
db_relax(struct db *db, struct err *e)
{
	return exec(db, "PRAGMA synchronous=NORMAL", "synchronous", e);
}

void
db_bind_text(sqlite3_stmt *st, int i, const char *s)
{
	if (s == NULL)
		sqlite3_bind_null(st, i);
	else
		db_bind_bytes(st, i, s, strlen(s));
}

void
db_bind_bytes(sqlite3_stmt *st, int i, const char *s, size_t n)
{
	sqlite3_bind_text64(st, i, s, n, SQLITE_STATIC, SQLITE_UTF8);
}

void
db_bind_int(sqlite3_stmt *st, int i, int64_t n)
{
	sqlite3_bind_int64(st, i, n);
}

const char *
db_text(sqlite3_stmt *st, int i, size_t *len)
{
	const unsigned char *s = sqlite3_column_text(st, i);

	if (len != NULL)
		*len = s != NULL ? (size_t)sqlite3_column_bytes(st, i) : 0;
	return (const char *)s;
}
