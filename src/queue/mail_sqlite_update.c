/* The ledger in SQLite: records made anew, legal holds. */
#include <string.h>

#include "queue/mail_sqlite.h"

/* 1 replaced, 0 it is another by now or there is none, -1 error. */
static int
replace(struct mail_sqlite *m, const struct mail_update *u, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_UPDATE,
	    "UPDATE mail SET record=?3,sender=?4,recipient=?5,message_id=?6"
	    " WHERE id=?1 AND record=?2",
	    e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, u->id);
	db_bind_bytes(st, 2, u->was, u->was_len);
	db_bind_bytes(st, 3, u->record, u->record_len);
	mail_sqlite_bind_clues(st, 4, u->record, u->record_len);
	if (db_run(&m->db, st, e) == -1)
		return -1;
	return sqlite3_changes(m->db.sqlite) > 0;
}

/*
 * What belongs to no delivery can happen again, so these are counted: -1, -2 …
 * stand where else the delivery does.
 */
int
mail_sqlite_free_event(struct mail_sqlite *m, const char *id, const char *stage,
    int64_t now, const char *entry, size_t entry_len, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_EVENT_ADD,
	    "INSERT INTO history SELECT seq,"
	    "(SELECT min(0,ifnull(min(delivery),0))-1 FROM history h"
	    " WHERE h.seq=mail.seq),?2,0,?3,?4"
	    " FROM mail WHERE id=?1",
	    e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, id);
	db_bind_text(st, 2, stage);
	db_bind_int(st, 3, now);
	db_bind_bytes(st, 4, entry, entry_len);
	return db_run(&m->db, st, e);
}

static int
update_one(
    struct mail_sqlite *m, struct mail_update *u, int64_t now, struct err *e)
{
	int r = replace(m, u, e);

	u->is_lost = r == 0;
	return r == 1 ? mail_sqlite_free_event(
			    m, u->id, u->stage, now, u->entry, u->entry_len, e)
		      : r;
}

int
mail_sqlite_update(struct mail_engine *base, struct mail_update *updates,
    size_t n, int64_t now, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;

	int r = 0;

	if (db_begin(&m->db, e) == -1)
		return -1;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = update_one(m, &updates[i], now, e);
	return mail_sqlite_end(m, r, e);
}

static int
keep_one(struct mail_sqlite *m, struct mail_keep *k, int64_t now, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_KEEP,
	    "UPDATE mail SET kept=?2 WHERE id=?1 AND kept!=?2", e);
	struct sqlite_found f;
	int r = mail_sqlite_find(m, k->id, &f, e);

	k->is_unknown = r == 0;
	if (r != 1 || st == NULL)
		return r == 0 ? 0 : -1;
	db_bind_text(st, 1, k->id);
	db_bind_int(st, 2, k->is_kept);
	if (db_run(&m->db, st, e) == -1)
		return -1;
	if (sqlite3_changes(m->db.sqlite) == 0)
		return 0;
	return mail_sqlite_free_event(m, k->id,
	    k->is_kept ? ":kept" : ":released", now, k->entry, strlen(k->entry),
	    e);
}

int
mail_sqlite_keep(struct mail_engine *base, struct mail_keep *keeps, size_t n,
    int64_t now, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	int r = 0;

	if (db_begin(&m->db, e) == -1)
		return -1;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = keep_one(m, &keeps[i], now, e);
	return mail_sqlite_end(m, r, e);
}
