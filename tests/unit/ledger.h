/*
 * A ledger engine under test, with one call a step: for the suites that every
 * engine of ledger/mail.h must pass.  Included by one test program each.
 */
#ifndef TESTS_UNIT_LEDGER_H
#define TESTS_UNIT_LEDGER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "ledger/mail.h"
#include "store/state.h"

enum {
	LEASE_MS = 1000,
	ROWS_MAX = 64,
};

/* What the tests look at of a row; strings are copies. */
struct seen {
	char id[ID_MAX + 1], owner[ID_TEXT];
	enum mail_state state;
	int64_t priority, due_at, attempts, deliveries;
	bool is_interrupted;
};

struct ledger {
	const char *spec;
	struct state state;
	struct mail_engine *m;
	int64_t now;
	/* What the last take or list gave. */
	struct seen rows[ROWS_MAX];
	size_t n;
	struct buf record; /* of the last of them */
	struct buf history; /* the last one: "stored queued start …" */
	bool is_retried; /* what settle says is uncertain */
};

static int failures;

static inline bool
check(bool ok, const char *what, const char *spec, int line)
{
	if (!ok) {
		fprintf(
		    stderr, "line %d: %s: not true: %s\n", line, spec, what);
		failures++;
	}
	return ok;
}

#define CHECK(l, condition) check(condition, #condition, (l)->spec, __LINE__)

/* Open spec on the state directory dir, which is made when it is missing. */
static inline void
ledger_open(struct ledger *l, const char *spec, const char *dir)
{
	struct err e = ERR_INIT;

	*l = (struct ledger){.spec = spec, .now = 1000000};
	setenv("MAILPIPE_STATE", dir, 1);
	if (state_open(&l->state, &e) == 0)
		l->m = mail_open(&l->state, spec, &e);
	if (l->m == NULL) {
		fprintf(stderr, "%s: %s\n", spec, e.text);
		exit(1);
	}
}

static inline void
ledger_close(struct ledger *l)
{
	mail_close(l->m);
	state_close(&l->state);
	buf_release(&l->record);
	buf_release(&l->history);
}

/* An operation that must work. */
static inline void
must(struct ledger *l, int r, const struct err *e, const char *what)
{
	if (r != -1)
		return;
	fprintf(stderr, "%s: %s: %s\n", l->spec, what, e->text);
	failures++;
}

static inline int
keep_row(void *ctx, const struct mail_row *row, struct err *e)
{
	struct ledger *l = ctx;
	struct seen *s;

	if (l->n == ROWS_MAX)
		return err_set(e, ERR_TEMP, "too many rows for the test");
	s = &l->rows[l->n++];
	*s = (struct seen){
	    .state = row->state,
	    .priority = row->priority,
	    .due_at = row->due_at,
	    .attempts = row->attempts,
	    .deliveries = row->deliveries,
	    .is_interrupted = row->is_interrupted,
	};
	snprintf(s->id, sizeof s->id, "%s", row->id);
	snprintf(s->owner, sizeof s->owner, "%s",
	    row->owner != NULL ? row->owner : "");
	buf_reset(&l->record);
	buf_add(&l->record, row->record, row->record_len);
	return 0;
}

/* Put at l->now. */
static inline void
put_record(
    struct ledger *l, const char *id, const char *queue, const char *record)
{
	struct err e = ERR_INIT;
	struct mail_put p = {
	    .id = id,
	    .tenant = "ne-001",
	    .queue = queue,
	    .at = l->now,
	    .record = record,
	    .record_len = strlen(record),
	};

	must(l, l->m->ops->put(l->m, &p, 1, &e), &e, "put");
}

/* {"id":ID}, put at l->now. */
static inline void
put(struct ledger *l, const char *id, const char *queue, int64_t priority,
    int64_t ready_at)
{
	struct err e = ERR_INIT;
	char record[ID_MAX + 16];
	struct mail_put p = {
	    .id = id,
	    .tenant = "ne-001",
	    .queue = queue,
	    .priority = priority,
	    .ready_at = ready_at,
	    .at = l->now,
	    .record = record,
	};

	p.record_len =
	    (size_t)snprintf(record, sizeof record, "{\"id\":\"%s\"}", id);
	must(l, l->m->ops->put(l->m, &p, 1, &e), &e, "put");
}

/* At most max rows of a queue into l->rows.  How many there were. */
static inline size_t
take(struct ledger *l, const char *queue, const char *owner, size_t max)
{
	struct err e = ERR_INIT;
	struct mail_take how = {
	    .queue = queue,
	    .owner = owner,
	    .max = max,
	    .now = l->now,
	    .lease_ms = LEASE_MS,
	};

	l->n = 0;
	must(l, l->m->ops->take(l->m, &how, keep_row, l, &e), &e, "take");
	return l->n;
}

static inline struct mail_lease
lease(const char *id, const char *owner, int64_t delivery)
{
	struct mail_lease l = {.delivery = delivery};

	snprintf(l.id, sizeof l.id, "%s", id);
	snprintf(l.owner, sizeof l.owner, "%s", owner);
	return l;
}

/* The attempt, 0 when the lease is lost. */
static inline int64_t
start(struct ledger *l, const char *stage, struct mail_lease held)
{
	struct err e = ERR_INIT;
	struct mail_start s = {.lease = held, .until = l->now + LEASE_MS};

	must(l, l->m->ops->start(l->m, stage, &s, 1, l->now, &e), &e, "start");
	return s.is_lost ? 0 : s.attempt;
}

/* "" it was written, "stale", "unknown". */
static inline const char *
settle(struct ledger *l, const char *stage, enum mail_status status,
    struct mail_lease held)
{
	static const char result[] = "{\"status\":\"…\"}";
	struct err e = ERR_INIT;
	struct mail_settle s = {
	    .lease = held,
	    .status = status,
	    .stage = stage,
	    .after_ms = 500,
	    .is_retried = l->is_retried,
	};

	if (status != STATUS_NONE) {
		s.result = result;
		s.result_len = strlen(result);
	}
	must(l, l->m->ops->settle(l->m, &s, 1, l->now, &e), &e, "settle");
	return s.is_unknown ? "unknown" : s.is_stale ? "stale" : "";
}

static inline void
give_back(struct ledger *l, const char *owner, bool is_counted)
{
	struct err e = ERR_INIT;

	must(l, l->m->ops->give_back(l->m, owner, is_counted, l->now, &e), &e,
	    "give_back");
}

static inline void
renew(struct ledger *l, const char *owner)
{
	struct err e = ERR_INIT;

	must(l, l->m->ops->renew(l->m, owner, l->now + LEASE_MS, &e), &e,
	    "renew");
}

static inline struct mail_leases
leases(struct ledger *l, const char *owner)
{
	struct mail_leases out = {0};
	struct err e = ERR_INIT;

	must(l, l->m->ops->leases(l->m, owner, l->now, &out, &e), &e, "leases");
	return out;
}

/* The rows that pass into l->rows.  How many. */
static inline size_t
list(struct ledger *l, struct mail_filter f)
{
	struct err e = ERR_INIT;

	l->n = 0;
	must(l, l->m->ops->list(l->m, &f, keep_row, l, &e), &e, "list");
	return l->n;
}

static inline struct seen
row(struct ledger *l, const char *id)
{
	struct mail_filter f = {.id = id, .state = -1};

	if (list(l, f) != 1)
		return (struct seen){.state = MAIL_STATES};
	return l->rows[0];
}

/* Its record; good until the next row is read. */
static inline const char *
record(struct ledger *l, const char *id)
{
	return row(l, id).state == MAIL_STATES ? "" : l->record.data;
}

static inline int
keep_event(void *ctx, const struct mail_history *h, struct err *e)
{
	struct buf *out = ctx;

	(void)e;
	buf_addf(out, "%s%s%s", out->len > 0 ? " " : "", h->stage,
	    h->entry_len > 2 || h->stage[0] == ':' ? "" : "(empty)");
	return 0;
}

/* ":stored :queued :start mail-dispatch"; good until the next call. */
static inline const char *
history(struct ledger *l, const char *id)
{
	struct err e = ERR_INIT;

	buf_reset(&l->history);
	buf_addstr(&l->history, "");
	must(l, l->m->ops->history(l->m, id, keep_event, &l->history, &e), &e,
	    "history");
	return l->history.data;
}

#endif
