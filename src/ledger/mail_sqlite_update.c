/* The ledger in SQLite: records made anew, legal holds. */
#include <sodium/utils.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "ledger/mail_sqlite.h"
#include "ledger/sealed.h"

/* 1 replaced, 0 it is another by now or there is none, -1 error. */
static int
replace_stored(
    struct mail_sqlite *m, const struct mail_update *u, struct err *e)
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

/* The record as it is stored; 1, 0 there is none, -1. */
static int
read_stored(
    struct mail_sqlite *m, const char *id, struct buf *stored, struct err *e)
{
	sqlite3_stmt *st = db_prepare(
	    &m->db, SQL_RECORD_OF, "SELECT record FROM mail WHERE id=?", e);
	const char *s;
	size_t len;
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, id);
	r = db_step(&m->db, st, e);
	if (r == 1) {
		s = db_text(st, 0, &len);
		buf_add(stored, s, len);
	}
	sqlite3_reset(st);
	return r;
}

/* Seal the new record as the old one was: with the data key that it has. */
static int
seal_alike(struct mail_sqlite *m, const struct mail_update *u,
    const struct buf *stored, struct buf *sealed, struct err *e)
{
	struct buf was = BUF_INIT;
	struct seal_data_key key;
	const struct seal_ring *ring;
	json rec;
	int r = state_ring(m->base.state, &ring, e);

	if (r == 0)
		r = sealed_read(
		    ring, u->id, stored->data, stored->len, &was, &key, e);
	if (r == 1 && (was.len == 0 || was.len != u->was_len ||
			  memcmp(was.data, u->was, was.len) != 0))
		r = 0;
	if (r == 1)
		r = json_parse(u->record, u->record_len, &rec, e) == -1 ? -1
									: 1;
	if (r == 1) {
		r = sealed_write(&key, rec, sealed, e) == -1 ? -1 : 1;
		json_free(rec);
	}
	sodium_memzero(&key, sizeof key);
	buf_release(&was);
	return r;
}

/* Replace a record that is sealed, or is to be. */
static int
replace_sealed(
    struct mail_sqlite *m, const struct mail_update *u, struct err *e)
{
	struct buf stored = BUF_INIT, sealed = BUF_INIT;
	struct mail_update form = *u;
	int r = read_stored(m, u->id, &stored, e);

	if (r == 1 && sealed_is(stored.data, stored.len)) {
		form.was = stored.data;
		form.was_len = stored.len;
		r = seal_alike(m, u, &stored, &sealed, e);
	} else if (r == 1) {
		r = sealed_close(m->base.state, u->record, u->record_len,
			&sealed, e) == -1
			? -1
			: 1;
	}
	if (sealed.len > 0) {
		form.record = sealed.data;
		form.record_len = sealed.len;
	}
	if (r == 1)
		r = replace_stored(m, &form, e);
	buf_release(&stored);
	buf_release(&sealed);
	return r;
}

static int
replace(struct mail_sqlite *m, const struct mail_update *u, struct err *e)
{
	if (u->is_stored || !seal_is_configured(&m->base.state->config))
		return replace_stored(m, u, e);
	return replace_sealed(m, u, e);
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
	if (r == 1 && !u->is_stored)
		return mail_sqlite_free_event(
		    m, u->id, u->stage, now, u->entry, u->entry_len, e);
	return r == -1 ? -1 : 0;
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
