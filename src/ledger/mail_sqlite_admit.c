/* The ledger in SQLite: mail that was in another one, as it was there. */
#include <stdio.h>

#include "core/buf.h"
#include "ledger/mail_sqlite.h"
#include "ledger/sealed.h"

static int
insert_stored(struct mail_sqlite *m, const struct mail_row *r, int64_t lane,
    struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_ADMIT,
	    "INSERT INTO mail(id,tenant,queue,state,priority,due_at,attempts,"
	    "deliveries,interrupted,stored_at,queued_at,updated_at,record,last,"
	    "kept,sender,recipient,message_id,lane,since,class)"
	    " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,"
	    "?16,?17,?18,nullif(?19,0),"
	    "max(?11,CASE WHEN ?4=2 THEN ?6 ELSE 0 END)," CLASS_OF("?14") ")",
	    e);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, r->id);
	db_bind_text(st, 2, r->tenant);
	db_bind_text(st, 3, r->queue);
	db_bind_int(st, 4, r->state);
	db_bind_int(st, 5, r->priority);
	db_bind_int(st, 6, r->due_at);
	db_bind_int(st, 7, r->attempts);
	db_bind_int(st, 8, r->deliveries);
	db_bind_int(st, 9, r->is_interrupted);
	db_bind_int(st, 10, r->stored_at);
	db_bind_int(st, 11, r->queued_at);
	db_bind_int(st, 12, r->updated_at);
	db_bind_bytes(st, 13, r->record, r->record_len);
	if (r->last != NULL)
		db_bind_bytes(st, 14, r->last, r->last_len);
	else
		db_bind_text(st, 14, NULL);
	db_bind_int(st, 15, r->is_kept);
	mail_sqlite_bind_clues(st, 16, r->record, r->record_len);
	db_bind_int(st, 19, lane);
	return db_run(&m->db, st, e);
}

/* Sealed, where there is a public key here. */
static int
insert(struct mail_sqlite *m, const struct mail_row *r, int64_t lane,
    struct err *e)
{
	struct buf sealed = BUF_INIT;
	struct mail_row stored = *r;
	int result =
	    sealed_close(m->base.state, r->record, r->record_len, &sealed, e);

	if (result == 1) {
		stored.record = sealed.data;
		stored.record_len = sealed.len;
	}
	if (result != -1)
		result = insert_stored(m, &stored, lane, e);
	buf_release(&sealed);
	return result;
}

/* What was of no delivery is counted downwards (mail_sqlite_update.c). */
static int
add_history(struct mail_sqlite *m, int64_t seq, const struct mail_image *image,
    struct err *e)
{
	int64_t of_none = 0;

	for (size_t i = 0; i < image->history_n; i++) {
		struct mail_history h = image->history[i];

		if (h.delivery == 0)
			h.delivery = --of_none;
		if (mail_sqlite_history_add(m, seq, &h, e) == -1)
			return -1;
	}
	return 0;
}

static int
admit_one(struct mail_sqlite *m, struct mail_image *image, struct err *e)
{
	const struct mail_row *row = &image->row;
	struct sqlite_place place = {.priority = row->priority};
	struct sqlite_found f;
	int r = mail_sqlite_find(m, row->id, &f, e);

	image->is_there = r == 1;
	if (r != 0)
		return r == 1 ? 0 : -1;
	snprintf(place.queue, sizeof place.queue, "%s",
	    row->queue != NULL ? row->queue : "");
	snprintf(place.tenant, sizeof place.tenant, "%s", row->tenant);
	if (row->queue != NULL && mail_sqlite_lane(m, &place, e) == -1)
		return -1;
	mail_sqlite_came(m, &place, row->state);
	if (insert(m, row, place.lane, e) == -1)
		return -1;
	return add_history(
	    m, sqlite3_last_insert_rowid(m->db.sqlite), image, e);
}

int
mail_sqlite_admit(struct mail_engine *base, struct mail_image *images, size_t n,
    struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	int r = 0;

	if (db_begin(&m->db, e) == -1)
		return -1;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = admit_one(m, &images[i], e);
	return mail_sqlite_end(m, r, e);
}
