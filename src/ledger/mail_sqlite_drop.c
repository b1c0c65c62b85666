/* The ledger in SQLite: mail that is not wanted any more. */
#include "ledger/mail_sqlite.h"

/* Neither done nor being worked on. */
static bool
is_waiting(enum mail_state state)
{
	switch (state) {
	case MAIL_STORED:
	case MAIL_READY:
	case MAIL_SCHEDULED:
	case MAIL_DEAD:
	case MAIL_DEFERRED:
	case MAIL_PARKED:
		return true;
	default:
		return false;
	}
}

static int
drop_one(struct mail_sqlite *m, struct mail_drop *d, int64_t now, struct err *e)
{
	struct sqlite_found f;
	int r = mail_sqlite_find(m, d->id, &f, e);

	if (r == -1)
		return -1;
	d->is_dropped = r == 1 && is_waiting(f.state);
	if (!d->is_dropped)
		return 0;
	if (mail_sqlite_event(m, &f, ":dropped", now, d->entry, e) == -1)
		return -1;
	return mail_sqlite_end_lease(m, &f, MAIL_DROPPED, false, false, now, e);
}

int
mail_sqlite_drop(struct mail_engine *base, struct mail_drop *drops, size_t n,
    int64_t now, struct err *e)
{
	struct mail_sqlite *m = (struct mail_sqlite *)base;
	int r = 0;

	if (db_begin(&m->db, e) == -1)
		return -1;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = drop_one(m, &drops[i], now, e);
	return mail_sqlite_end(m, r, e);
}
