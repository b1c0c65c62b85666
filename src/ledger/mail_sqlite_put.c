/* The ledger in SQLite: mail that comes in. */
#include <stdio.h>

#include "core/buf.h"
#include "ledger/clues.h"
#include "ledger/mail_sqlite.h"
#include "ledger/merge.h"
#include "ledger/sealed.h"

static enum mail_state
put_state(const struct mail_put *p)
{
	if (p->queue == NULL)
		return MAIL_STORED;
	return p->ready_at > p->at ? MAIL_SCHEDULED : MAIL_READY;
}

static int
place_of(struct mail_sqlite *m, const struct mail_put *p,
    struct sqlite_place *place, struct err *e)
{
	*place = (struct sqlite_place){.priority = p->priority};
	snprintf(place->tenant, sizeof place->tenant, "%s", p->tenant);
	if (p->queue == NULL)
		return 0;
	snprintf(place->queue, sizeof place->queue, "%s", p->queue);
	return mail_sqlite_lane(m, place, e);
}

static void
bind_lane(sqlite3_stmt *st, int i, const struct sqlite_place *place)
{
	if (place->lane != 0)
		db_bind_int(st, i, place->lane);
	else
		db_bind_text(st, i, NULL);
}

void
mail_sqlite_bind_clues(
    sqlite3_stmt *st, int i, const char *record, size_t record_len)
{
	struct clues c = clues_of(record, record_len);

	db_bind_int(st, i, c.sender);
	db_bind_int(st, i + 1, c.recipient);
	db_bind_int(st, i + 2, c.message_id);
}

static int
insert(struct mail_sqlite *m, const struct mail_put *p, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_INSERT,
	    "INSERT INTO mail(id,tenant,queue,state,priority,due_at,stored_at,"
	    "queued_at,updated_at,record,sender,recipient,message_id,lane,"
	    "since) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?7,?9,?10,?11,?12,?13,"
	    "max(?6,?8))",
	    e);
	enum mail_state state = put_state(p);
	struct sqlite_place place;

	if (st == NULL || place_of(m, p, &place, e) == -1)
		return -1;
	mail_sqlite_came(m, &place, state);
	db_bind_text(st, 1, p->id);
	db_bind_text(st, 2, p->tenant);
	db_bind_text(st, 3, p->queue);
	db_bind_int(st, 4, state);
	db_bind_int(st, 5, p->priority);
	db_bind_int(st, 6, state == MAIL_SCHEDULED ? p->ready_at : 0);
	db_bind_int(st, 7, p->at);
	db_bind_int(st, 8, p->queue != NULL ? p->at : 0);
	db_bind_bytes(st, 9, p->record, p->record_len);
	mail_sqlite_bind_clues(st, 10, p->record, p->record_len);
	bind_lane(st, 13, &place);
	return db_run(&m->db, st, e);
}

/* The record that was stored, into text. */
static int
read_record(struct mail_sqlite *m, int64_t seq, struct buf *text, struct err *e)
{
	sqlite3_stmt *st = db_prepare(
	    &m->db, SQL_RECORD, "SELECT record FROM mail WHERE seq=?", e);
	const char *s;
	size_t len;
	int r;

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, seq);
	r = db_step(&m->db, st, e);
	if (r == 1) {
		s = db_text(st, 0, &len);
		buf_add(text, s, len);
	}
	sqlite3_reset(st);
	return r == -1 ? -1 : 0;
}

/* stored becomes ready or scheduled; nothing else does. */
static int
make_ready(struct mail_sqlite *m, const struct mail_put *p,
    const struct sqlite_found *f, struct merge_text record, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_ENQUEUE,
	    "UPDATE mail SET tenant=?2,queue=?3,state=?4,priority=?5,due_at=?6,"
	    "queued_at=?7,updated_at=?7,record=?8,sender=?9,recipient=?10,"
	    "message_id=?11,lane=?12,since=max(?6,?7) WHERE seq=?1",
	    e);
	enum mail_state state = put_state(p);
	struct sqlite_place place;

	if (st == NULL || place_of(m, p, &place, e) == -1)
		return -1;
	mail_sqlite_left(m, &f->place, f->state);
	mail_sqlite_came(m, &place, state);
	db_bind_int(st, 1, f->seq);
	db_bind_text(st, 2, p->tenant);
	db_bind_text(st, 3, p->queue);
	db_bind_int(st, 4, state);
	db_bind_int(st, 5, p->priority);
	db_bind_int(st, 6, state == MAIL_SCHEDULED ? p->ready_at : 0);
	db_bind_int(st, 7, p->at);
	db_bind_bytes(st, 8, record.data, record.len);
	mail_sqlite_bind_clues(st, 9, record.data, record.len);
	bind_lane(st, 12, &place);
	return db_run(&m->db, st, e);
}

static int
enqueue(struct mail_sqlite *m, const struct mail_put *p,
    const struct sqlite_found *f, struct err *e)
{
	struct buf stored = BUF_INIT, merged = BUF_INIT;
	struct merge_text record = {p->record, p->record_len};
	int r = read_record(m, f->seq, &stored, e);

	if (r == 0)
		r = merge_blobs((struct merge_text){stored.data, stored.len},
		    record, &merged, e);
	if (r == 1)
		record = (struct merge_text){merged.data, merged.len};
	if (r == -1)
		e->class = ERR_TEMP; /* who wrote it had checked it */
	else
		r = make_ready(m, p, f, record, e);
	buf_release(&stored);
	buf_release(&merged);
	return r;
}

static int
put_stored(struct mail_sqlite *m, const struct mail_put *p, struct err *e)
{
	struct sqlite_found f;
	int r = mail_sqlite_find(m, p->id, &f, e);

	if (r == -1)
		return -1;
	if (r == 0)
		return insert(m, p, e);
	if (p->queue == NULL || f.state != MAIL_STORED)
		return 0;
	return enqueue(m, p, &f, e);
}

/* It comes sealed, unless it was received before there was a key. */
static int
put_one(struct mail_sqlite *m, const struct mail_put *p, struct err *e)
{
	struct buf sealed = BUF_INIT;
	struct mail_put stored = *p;
	int r =
	    sealed_close(m->base.state, p->record, p->record_len, &sealed, e);

	if (r == 1) {
		stored.record = sealed.data;
		stored.record_len = sealed.len;
	}
	if (r != -1)
		r = put_stored(m, &stored, e);
	buf_release(&sealed);
	return r;
}

int
mail_sqlite_put(struct mail_engine *base, const struct mail_put *puts, size_t n,
    struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	int r = 0;

	if (db_begin(&m->db, e) == -1)
		return -1;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = put_one(m, &puts[i], e);
	return mail_sqlite_end(m, r, e);
}
