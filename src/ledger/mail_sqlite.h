/* Inside of the SQLite ledger; shared by its own files only. */
#ifndef LEDGER_MAIL_SQLITE_H
#define LEDGER_MAIL_SQLITE_H

#include "ledger/mail.h"
#include "store/db.h"

extern const struct db_schema mail_sqlite_schema;
/* Statements: make the sums of the rows anew; are they right? */
extern const char mail_sqlite_count_again[], mail_sqlite_is_counted[];
extern const char mail_sqlite_pace_table[];

/* What lane.is_held is, in SQL: 1 paused, 2 held for its rate, or both. */
#define LANE_IS_HELD(queue_, tenant_, priority_)                               \
	"EXISTS(SELECT 1 FROM hold WHERE queue=" queue_ " AND tenant=" tenant_ \
	")+2*EXISTS(SELECT 1 FROM pace"                                        \
	" WHERE queue=" queue_ " AND tenant=" tenant_                          \
	" AND priority>=" priority_ " AND until>0)"

/* Where a row counts. */
struct sqlite_place {
	int64_t lane; /* its number, 0 without a queue */
	char queue[NAME_MAX_LEN + 1]; /* "": none */
	char tenant[NAME_MAX_LEN + 1];
	int64_t priority;
};

/*
 * Set place->lane, for the rest of it; the lane is made when it is the first of
 * its kind (mail_sqlite_lane.c).  0 or -1.
 */
struct mail_sqlite;
int mail_sqlite_lane(
    struct mail_sqlite *m, struct sqlite_place *place, struct err *e);

/* Rows that moved in this transaction (mail_sqlite_tally.c). */
struct sqlite_sum;
struct sqlite_sums {
	struct sqlite_sum *all;
	size_t n, room;
};

struct mail_sqlite {
	struct mail_engine base;
	struct state *state; /* NULL: in memory */
	struct db db;
	int wait_fd; /* inotify, -1 until asked for */
	const struct mail_policy *policy; /* of the take at work, or NULL */
	struct sqlite_sums less, more;
	struct sqlite_place last_lane; /* asked for in this transaction */
	bool
	    has_full; /* lanes of tenants at their cap, when they are written */
};

/* Where each statement is kept prepared. */
enum mail_sql {
	SQL_FIND,
	SQL_INSERT,
	SQL_RECORD,
	SQL_RECORD_OF,
	SQL_ENQUEUE,
	SQL_DUE,
	SQL_PROMOTE,
	SQL_END_LEASE,
	SQL_PICKS,
	SQL_SET_PICKS,
	SQL_LEVEL,
	SQL_LANES,
	SQL_VTIME,
	SQL_TURN,
	SQL_FULL,
	SQL_LEASED,
	SQL_CAPPED,
	SQL_LEASE,
	SQL_COUNTER,
	SQL_FIND_LANE,
	SQL_LANE,
	SQL_NEW_LANE,
	SQL_ANY_FULL,
	SQL_TENANT,
	SQL_REOPEN,
	SQL_HOLD,
	SQL_END_HOLD,
	SQL_HOLD_LANES,
	SQL_HOLDS,
	SQL_PAUSED,
	SQL_COUNT_HOLDS,
	SQL_OWNED,
	SQL_START,
	SQL_RENEW,
	SQL_LEASES,
	SQL_NEXT_DUE,
	SQL_SETTLE,
	SQL_UPDATE,
	SQL_EVENT_ADD,
	SQL_HISTORY_ADD,
	SQL_HISTORY,
	SQL_ADMIT,
	SQL_DOUBT,
	SQL_KEEP,
	SQL_REMOVABLE,
	SQL_REMOVE,
	SQL_REMOVE_HISTORY,
	SQL_DOOM,
	SQL_DOOMED,
	SQL_GONE,
	SQL_STATS,
	SQL_OLDEST,
	SQL_MORE_TRIES,
	SQL_NEXT_GROUP,
	SQL_GROUP_SIZE,
	SQL_DEFERRED_AT,
	SQL_DEFERRED_SINCE,
	SQL_DEAD_AT,
	SQL_MOVE,
	SQL_EDIT,
	SQL_TOLD,
	SQL_TELL,
	SQL_BREAKER,
	SQL_SET_BREAKER,
	SQL_END_BREAKER,
	SQL_BREAKERS,
	SQL_OPEN_BREAKERS,
	SQL_PROBED,
	SQL_OPEN_LANES,
	SQL_IS_PACED,
	SQL_PACE,
	SQL_PACE_LESS,
	SQL_PACES,
	SQL_PACES_OVER,
	SQL_PACE_OVER,
	SQL_PACE_FORGET,
	SQL_PACE_END,
	SQL_PACE_SHARES,
	SQL_PACED_UNTIL,
	SQL_STATEMENTS, /* how many */
};
_Static_assert((int)SQL_STATEMENTS <= (int)DB_STATEMENTS - 2,
    "more statements than a handle keeps");

/* The columns of a row, in the order that mail_sqlite_row reads. */
#define ROW_COLUMNS                                                            \
	"seq,id,tenant,queue,state,priority,due_at,attempts,deliveries,"       \
	"stored_at,updated_at,interrupted,owner,record,last,queued_at,kept,"   \
	"class,attempts-spared,since"

/* The class of trouble that a result names, in SQL. */
#define CLASS_OF(last)                                                         \
	"CASE WHEN json_valid(" last ")"                                       \
	" AND length(json_extract(" last ",'$.class'))<=64"                    \
	" THEN json_extract(" last ",'$.class') ELSE '' END"

/* Fill row from the current row of st; good until its next step. */
void mail_sqlite_row(sqlite3_stmt *st, struct mail_row *row);

/*
 * Add to a row's history.  1 added, 0 this stage of this delivery stood there
 * already and stays, -1 error.  Stages that are not a program's result begin
 * with ':', which no program's name does.
 */
int mail_sqlite_history_add(struct mail_sqlite *m, int64_t seq,
    const struct mail_history *h, struct err *e);

/* A row with strings of its own. */
struct row_copy {
	struct mail_row row;
	int64_t seq;
	struct buf text;
};
void mail_sqlite_copy_row(sqlite3_stmt *st, struct row_copy *c);

/* A walk over the rows that pass a filter, oldest first. */
struct row_walk {
	struct mail_sqlite *m;
	const struct mail_filter *filter;
	sqlite3_stmt *st;
	struct row_copy at; /* good until the next step */
	struct buf opened; /* its record, if it was sealed */
};
int mail_sqlite_walk_begin(struct mail_sqlite *m, const struct mail_filter *f,
    struct row_walk *w, struct err *e);
/* 1, 0 there is no other, -1. */
int mail_sqlite_walk_next(struct row_walk *w, struct err *e);
/* Also after an error. */
void mail_sqlite_walk_end(struct row_walk *w);

/* sender, recipient and message_id of a record, from parameter i on. */
void mail_sqlite_bind_clues(
    sqlite3_stmt *st, int i, const char *record, size_t record_len);

/* Add an event that belongs to no delivery, and can happen again. */
int mail_sqlite_free_event(struct mail_sqlite *m, const char *id,
    const char *stage, int64_t now, const char *entry, size_t entry_len,
    struct err *e);

/* The statement of such a step, for tests of its plan too. */
void mail_sqlite_list_sql(const struct mail_filter *f, struct buf *sql);

/* What a transition must know of the row it finds. */
struct sqlite_found {
	int64_t seq;
	enum mail_state state;
	int64_t deliveries, attempts, unstarted, interrupted, updated_at;
	int64_t since; /* it was queued, or revived */
	char owner[ID_TEXT]; /* "" without a lease */
	char stage[NAME_MAX_LEN + 1]; /* "" when not started */
	struct sqlite_place place;
};

/* 1 found, 0 no such mail, -1 error. */
int mail_sqlite_find(struct mail_sqlite *m, const char *id,
    struct sqlite_found *f, struct err *e);

/* Does the row still belong to this lease? */
bool mail_sqlite_is_held(
    const struct sqlite_found *f, const struct mail_lease *l);

/* Add an event that is no result; entry is a JSON object. */
int mail_sqlite_event(struct mail_sqlite *m, const struct sqlite_found *f,
    const char *stage, int64_t now, const char *entry, struct err *e);

/* End a lease without an outcome: the row becomes state. */
int mail_sqlite_end_lease(struct mail_sqlite *m, const struct sqlite_found *f,
    enum mail_state state, bool is_interrupted, bool is_counted, int64_t now,
    struct err *e);

/*
 * A row comes into a state, or leaves it: for the sums, which are written by
 * flush, or at the end.
 */
void mail_sqlite_came(struct mail_sqlite *m, const struct sqlite_place *place,
    enum mail_state state);
void mail_sqlite_left(struct mail_sqlite *m, const struct sqlite_place *place,
    enum mail_state state);
void mail_sqlite_moved(struct mail_sqlite *m, const struct sqlite_place *place,
    enum mail_state from, enum mail_state to);
int mail_sqlite_flush(struct mail_sqlite *m, struct err *e);

/* Commit the transaction, or, when r is -1, roll it back.  0 or -1. */
int mail_sqlite_end(struct mail_sqlite *m, int r, struct err *e);

/* What is due by now: leases and holds that end, scheduled rows. */
int mail_sqlite_promote(struct mail_sqlite *m, int64_t now, struct err *e);
int mail_sqlite_end_holds(struct mail_sqlite *m, int64_t now, struct err *e);
/* The lanes of a tenant: held, or not any more. */
int mail_sqlite_hold_lanes(struct mail_sqlite *m, const char *queue,
    const char *tenant, struct err *e);
int mail_sqlite_is_paused(
    struct mail_sqlite *m, const char *queue, bool *is_paused, struct err *e);

/* A lease is over and nobody has settled it: what the row becomes. */
int mail_sqlite_lease_over(struct mail_sqlite *m, const struct sqlite_found *f,
    bool is_counted, int64_t now, struct err *e);

/*
 * The ids that st selects.  Collected first, for a statement must not walk an
 * index that is being changed.  The caller frees *ids, on error too.
 */
struct sqlite_id {
	char id[ID_MAX + 1];
};
int mail_sqlite_collect(struct mail_sqlite *m, sqlite3_stmt *st,
    struct sqlite_id **ids, size_t *n, struct err *e);

/* The breakers that are open on one queue, during a take. */
struct sqlite_breaker {
	char route[NAME_MAX_LEN + 2];
	bool is_probing; /* one mail may pass */
	bool is_passed; /* it did, or is about to */
	char tenant[NAME_MAX_LEN + 1]; /* whose it is */
};
struct sqlite_breakers {
	struct sqlite_breaker *all;
	size_t n;
};
/*
 * Read them; when one is to be probed, lanes that are full are opened, so that
 * the take looks at them again.  The caller frees b->all.
 */
int mail_sqlite_breakers(struct mail_sqlite *m, const char *queue, int64_t now,
    struct sqlite_breakers *b, struct err *e);
/* May a mail of this tenant pass?  *only_one: but no second one. */
bool mail_sqlite_passes(struct sqlite_breakers *b,
    const struct mail_policy *policy, const char *tenant, bool *only_one);
/* At the end of a take: when each is to be probed again. */
int mail_sqlite_probed(struct mail_sqlite *m, const char *queue, int64_t now,
    const struct sqlite_breakers *b, struct err *e);
/* All breakers, as holds. */
int mail_sqlite_breaker_holds(
    struct mail_sqlite *m, mail_hold_fn *fn, void *ctx, struct err *e);

/* Holds for rates (mail_sqlite_pace.c): the table, where it is missing. */
int mail_sqlite_make_pace(struct mail_sqlite *m, struct err *e);
/* Those that are over. */
int mail_sqlite_end_paces(struct mail_sqlite *m, int64_t now, struct err *e);
/* All of a tenant, by hand.  How many were holding it; -1. */
int mail_sqlite_end_pace(struct mail_sqlite *m, const char *queue,
    const char *tenant, struct err *e);
/* Those that are not over, as holds. */
int mail_sqlite_pace_holds(
    struct mail_sqlite *m, mail_hold_fn *fn, void *ctx, struct err *e);
/* Mail of a tenant, up to a priority: at most so many in flight. */
struct sqlite_pace {
	char tenant[NAME_MAX_LEN + 1];
	int64_t priority, most;
};
struct sqlite_paces {
	struct sqlite_pace *all; /* in order */
	size_t n;
};
/* Those of a queue; the caller frees p->all. */
int mail_sqlite_paces(struct mail_sqlite *m, const char *queue, int64_t now,
    struct sqlite_paces *p, struct err *e);
/* The one that counts for such mail; NULL: none does. */
const struct sqlite_pace *mail_sqlite_find_pace(
    const struct sqlite_paces *p, const char *tenant, int64_t priority);
/* For struct mail_take. */
int mail_sqlite_paced_until(
    struct mail_sqlite *m, const char *queue, int64_t *until, struct err *e);

/*
 * The operations; mail_sqlite_{put,take,lease,settle,update,hold,pace,breaker,
 * drop,retry,admit,remove,list,read}.c
 */
int mail_sqlite_put(struct mail_engine *m, const struct mail_put *puts,
    size_t n, struct err *e);
int mail_sqlite_take(struct mail_engine *m, const struct mail_take *how,
    mail_row_fn *fn, void *ctx, struct err *e);
int mail_sqlite_start(struct mail_engine *m, const char *stage,
    struct mail_start *starts, size_t n, int64_t now, struct err *e);
int mail_sqlite_renew(
    struct mail_engine *m, const char *owner, int64_t until, struct err *e);
int mail_sqlite_give_back(struct mail_engine *m, const char *owner,
    bool is_counted, int64_t now, struct err *e);
int mail_sqlite_settle(struct mail_engine *m, struct mail_settle *settles,
    size_t n, int64_t now, struct err *e);
int mail_sqlite_update(struct mail_engine *m, struct mail_update *updates,
    size_t n, int64_t now, struct err *e);
int mail_sqlite_leases(struct mail_engine *m, const char *owner, int64_t now,
    struct mail_leases *out, struct err *e);

int mail_sqlite_drop(struct mail_engine *m, struct mail_drop *drops, size_t n,
    int64_t now, struct err *e);
int mail_sqlite_keep(struct mail_engine *m, struct mail_keep *keeps, size_t n,
    int64_t now, struct err *e);
int mail_sqlite_remove(struct mail_engine *m, struct mail_remove *removes,
    size_t n, struct err *e);
int mail_sqlite_doomed(
    struct mail_engine *m, mail_ref_fn *fn, void *ctx, struct err *e);
int mail_sqlite_gone(
    struct mail_engine *m, const char *const *refs, size_t n, struct err *e);
int mail_sqlite_doubt(struct mail_engine *m, const struct mail_policy *policy,
    int64_t now, struct mail_doubts *out, struct err *e);
int mail_sqlite_admit(
    struct mail_engine *m, struct mail_image *images, size_t n, struct err *e);
int mail_sqlite_pause(
    struct mail_engine *m, const struct mail_hold *h, struct err *e);
int mail_sqlite_resume(struct mail_engine *m, const char *queue,
    const char *tenant, bool *was_held, struct err *e);
int mail_sqlite_holds(
    struct mail_engine *m, mail_hold_fn *fn, void *ctx, struct err *e);
int mail_sqlite_pace(struct mail_engine *m, const struct mail_pace *all,
    size_t n, int64_t now, struct err *e);

int mail_sqlite_runs(struct mail_engine *m, struct mail_run *runs, size_t n,
    int64_t now, struct err *e);
int mail_sqlite_next_group(struct mail_engine *m, const char *queue,
    struct mail_group *g, struct err *e);
int mail_sqlite_waiting(struct mail_engine *m, const struct mail_waiting *which,
    mail_row_fn *fn, void *ctx, struct err *e);
int mail_sqlite_move(struct mail_engine *m, struct mail_move *moves, size_t n,
    int64_t now, struct err *e);
int mail_sqlite_told(struct mail_engine *m, const char *queue,
    const char *cause, int64_t now, int64_t *at, struct err *e);

int mail_sqlite_next_due(
    struct mail_engine *m, const char *queue, int64_t *at, struct err *e);
int mail_sqlite_list(struct mail_engine *m, const struct mail_filter *f,
    mail_row_fn *fn, void *ctx, struct err *e);
int mail_sqlite_history(struct mail_engine *m, const char *id,
    mail_history_fn *fn, void *ctx, struct err *e);
int mail_sqlite_stats(struct mail_engine *m, const char *queue,
    mail_stats_fn *fn, void *ctx, struct err *e);

#endif
