/* The ledger in SQLite: opening, checking, waiting. */
#include "ledger/mail_sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "core/buf.h"
#include "ledger/mail_engines.h"

static struct mail_engine *
open_engine(struct state *s, struct err *e)
{
	struct mail_sqlite *m = xcalloc(1, sizeof *m);

	m->state = s;
	m->wait_fd = -1;
	if (db_open(&m->db, s, "mail", &mail_sqlite_schema, e) == -1 ||
	    mail_sqlite_make_pace(m, e) == -1) {
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
	free(m->less.all);
	free(m->more.all);
	free(m);
}

/* The only value of the only row, as text; the caller frees it.  NULL: error.
 */
static char *
ask(struct mail_sqlite *m, const char *sql, struct err *e)
{
	sqlite3_stmt *st = NULL;
	char *answer = NULL;
	int r = -1;

	if (sqlite3_prepare_v2(m->db.sqlite, sql, -1, &st, NULL) == SQLITE_OK)
		r = db_step(&m->db, st, e);
	if (r == 1)
		answer = xstrdup(db_text(st, 0, NULL));
	else
		err_set(e, ERR_TEMP, "mail.db: check: %s",
		    sqlite3_errmsg(m->db.sqlite));
	sqlite3_finalize(st);
	return answer;
}

static int
sqlite_check(struct mail_engine *base, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	char *quick = ask(m, "PRAGMA quick_check(1)", e), *sums = NULL;
	int r = -1;

	if (quick != NULL && strcmp(quick, "ok") != 0)
		err_set(e, ERR_TEMP, "mail.db: %s", quick);
	else if (quick != NULL)
		sums = ask(m, mail_sqlite_is_counted, e);
	if (sums != NULL && strcmp(sums, "1") == 0)
		r = 0;
	else if (sums != NULL)
		err_set(e, ERR_TEMP,
		    "mail.db: the sums of its rows are wrong; mail-store "
		    "upgrade counts them anew");
	free(quick);
	free(sums);
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
	.pause = mail_sqlite_pause, .resume = mail_sqlite_resume,              \
	.pace = mail_sqlite_pace, .holds = mail_sqlite_holds,                  \
	.runs = mail_sqlite_runs, .drop = mail_sqlite_drop,                    \
	.next_group = mail_sqlite_next_group, .waiting = mail_sqlite_waiting,  \
	.move = mail_sqlite_move, .told = mail_sqlite_told,                    \
	.doubt = mail_sqlite_doubt, .keep = mail_sqlite_keep,                  \
	.remove = mail_sqlite_remove, .doomed = mail_sqlite_doomed,            \
	.gone = mail_sqlite_gone, .admit = mail_sqlite_admit,                  \
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
