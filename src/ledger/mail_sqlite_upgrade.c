/*
 * The ledger in SQLite: from an older version to this one.  The schema changes
 * in one transaction; what it cannot say in SQL is filled in by batches, which
 * the next run goes on with, and the sums are counted anew.
 */
#include <stdlib.h>

#include "core/buf.h"
#include "ledger/mail_engines.h"
#include "ledger/mail_sqlite.h"

enum {
	FILL_BATCH = 1000,
};

struct filling {
	sqlite3_stmt *read, *write;
	int64_t seq; /* of the last row read */
	struct buf record;
};

static int
sqlite_failed(struct mail_sqlite *m, const char *doing, struct err *e)
{
	return err_set(e, ERR_TEMP, "mail.db: %s: %s", doing,
	    sqlite3_errmsg(m->db.sqlite));
}

static int
prepare(
    struct mail_sqlite *m, const char *sql, sqlite3_stmt **st, struct err *e)
{
	if (sqlite3_prepare_v2(m->db.sqlite, sql, -1, st, NULL) == SQLITE_OK)
		return 0;
	return sqlite_failed(m, "upgrade", e);
}

/* The next row whose clues are not known.  1, 0 there is none, -1. */
static int
fill_one(struct mail_sqlite *m, struct filling *f, struct err *e)
{
	const char *record;
	size_t len;
	int r;

	db_bind_int(f->read, 1, f->seq);
	r = db_step(&m->db, f->read, e);
	if (r == 1) {
		f->seq = sqlite3_column_int64(f->read, 0);
		record = db_text(f->read, 1, &len);
		buf_reset(&f->record);
		buf_add(&f->record, record, len);
	}
	sqlite3_reset(f->read);
	if (r != 1)
		return r;
	db_bind_int(f->write, 1, f->seq);
	mail_sqlite_bind_clues(f->write, 2, f->record.data, f->record.len);
	return db_run(&m->db, f->write, e) == -1 ? -1 : 1;
}

static int
fill_batch(struct mail_sqlite *m, struct filling *f, struct err *e)
{
	int r = db_begin(&m->db, e) == -1 ? -1 : 1;

	if (r == -1)
		return -1;
	for (int i = 0; r == 1 && i < FILL_BATCH; i++)
		r = fill_one(m, f, e);
	if (r == -1)
		db_rollback(&m->db);
	else if (db_commit(&m->db, e) == -1)
		r = -1;
	return r;
}

static int
fill_clues(struct mail_sqlite *m, struct err *e)
{
	struct filling f = {.record = BUF_INIT};
	int r = prepare(m,
	    "SELECT seq,record FROM mail WHERE seq=(SELECT seq FROM mail"
	    " INDEXED BY mail_find WHERE seq>? AND sender IS NULL"
	    " ORDER BY seq LIMIT 1)",
	    &f.read, e);

	if (r == 0)
		r = prepare(m,
		    "UPDATE mail SET sender=?2,recipient=?3,message_id=?4"
		    " WHERE seq=?1",
		    &f.write, e);
	if (r == 0)
		r = 1;
	while (r == 1)
		r = fill_batch(m, &f, e);
	sqlite3_finalize(f.read);
	sqlite3_finalize(f.write);
	buf_release(&f.record);
	return r;
}

int
mail_sqlite_upgrade(struct state *s, struct err *e)
{
	struct mail_sqlite m = {.state = s};
	int r = db_upgrade(s, "mail", &mail_sqlite_schema, e);

	if (r == -1)
		return -1;
	r = db_open(&m.db, s, "mail", &mail_sqlite_schema, e);
	if (r == 0)
		r = mail_sqlite_make_pace(&m, e);
	if (r == 0)
		r = fill_clues(&m, e);
	if (r == 0 && sqlite3_exec(m.db.sqlite, mail_sqlite_count_again, NULL,
			  NULL, NULL) != SQLITE_OK)
		r = sqlite_failed(&m, "count", e);
	db_close(&m.db);
	return r;
}
