/* The ledger in SQLite: mail that comes in. */
#include <stdlib.h>

#include "core/buf.h"
#include "queue/mail_sqlite.h"

static enum mail_state
put_state(const struct mail_put *p)
{
	if (p->queue == NULL)
		return MAIL_STORED;
	return p->ready_at > p->at ? MAIL_SCHEDULED : MAIL_READY;
}

static int
insert(struct mail_sqlite *m, const struct mail_put *p, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_INSERT,
	    "INSERT INTO mail(id,tenant,queue,state,priority,due_at,stored_at,"
	    "queued_at,updated_at,record)"
	    " VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?7,?9)",
	    e);
	enum mail_state state = put_state(p);

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, p->id);
	db_bind_text(st, 2, p->tenant);
	db_bind_text(st, 3, p->queue);
	db_bind_int(st, 4, state);
	db_bind_int(st, 5, p->priority);
	db_bind_int(st, 6, state == MAIL_SCHEDULED ? p->ready_at : 0);
	db_bind_int(st, 7, p->at);
	db_bind_int(st, 8, p->queue != NULL ? p->at : 0);
	db_bind_bytes(st, 9, p->record, p->record_len);
	return db_run(&m->db, st, e);
}

/*
 * stored becomes ready or scheduled; nothing else does.  The record may have
 * changed on its way here, but the blobs are those that were stored, and with
 * them digest and size: when an MTA tries again, its From line is another.
 */
static int
make_ready(
    struct mail_sqlite *m, const struct mail_put *p, int64_t seq, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_ENQUEUE,
	    "UPDATE mail SET tenant=?2,queue=?3,state=?4,priority=?5,due_at=?6,"
	    "queued_at=?7,updated_at=?7,record=CASE"
	    " WHEN json_extract(record,'$.blob') IS NULL THEN ?8"
	    " ELSE json_patch(?8,(SELECT json_group_object(key,"
	    "CASE type WHEN 'object' THEN json(value) ELSE value END)"
	    " FROM json_each(record) WHERE key IN('blob','digest','size')))"
	    " END"
	    " WHERE seq=?1",
	    e);
	enum mail_state state = put_state(p);

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, seq);
	db_bind_text(st, 2, p->tenant);
	db_bind_text(st, 3, p->queue);
	db_bind_int(st, 4, state);
	db_bind_int(st, 5, p->priority);
	db_bind_int(st, 6, state == MAIL_SCHEDULED ? p->ready_at : 0);
	db_bind_int(st, 7, p->at);
	db_bind_bytes(st, 8, p->record, p->record_len);
	return db_run(&m->db, st, e);
}

/*
 * "message.parts" of a record that is put, with the blobs that the stored one
 * has in its parts; the caller frees it.  NULL when it has none.
 */
static int
find_part_blobs(struct mail_sqlite *m, const struct mail_put *p, int64_t seq,
    char **parts, struct err *e)
{
	/* An element of any type may stand there: its value alone is no JSON.
	 */
	sqlite3_stmt *st = db_prepare(&m->db, SQL_PART_BLOBS,
	    "SELECT json_group_array(json_patch("
	    "CASE 'object' WHEN n.type THEN n.value WHEN s.type THEN s.value"
	    " ELSE '{}' END,"
	    "json_object('blob',record->(s.fullkey||'.blob'))))"
	    " FROM mail,json_each(record,'$.message.parts') s"
	    " LEFT JOIN json_each(?2,'$.message.parts') n ON n.key=s.key"
	    " WHERE seq=?1 AND (record LIKE '%\"blob\":{%\"blob\":{%'"
	    " OR json_type(record,'$.blob') IS NULL)"
	    " HAVING count(record->(s.fullkey||'.blob'))>0",
	    e);
	int r;

	*parts = NULL;
	if (st == NULL)
		return -1;
	db_bind_int(st, 1, seq);
	db_bind_bytes(st, 2, p->record, p->record_len);
	r = db_step(&m->db, st, e);
	if (r == 1)
		*parts = xstrdup(db_text(st, 0, NULL));
	sqlite3_reset(st);
	return r == -1 ? -1 : 0;
}

static int
set_parts(struct mail_sqlite *m, int64_t seq, const char *parts, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_SET_PARTS,
	    "UPDATE mail SET record=json_patch(record,"
	    "json_object('message',json_object('parts',json(?2))))"
	    " WHERE seq=?1",
	    e);

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, seq);
	db_bind_text(st, 2, parts);
	return db_run(&m->db, st, e);
}

static int
enqueue(
    struct mail_sqlite *m, const struct mail_put *p, int64_t seq, struct err *e)
{
	char *parts;
	int r = find_part_blobs(m, p, seq, &parts, e);

	if (r == 0)
		r = make_ready(m, p, seq, e);
	if (r == 0 && parts != NULL)
		r = set_parts(m, seq, parts, e);
	free(parts);
	return r;
}

static int
put_one(struct mail_sqlite *m, const struct mail_put *p, struct err *e)
{
	struct sqlite_found f;
	int r = mail_sqlite_find(m, p->id, &f, e);

	if (r == -1)
		return -1;
	if (r == 0)
		return insert(m, p, e);
	if (p->queue == NULL || f.state != MAIL_STORED)
		return 0;
	return enqueue(m, p, f.seq, e);
}

int
mail_sqlite_put(struct mail_engine *base, const struct mail_put *puts, size_t n,
    struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;

	if (db_begin(&m->db, e) == -1)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (put_one(m, &puts[i], e) == -1) {
			db_rollback(&m->db);
			return -1;
		}
	return db_commit(&m->db, e);
}
