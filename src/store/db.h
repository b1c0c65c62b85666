/*
 * An SQLite file of the state directory, as every part that uses one wants it:
 * WAL, synchronous=FULL, one transaction at a time behind a flock that is fair
 * among processes, the WAL kept between them.  All errors are ERR_TEMP and
 * begin with the file's name.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "store/state.h"

enum {
	DB_STATEMENTS = 100, /* statements that a handle may keep prepared */
	DB_WAIT_MS = 60000, /* for other processes' transactions */
	DB_UPGRADES = 8,
};

/* What a file has in it. */
struct db_schema {
	int version;
	const char *create; /* of this version, in a new file */
	/* Element i makes version i + 2 of version i + 1. */
	const char *upgrades[DB_UPGRADES];
};

struct db {
	const char *name; /* "mail.db" */
	sqlite3 *sqlite;
	/*
	 * NAME.lock, locked round each transaction and written to after it, so
	 * that inotify tells of it.  -1: in memory, nobody to share it with.
	 */
	int lock_fd;
	int version; /* of the file */
	bool is_copied; /* all that is in the WAL is in the file as well */
	sqlite3_stmt *statements[DB_STATEMENTS];
};

/*
 * Open NAME.db below the state directory, or in memory where s is NULL.  Where
 * it is new, it is made; one of another version is an error.  name is a literal
 * without the ".db".
 */
int db_open(struct db *db, const struct state *s, const char *name,
    const struct db_schema *schema, struct err *e);

/*
 * Bring NAME.db, where there is one, to the version of schema: all of it or
 * nothing.  Safe to repeat.
 */
int db_upgrade(const struct state *s, const char *name,
    const struct db_schema *schema, struct err *e);
void db_close(struct db *db);

/*
 * Tables that a release has added to a version: sql makes them where the schema
 * has nothing of that name yet, the last thing that it makes.  It may run twice
 * (IF NOT EXISTS), since two may find them missing.
 */
int db_add(struct db *db, const char *name, const char *sql, struct err *e);

/* synchronous=NORMAL, for what may go back by seconds when the machine fails.
 */
int db_relax(struct db *db, struct err *e);

/* BEGIN IMMEDIATE behind the flock; then one of the other two. */
int db_begin(struct db *db, struct err *e);
/* On -1 it was rolled back. */
int db_commit(struct db *db, struct err *e);
void db_rollback(struct db *db);

/* A statement kept under index, reset; NULL on error. */
sqlite3_stmt *db_prepare(
    struct db *db, size_t index, const char *sql, struct err *e);

/* 1 a row, 0 done, -1 error. */
int db_step(struct db *db, sqlite3_stmt *st, struct err *e);

/* Run a statement that yields no rows, and reset it. */
int db_run(struct db *db, sqlite3_stmt *st, struct err *e);

/* Is the first column of its only row true?  Resets it.  1, 0, -1 error. */
int db_ask(struct db *db, sqlite3_stmt *st, struct err *e);

void db_bind_text(sqlite3_stmt *st, int i, const char *s); /* NULL: NULL */
void db_bind_bytes(sqlite3_stmt *st, int i, const char *s, size_t n);
void db_bind_int(sqlite3_stmt *st, int i, int64_t n);

/* A text column, NULL for NULL; good until the next step. */
const char *db_text(sqlite3_stmt *st, int i, size_t *len);

#endif
