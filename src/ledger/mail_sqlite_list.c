/*
 * The ledger in SQLite: rows by what is asked of them.  The index mail_find has
 * all of it beside the order of arrival, so that a walk touches only the rows
 * it gives.  Each row is copied and its statement reset before the caller sees
 * it: a reader that waits for a slow pipe must not hold a transaction open, for
 * that would stop checkpoints.
 */
#include <string.h>

#include "core/buf.h"
#include "ledger/clue.h"
#include "ledger/clues.h"
#include "ledger/mail_sqlite.h"
#include "ledger/sealed.h"

static const char *
keep(struct buf *b, const char *s, size_t len)
{
	const char *at;

	if (s == NULL)
		return NULL;
	at = b->data + b->len;
	buf_add(b, s, len);
	buf_addch(b, '\0');
	return at;
}

static size_t
length(const char *s)
{
	return s != NULL ? strlen(s) + 1 : 0;
}

void
mail_sqlite_copy_row(sqlite3_stmt *st, struct row_copy *c)
{
	struct mail_row *r = &c->row;

	mail_sqlite_row(st, r);
	c->seq = sqlite3_column_int64(st, 0);
	buf_reset(&c->text);
	/* All the room at once, so that the pointers stay good. */
	buf_grow(&c->text, length(r->id) + length(r->tenant) +
			       length(r->queue) + length(r->class) +
			       length(r->owner) + r->record_len + r->last_len +
			       2);
	r->id = keep(&c->text, r->id, length(r->id) - 1);
	r->tenant = keep(&c->text, r->tenant, length(r->tenant) - 1);
	r->class = keep(&c->text, r->class, length(r->class) - 1);
	if (r->queue != NULL)
		r->queue = keep(&c->text, r->queue, strlen(r->queue));
	if (r->owner != NULL)
		r->owner = keep(&c->text, r->owner, strlen(r->owner));
	r->record = keep(&c->text, r->record, r->record_len);
	r->last = keep(&c->text, r->last, r->last_len);
}

/* Only what is asked for, since each question costs a walk something. */
static void
write_conditions(const struct mail_filter *f, struct buf *sql)
{
	if (f->tenant != NULL)
		buf_addstr(sql, " AND tenant=?2");
	if (f->queue != NULL)
		buf_addstr(sql, " AND queue=?3");
	if (f->state >= 0)
		buf_addstr(sql, " AND state=?4");
	if (f->before != 0)
		buf_addstr(sql, " AND stored_at<?5");
	if (f->after != 0)
		buf_addstr(sql, " AND stored_at>=?6");
	if (f->sender != NULL)
		buf_addstr(sql, " AND sender=?8");
	if (f->recipient != NULL)
		buf_addstr(sql, " AND recipient=?9");
	if (f->message_id != NULL)
		buf_addstr(sql, " AND message_id=?10");
	if (f->is_failed)
		buf_addf(sql, " AND state NOT IN (%d,%d)", MAIL_STORED,
		    MAIL_SUCCEEDED);
	if (f->is_kept)
		buf_addstr(sql, " AND kept=1");
}

void
mail_sqlite_list_sql(const struct mail_filter *f, struct buf *sql)
{
	buf_addstr(sql, "SELECT " ROW_COLUMNS " FROM mail WHERE ");
	if (f->id != NULL) {
		buf_addstr(sql, "id=?7 AND seq>?1");
		write_conditions(f, sql);
		return;
	}
	buf_addstr(
	    sql, "seq=(SELECT seq FROM mail INDEXED BY mail_find WHERE seq>?1");
	write_conditions(f, sql);
	buf_addstr(sql, " ORDER BY seq LIMIT 1)");
}

static void
bind_filter(sqlite3_stmt *st, const struct mail_filter *f)
{
	db_bind_text(st, 2, f->tenant);
	db_bind_text(st, 3, f->queue);
	db_bind_int(st, 4, f->state);
	db_bind_int(st, 5, f->before);
	db_bind_int(st, 6, f->after);
	db_bind_text(st, 7, f->id);
	db_bind_int(st, 8, clue_address(f->sender));
	db_bind_int(st, 9, clue_address(f->recipient));
	db_bind_int(st, 10, clue_message_id(f->message_id));
}

static int
begin_behind(struct row_walk *w, struct err *e)
{
	struct sqlite_found found;
	int r = mail_sqlite_find(w->m, w->filter->behind, &found, e);

	if (r == 1)
		w->at.seq = found.seq;
	return r == -1 ? -1 : 0;
}

/* A walk has a statement of its own: another may go on meanwhile. */
int
mail_sqlite_walk_begin(struct mail_sqlite *m, const struct mail_filter *f,
    struct row_walk *w, struct err *e)
{
	struct buf sql = BUF_INIT;
	int r;

	*w = (struct row_walk){.m = m, .filter = f};
	mail_sqlite_list_sql(f, &sql);
	r = sqlite3_prepare_v2(m->db.sqlite, sql.data, -1, &w->st, NULL);
	buf_release(&sql);
	if (r != SQLITE_OK)
		return err_set(e, ERR_TEMP, "mail.db: list: %s",
		    sqlite3_errmsg(m->db.sqlite));
	bind_filter(w->st, f);
	return f->behind != NULL ? begin_behind(w, e) : 0;
}

static bool
is_wanted(const struct mail_filter *f, const struct mail_row *row)
{
	if (f->sender == NULL && f->recipient == NULL && f->message_id == NULL)
		return true;
	return clues_match(row->record, row->record_len, f->sender,
	    f->recipient, f->message_id);
}

int
mail_sqlite_walk_next(struct row_walk *w, struct err *e)
{
	int r;

	do {
		db_bind_int(w->st, 1, w->at.seq);
		r = db_step(&w->m->db, w->st, e);
		if (r == 1)
			mail_sqlite_copy_row(w->st, &w->at);
		sqlite3_reset(w->st);
		if (r == 1 && !w->filter->is_stored)
			sealed_open_row(
			    w->m->base.state, &w->at.row, &w->opened);
	} while (r == 1 && !is_wanted(w->filter, &w->at.row));
	return r;
}

void
mail_sqlite_walk_end(struct row_walk *w)
{
	sqlite3_finalize(w->st);
	buf_release(&w->at.text);
	buf_release(&w->opened);
}

int
mail_sqlite_list(struct mail_engine *base, const struct mail_filter *f,
    mail_row_fn *fn, void *ctx, struct err *e)
{
	struct row_walk w;
	int r = mail_sqlite_walk_begin((struct mail_sqlite *)base, f, &w, e);

	for (int64_t n = 0; r == 0 && (f->max == 0 || n < f->max); n++) {
		r = mail_sqlite_walk_next(&w, e);
		if (r != 1)
			break;
		r = fn(ctx, &w.at.row, e);
	}
	mail_sqlite_walk_end(&w);
	return r == -1 ? -1 : 0;
}
