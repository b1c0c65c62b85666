/* The ledger in SQLite: rows that are older than what has happened. */
#include <string.h>

#include "core/json.h"
#include "ledger/mail_sqlite.h"

enum {
	BATCH = 1000, /* rows of one transaction */
};

/* Is it to be sent, rather than handled? */
static bool
is_outbound(const struct mail_row *row)
{
	struct err bad = ERR_INIT;
	bool has_mail;
	json rec;

	if (json_parse(row->record, row->record_len, &rec, &bad) == -1)
		return true; /* nothing is to be done with it unseen */
	has_mail = json_has(rec, "mail");
	json_free(rec);
	return has_mail;
}

/* What it becomes; MAIL_STATES: it has ended, and stays. */
static enum mail_state
doubted_state(const struct mail_row *row, const struct mail_policy *policy)
{
	enum mail_state wanted;

	switch (row->state) {
	case MAIL_STORED:
	case MAIL_READY:
	case MAIL_SCHEDULED:
	case MAIL_DEFERRED:
	case MAIL_LEASED:
		break;
	default:
		return MAIL_STATES;
	}
	if (row->state == MAIL_STORED)
		return MAIL_STORED;
	wanted = mail_interrupted_state(
	    is_outbound(row) ? "mail-send" : "mail-dispatch");
	if (policy != NULL && policy->interrupted != NULL)
		wanted = policy->interrupted(policy->ctx, row->tenant, wanted);
	if (wanted == MAIL_PARKED)
		return MAIL_PARKED;
	return row->state == MAIL_LEASED ? MAIL_READY : row->state;
}

static int
write_doubt(struct mail_sqlite *m, int64_t seq, enum mail_state state,
    int64_t now, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_DOUBT,
	    "UPDATE mail SET state=?2,interrupted=1,owner=NULL,stage=NULL,"
	    "due_at=CASE WHEN ?2=state THEN due_at ELSE 0 END,updated_at=?3"
	    " WHERE seq=?1",
	    e);

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, seq);
	db_bind_int(st, 2, state);
	db_bind_int(st, 3, now);
	return db_run(&m->db, st, e);
}

static int
doubt_row(struct mail_sqlite *m, const char *id, enum mail_state state,
    int64_t now, struct err *e)
{
	static const char entry[] =
	    "{\"status\":\"uncertain\",\"reason\":\"it may have been worked on "
	    "after the backup\"}";
	struct sqlite_found f;

	if (mail_sqlite_find(m, id, &f, e) != 1)
		return -1;
	mail_sqlite_moved(m, &f.place, f.state, state);
	if (write_doubt(m, f.seq, state, now, e) == -1)
		return -1;
	return mail_sqlite_free_event(
	    m, id, ":restored", now, entry, strlen(entry), e);
}

/* 1 there may be more, 0 these were the last, -1. */
static int
doubt_batch(struct row_walk *w, const struct mail_policy *policy, int64_t now,
    struct mail_doubts *out, struct err *e)
{
	int r = 1;

	for (int i = 0; r == 1 && i < BATCH; i++) {
		const struct mail_row *row = &w->at.row;
		enum mail_state state;

		r = mail_sqlite_walk_next(w, e);
		if (r != 1)
			break;
		state = doubted_state(row, policy);
		if (state == MAIL_STATES)
			continue;
		out->parked += state == MAIL_PARKED;
		out->marked += state != MAIL_PARKED;
		if (doubt_row(w->m, row->id, state, now, e) == -1)
			r = -1;
	}
	return r;
}

int
mail_sqlite_doubt(struct mail_engine *base, const struct mail_policy *policy,
    int64_t now, struct mail_doubts *out, struct err *e)
{
	static const struct mail_filter all = {.state = -1};
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	struct row_walk w;
	int r = mail_sqlite_walk_begin(m, &all, &w, e) == 0 ? 1 : -1;

	*out = (struct mail_doubts){0};
	while (r == 1) {
		if (db_begin(&m->db, e) == -1) {
			r = -1;
			break;
		}
		r = doubt_batch(&w, policy, now, out, e);
		if (mail_sqlite_end(m, r == -1 ? -1 : 0, e) == -1)
			r = -1;
	}
	mail_sqlite_walk_end(&w);
	return r;
}
