/*
 * The ledger in SQLite: mail that goes for good.  In one transaction the row
 * goes and its blobs' names come into the table doomed; who has removed the
 * files takes them out again.  So there is no row without a blob at any time,
 * and no file that nobody remembers.
 */
#include "core/json.h"
#include "ledger/mail_sqlite.h"
#include "ledger/owned.h"

static int
doom(void *ctx, const struct owned *blob, struct err *e)
{
	struct mail_sqlite *m = ctx;
	sqlite3_stmt *st = db_prepare(
	    &m->db, SQL_DOOM, "INSERT OR IGNORE INTO doomed VALUES(?)", e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, blob->ref);
	return db_run(&m->db, st, e);
}

/* The row's record, if it may go.  1, 0, -1. */
static int
read_removable(
    struct mail_sqlite *m, struct mail_remove *r, json *rec, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_REMOVABLE,
	    "SELECT record FROM mail WHERE id=?1 AND state=?2 AND updated_at<?3"
	    " AND kept=0 AND state!=3",
	    e);
	struct err bad = ERR_INIT;
	const char *text;
	size_t len;
	int found;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, r->id);
	db_bind_int(st, 2, r->state);
	db_bind_int(st, 3, r->before);
	found = db_step(&m->db, st, e);
	if (found == 1) {
		text = db_text(st, 0, &len);
		r->is_damaged = json_parse(text, len, rec, &bad) == -1;
		if (r->is_damaged)
			found = 0;
	}
	sqlite3_reset(st);
	return found;
}

static int
remove_rows(struct mail_sqlite *m, const struct sqlite_found *f, struct err *e)
{
	sqlite3_stmt *history = db_prepare(
	    &m->db, SQL_REMOVE_HISTORY, "DELETE FROM history WHERE seq=?", e);
	sqlite3_stmt *row =
	    db_prepare(&m->db, SQL_REMOVE, "DELETE FROM mail WHERE seq=?", e);

	if (history == NULL || row == NULL)
		return -1;
	db_bind_int(history, 1, f->seq);
	db_bind_int(row, 1, f->seq);
	if (db_run(&m->db, history, e) == -1)
		return -1;
	mail_sqlite_left(m, &f->place, f->state);
	return db_run(&m->db, row, e);
}

static int
remove_one(struct mail_sqlite *m, struct mail_remove *r, struct err *e)
{
	struct sqlite_found f;
	json rec = json_none();
	int found = read_removable(m, r, &rec, e);

	r->is_removed = found == 1;
	if (found != 1)
		return found;
	found = mail_sqlite_find(m, r->id, &f, e) == 1
		    ? owned_each(rec, doom, m, e)
		    : -1;
	json_free(rec);
	return found == 0 ? remove_rows(m, &f, e) : -1;
}

int
mail_sqlite_remove(struct mail_engine *base, struct mail_remove *removes,
    size_t n, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	int r = 0;

	if (db_begin(&m->db, e) == -1)
		return -1;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = remove_one(m, &removes[i], e);
	return mail_sqlite_end(m, r, e);
}

int
mail_sqlite_doomed(
    struct mail_engine *base, mail_ref_fn *fn, void *ctx, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	sqlite3_stmt *st = db_prepare(&m->db, SQL_DOOMED,
	    "SELECT ref FROM doomed ORDER BY ref LIMIT 1000", e);
	int r;

	if (st == NULL)
		return -1;
	while ((r = db_step(&m->db, st, e)) == 1)
		if (fn(ctx, db_text(st, 0, NULL), e) == -1) {
			r = -1;
			break;
		}
	sqlite3_reset(st);
	return r;
}

static int
forget(struct mail_sqlite *m, const char *ref, struct err *e)
{
	sqlite3_stmt *st =
	    db_prepare(&m->db, SQL_GONE, "DELETE FROM doomed WHERE ref=?", e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, ref);
	return db_run(&m->db, st, e);
}

int
mail_sqlite_gone(
    struct mail_engine *base, const char *const *refs, size_t n, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	int r = 0;

	if (db_begin(&m->db, e) == -1)
		return -1;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = forget(m, refs[i], e);
	return mail_sqlite_end(m, r, e);
}
