/* The ledger in SQLite: leases, from their start to their end. */
#include <stdio.h>
#include <stdlib.h>

#include "core/buf.h"
#include "ledger/mail_sqlite.h"

int
mail_sqlite_promote(struct mail_sqlite *m, int64_t now, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_PROMOTE,
	    "SELECT id FROM mail WHERE state IN (2,3) AND due_at<=?"
	    " ORDER BY due_at LIMIT 2000",
	    e);
	struct sqlite_found f;
	struct sqlite_id *ids;
	size_t n;
	int r;

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, now);
	r = mail_sqlite_collect(m, st, &ids, &n, e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (mail_sqlite_find(m, ids[i].id, &f, e) != 1)
			r = -1;
		else if (f.state == MAIL_LEASED)
			r = mail_sqlite_lease_over(m, &f, true, now, e);
		else
			r = mail_sqlite_end_lease(
			    m, &f, MAIL_READY, false, false, now, e);
	}
	free(ids);
	return r == 0 ? mail_sqlite_end_holds(m, now, e) : r;
}

static int
start_one(struct mail_sqlite *m, const char *stage, struct mail_start *s,
    int64_t now, struct err *e)
{
	sqlite3_stmt *st;
	struct sqlite_found f;
	char entry[128];
	int r = mail_sqlite_find(m, s->lease.id, &f, e);

	if (r == -1)
		return -1;
	s->is_lost =
	    r == 0 || !mail_sqlite_is_held(&f, &s->lease) || f.stage[0] != '\0';
	if (s->is_lost)
		return 0;
	f.attempts++;
	s->attempt = f.attempts;
	st = db_prepare(&m->db, SQL_START,
	    "UPDATE mail SET stage=?2,due_at=?3,attempts=?4,unstarted=0,"
	    "updated_at=?5 WHERE seq=?1",
	    e);
	if (st == NULL)
		return -1;
	db_bind_int(st, 1, f.seq);
	db_bind_text(st, 2, stage);
	db_bind_int(st, 3, s->until);
	db_bind_int(st, 4, f.attempts);
	db_bind_int(st, 5, now);
	if (db_run(&m->db, st, e) == -1)
		return -1;
	snprintf(entry, sizeof entry, "{\"stage\":\"%s\"}", stage);
	return mail_sqlite_event(m, &f, ":start", now, entry, e);
}

int
mail_sqlite_start(struct mail_engine *base, const char *stage,
    struct mail_start *starts, size_t n, int64_t now, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;

	int r = 0;

	if (db_begin(&m->db, e) == -1)
		return -1;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = start_one(m, stage, &starts[i], now, e);
	return mail_sqlite_end(m, r, e);
}

int
mail_sqlite_renew(
    struct mail_engine *base, const char *owner, int64_t until, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	sqlite3_stmt *st;

	if (db_begin(&m->db, e) == -1)
		return -1;
	st = db_prepare(&m->db, SQL_RENEW,
	    "UPDATE mail SET due_at=?2"
	    " WHERE owner=?1 AND state=3 AND stage IS NULL",
	    e);
	if (st != NULL) {
		db_bind_text(st, 1, owner);
		db_bind_int(st, 2, until);
	}
	return mail_sqlite_end(m, st != NULL ? db_run(&m->db, st, e) : -1, e);
}

static int
give_back(struct mail_sqlite *m, const char *owner, bool is_counted,
    int64_t now, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_OWNED,
	    "SELECT id FROM mail WHERE owner=? AND state=3 AND stage IS NULL",
	    e);
	struct sqlite_found f;
	struct sqlite_id *ids;
	size_t n;
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, owner);
	r = mail_sqlite_collect(m, st, &ids, &n, e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = mail_sqlite_find(m, ids[i].id, &f, e);
		r = r == 1 ? mail_sqlite_lease_over(m, &f, is_counted, now, e)
			   : -1;
	}
	free(ids);
	return r;
}

int
mail_sqlite_give_back(struct mail_engine *base, const char *owner,
    bool is_counted, int64_t now, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;

	if (db_begin(&m->db, e) == -1)
		return -1;
	return mail_sqlite_end(m, give_back(m, owner, is_counted, now, e), e);
}

int
mail_sqlite_leases(struct mail_engine *base, const char *owner, int64_t now,
    struct mail_leases *out, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	sqlite3_stmt *st = db_prepare(&m->db, SQL_LEASES,
	    "SELECT count(*),count(stage) FROM mail WHERE owner=? AND state=3"
	    " AND (stage IS NULL OR due_at>?)",
	    e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, owner);
	db_bind_int(st, 2, now);
	r = db_step(&m->db, st, e);
	if (r == 1) {
		out->started = sqlite3_column_int64(st, 1);
		out->unstarted = sqlite3_column_int64(st, 0) - out->started;
	}
	sqlite3_reset(st);
	return r == 1 ? 0 : -1;
}
