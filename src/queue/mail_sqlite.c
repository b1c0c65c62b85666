/* The ledger in SQLite: schema, opening, waiting. */
#include "queue/mail_sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "core/buf.h"
#include "queue/mail_engines.h"

/*
 * The numbers of the states in the indexes are those of enum mail_state:
 * 1 ready, 2 scheduled, 3 leased.  Partial indexes keep the cost of take and
 * settle independent of depth; counters spare count(*).
 */
static const char schema[] =
    "CREATE TABLE mail("
    " seq INTEGER PRIMARY KEY," /* order of arrival */
    " id TEXT NOT NULL UNIQUE,"
    " tenant TEXT NOT NULL,"
    " queue TEXT,"
    " state INTEGER NOT NULL,"
    " priority INTEGER NOT NULL DEFAULT 0,"
    " due_at INTEGER NOT NULL DEFAULT 0,"
    " attempts INTEGER NOT NULL DEFAULT 0,"
    " deliveries INTEGER NOT NULL DEFAULT 0,"
    " unstarted INTEGER NOT NULL DEFAULT 0," /* leases in a row */
    " interrupted INTEGER NOT NULL DEFAULT 0,"
    " owner TEXT,"
    " stage TEXT," /* who started the lease */
    " stored_at INTEGER NOT NULL,"
    " queued_at INTEGER NOT NULL DEFAULT 0,"
    " updated_at INTEGER NOT NULL,"
    " record TEXT NOT NULL,"
    " last TEXT) STRICT;"
    "CREATE INDEX mail_ready ON mail(queue,priority DESC,seq) WHERE state=1;"
    "CREATE INDEX mail_due ON mail(due_at) WHERE state IN (2,3);"
    "CREATE INDEX mail_owner ON mail(owner) WHERE state=3;"
    "CREATE TABLE history("
    " seq INTEGER NOT NULL,"
    " delivery INTEGER NOT NULL,"
    " stage TEXT NOT NULL,"
    " attempt INTEGER NOT NULL,"
    " at INTEGER NOT NULL,"
    " entry TEXT NOT NULL,"
    " PRIMARY KEY(seq,delivery,stage)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE counter("
    " queue TEXT NOT NULL,"
    " state INTEGER NOT NULL,"
    " n INTEGER NOT NULL,"
    " PRIMARY KEY(queue,state)) STRICT, WITHOUT ROWID;"
    "CREATE TRIGGER mail_added AFTER INSERT ON mail BEGIN"
    " INSERT INTO counter VALUES(ifnull(new.queue,''),new.state,1)"
    " ON CONFLICT DO UPDATE SET n=n+1; END;"
    "CREATE TRIGGER mail_removed AFTER DELETE ON mail BEGIN"
    " UPDATE counter SET n=n-1"
    " WHERE queue=ifnull(old.queue,'') AND state=old.state;"
    " DELETE FROM history WHERE seq=old.seq; END;"
    "CREATE TRIGGER mail_moved AFTER UPDATE OF state,queue ON mail"
    " WHEN new.state!=old.state OR new.queue IS NOT old.queue BEGIN"
    " UPDATE counter SET n=n-1"
    " WHERE queue=ifnull(old.queue,'') AND state=old.state;"
    " INSERT INTO counter VALUES(ifnull(new.queue,''),new.state,1)"
    " ON CONFLICT DO UPDATE SET n=n+1; END";

static struct mail_engine *
open_engine(struct state *s, struct err *e)
{
	struct mail_sqlite *m = xcalloc(1, sizeof *m);

	m->state = s;
	m->wait_fd = -1;
	if (db_open(&m->db, s, "mail", schema, e) == -1) {
		db_close(&m->db);
		free(m);
		return NULL;
	}
	return &m->base;
}

static struct mail_engine *
sqlite_open(struct state *s, const char *rest, struct err *e)
{
	if (rest[0] != '\0' && strcmp(rest, "direct") != 0) {
		err_set(e, ERR_TEMP,
		    "engines.mail: write \"sqlite:\", not \"sqlite:%.60s\"",
		    rest);
		return NULL;
	}
	return open_engine(s, e);
}

static struct mail_engine *
mem_open(struct state *s, const char *rest, struct err *e)
{
	(void)s;
	(void)rest;
	return open_engine(NULL, e);
}

static void
sqlite_close(struct mail_engine *base)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;

	if (m->wait_fd != -1)
		close(m->wait_fd);
	db_close(&m->db);
	free(m);
}

static int
sqlite_check(struct mail_engine *base, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	sqlite3_stmt *st = NULL;
	const char *answer;
	int r = -1;

	if (sqlite3_prepare_v2(m->db.sqlite, "PRAGMA quick_check(1)", -1, &st,
		NULL) == SQLITE_OK)
		r = db_step(&m->db, st, e);
	if (r == 1) {
		answer = db_text(st, 0, NULL);
		r = strcmp(answer, "ok") == 0
			? 0
			: err_set(e, ERR_TEMP, "mail.db: %s", answer);
	} else {
		r = err_set(e, ERR_TEMP, "mail.db: quick_check: %s",
		    sqlite3_errmsg(m->db.sqlite));
	}
	sqlite3_finalize(st);
	return r;
}

/*
 * Every commit of any process writes to the lock file (store/db.h); every mail
 * received writes to the intake.
 */
static int
sqlite_wait_fd(struct mail_engine *base, struct err *e)
{
	static const char *const watched[] = {"mail.lock", "intake"};
	struct mail_sqlite *m = (struct mail_sqlite *)base;

	if (m->wait_fd != -1)
		return m->wait_fd;
	m->wait_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (m->wait_fd == -1)
		return err_errno(e, "inotify");
	for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
		char *path = xasprintf("%s/%s", m->state->path, watched[i]);
		int r = inotify_add_watch(m->wait_fd, path, IN_MODIFY);

		free(path);
		if (r == -1)
			return err_errno(e, "inotify: %s", watched[i]);
	}
	return m->wait_fd;
}

#define OPERATIONS                                                             \
	.put = mail_sqlite_put, .take = mail_sqlite_take,                      \
	.start = mail_sqlite_start, .renew = mail_sqlite_renew,                \
	.give_back = mail_sqlite_give_back, .settle = mail_sqlite_settle,      \
	.update = mail_sqlite_update, .leases = mail_sqlite_leases,            \
	.next_due = mail_sqlite_next_due, .list = mail_sqlite_list,            \
	.history = mail_sqlite_history, .stats = mail_sqlite_stats,            \
	.check = sqlite_check, .close = sqlite_close

const struct mail_ops mail_sqlite_ops = {
    .scheme = "sqlite",
    .caps = MAIL_CAN_WAIT | MAIL_CAN_INTAKE,
    .open = sqlite_open,
    .wait_fd = sqlite_wait_fd,
    OPERATIONS,
};

const struct mail_ops mail_mem_ops = {
    .scheme = "mem",
    .open = mem_open,
    OPERATIONS,
};
