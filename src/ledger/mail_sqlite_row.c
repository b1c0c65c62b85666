/* The ledger in SQLite: one row, its history, the end of its lease. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "ledger/mail_sqlite.h"

void
mail_sqlite_row(sqlite3_stmt *st, struct mail_row *row)
{
	*row = (struct mail_row){
	    .id = db_text(st, 1, NULL),
	    .tenant = db_text(st, 2, NULL),
	    .queue = db_text(st, 3, NULL),
	    .state = (enum mail_state)sqlite3_column_int(st, 4),
	    .priority = sqlite3_column_int64(st, 5),
	    .due_at = sqlite3_column_int64(st, 6),
	    .attempts = sqlite3_column_int64(st, 7),
	    .deliveries = sqlite3_column_int64(st, 8),
	    .stored_at = sqlite3_column_int64(st, 9),
	    .updated_at = sqlite3_column_int64(st, 10),
	    .is_interrupted = sqlite3_column_int(st, 11) != 0,
	    .owner = db_text(st, 12, NULL),
	    .queued_at = sqlite3_column_int64(st, 15),
	    .is_kept = sqlite3_column_int(st, 16) != 0,
	};
	row->record = db_text(st, 13, &row->record_len);
	row->last = db_text(st, 14, &row->last_len);
	row->class = db_text(st, 17, NULL);
	row->tries = sqlite3_column_int64(st, 18);
	row->since = sqlite3_column_int64(st, 19);
}

int
mail_sqlite_history_add(struct mail_sqlite *m, int64_t seq,
    const struct mail_history *h, struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_HISTORY_ADD,
	    "INSERT OR IGNORE INTO history VALUES(?,?,?,?,?,?)", e);

	if (st == NULL)
		return -1;
	db_bind_int(st, 1, seq);
	db_bind_int(st, 2, h->delivery);
	db_bind_text(st, 3, h->stage);
	db_bind_int(st, 4, h->attempt);
	db_bind_int(st, 5, h->at);
	db_bind_bytes(st, 6, h->entry, h->entry_len);
	if (db_run(&m->db, st, e) == -1)
		return -1;
	return sqlite3_changes(m->db.sqlite) > 0;
}

static void
copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from != NULL ? from : "");
}

int
mail_sqlite_find(struct mail_sqlite *m, const char *id, struct sqlite_found *f,
    struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_FIND,
	    "SELECT seq,state,deliveries,attempts,unstarted,owner,stage,"
	    "queue,tenant,priority,lane,interrupted,updated_at,since"
	    " FROM mail WHERE id=?",
	    e);
	int r;

	if (st == NULL)
		return -1;
	db_bind_text(st, 1, id);
	r = db_step(&m->db, st, e);
	if (r == 1) {
		f->seq = sqlite3_column_int64(st, 0);
		f->state = (enum mail_state)sqlite3_column_int(st, 1);
		f->deliveries = sqlite3_column_int64(st, 2);
		f->attempts = sqlite3_column_int64(st, 3);
		f->unstarted = sqlite3_column_int64(st, 4);
		copy_text(f->owner, sizeof f->owner, db_text(st, 5, NULL));
		copy_text(f->stage, sizeof f->stage, db_text(st, 6, NULL));
		copy_text(f->place.queue, sizeof f->place.queue,
		    db_text(st, 7, NULL));
		copy_text(f->place.tenant, sizeof f->place.tenant,
		    db_text(st, 8, NULL));
		f->place.priority = sqlite3_column_int64(st, 9);
		f->place.lane = sqlite3_column_int64(st, 10);
		f->interrupted = sqlite3_column_int64(st, 11);
		f->updated_at = sqlite3_column_int64(st, 12);
		f->since = sqlite3_column_int64(st, 13);
	}
	sqlite3_reset(st);
	return r;
}

bool
mail_sqlite_is_held(const struct sqlite_found *f, const struct mail_lease *l)
{
	return f->state == MAIL_LEASED && f->deliveries == l->delivery &&
	       strcmp(f->owner, l->owner) == 0;
}

int
mail_sqlite_end_lease(struct mail_sqlite *m, const struct sqlite_found *f,
    enum mail_state state, bool is_interrupted, bool is_counted, int64_t now,
    struct err *e)
{
	sqlite3_stmt *st = db_prepare(&m->db, SQL_END_LEASE,
	    "UPDATE mail SET state=?2,owner=NULL,stage=NULL,due_at=0,"
	    "interrupted=interrupted+?3,unstarted=unstarted+?4,updated_at=?5,"
	    "class=CASE WHEN ?2=7 THEN '" MAIL_CLASS_INTERRUPTED
	    "' ELSE class END WHERE seq=?1",
	    e);

	if (st == NULL)
		return -1;
	mail_sqlite_moved(m, &f->place, f->state, state);
	db_bind_int(st, 1, f->seq);
	db_bind_int(st, 2, state);
	db_bind_int(st, 3, is_interrupted);
	db_bind_int(st, 4, is_counted);
	db_bind_int(st, 5, now);
	return db_run(&m->db, st, e);
}

int
mail_sqlite_event(struct mail_sqlite *m, const struct sqlite_found *f,
    const char *stage, int64_t now, const char *entry, struct err *e)
{
	struct mail_history h = {
	    .at = now,
	    .delivery = f->deliveries,
	    .attempt = f->attempts,
	    .stage = stage,
	    .entry = entry,
	    .entry_len = strlen(entry),
	};

	return mail_sqlite_history_add(m, f->seq, &h, e) == -1 ? -1 : 0;
}

/* One that is interrupted each time may be what kills us: not at once again. */
static enum mail_state
interrupted_state(const struct mail_sqlite *m, const struct sqlite_found *f)
{
	enum mail_state state = mail_interrupted_state(f->stage);

	if (m->policy != NULL && m->policy->interrupted != NULL)
		state = m->policy->interrupted(
		    m->policy->ctx, f->place.tenant, state);
	if (state == MAIL_READY && f->interrupted + 1 >= MAIL_INTERRUPTED_MAX)
		return MAIL_DEFERRED;
	return state;
}

/*
 * A lease is over and nobody has settled it.  Started: the effect may have
 * happened, and the history says so before anything is run again.  Unstarted
 * too often: something kills the programs that read it.
 */
int
mail_sqlite_lease_over(struct mail_sqlite *m, const struct sqlite_found *f,
    bool is_counted, int64_t now, struct err *e)
{
	char entry[160];

	if (f->stage[0] != '\0') {
		snprintf(entry, sizeof entry,
		    "{\"status\":\"uncertain\",\"stage\":\"%s\",\"reason\":"
		    "\"ended without an outcome\"}",
		    f->stage);
		if (mail_sqlite_event(m, f, ":interrupted", now, entry, e) ==
		    -1)
			return -1;
		return mail_sqlite_end_lease(
		    m, f, interrupted_state(m, f), true, false, now, e);
	}
	if (is_counted && f->unstarted + 1 >= MAIL_UNSTARTED_MAX) {
		if (mail_sqlite_event(m, f, ":dead", now,
			"{\"status\":\"fail\",\"reason\":\"never settled\"}",
			e) == -1)
			return -1;
		return mail_sqlite_end_lease(
		    m, f, MAIL_DEAD, false, is_counted, now, e);
	}
	return mail_sqlite_end_lease(
	    m, f, MAIL_READY, false, is_counted, now, e);
}

int
mail_sqlite_collect(struct mail_sqlite *m, sqlite3_stmt *st,
    struct sqlite_id **ids, size_t *n, struct err *e)
{
	int r;

	*ids = NULL;
	*n = 0;
	while ((r = db_step(&m->db, st, e)) == 1) {
		if (*n % 256 == 0)
			*ids = xrealloc(*ids, *n + 256, sizeof **ids);
		copy_text(
		    (*ids)[*n].id, sizeof(*ids)->id, db_text(st, 0, NULL));
		++*n;
	}
	sqlite3_reset(st);
	return r;
}
