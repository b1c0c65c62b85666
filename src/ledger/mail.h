/*
 * The ledger: one row a mail, which is its queue entry as well, so that the two
 * cannot disagree; and its history, which only grows.  This is the interface
 * of an engine ("sqlite:", "mem:", for tests "fail:N:SPEC" and "trace:SPEC").
 * What the states mean, and what a crash leaves, stands in queue/queue.h.
 *
 * All operations take arrays and are one transaction each: on -1 nothing of
 * them has happened.  Errors are ERR_TEMP.  Times are milliseconds since the
 * epoch.
 */
#ifndef LEDGER_MAIL_H
#define LEDGER_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/id.h"
#include "store/state.h"

enum mail_state {
	MAIL_STORED,
	MAIL_READY,
	MAIL_SCHEDULED,
	MAIL_LEASED,
	MAIL_SUCCEEDED,
	MAIL_SKIPPED,
	MAIL_DEAD,
	MAIL_DEFERRED,
	MAIL_PARKED,
	MAIL_DROPPED,
	MAIL_STATES, /* how many */
};

/* "stored", "ready", …; and back (-1: no such state). */
const char *mail_state_name(enum mail_state state);
int mail_state_parse(const char *name);

/* The fate that a settle gives a row; record statuses of mail-record(5). */
enum mail_status {
	STATUS_NONE, /* no result: the work was not done */
	STATUS_OK,
	STATUS_RETRY,
	STATUS_SNOOZE,
	STATUS_SKIP,
	STATUS_FAIL,
	STATUS_UNCERTAIN,
};

/* -1: no such status. */
int mail_status_parse(const char *name);

/* A mail received or queued.  Strings are borrowed. */
struct mail_put {
	const char *id;
	const char *tenant;
	const char *queue; /* NULL: store it only */
	int64_t priority; /* higher is taken first */
	int64_t ready_at; /* 0: now; later: it waits as scheduled */
	int64_t at; /* when this was promised */
	const char *record; /* JSON object, one line, no transient sections */
	size_t record_len;
};

/* The claim of one process on one row; "OWNER.DELIVERY" outside. */
struct mail_lease {
	char id[ID_MAX + 1];
	char owner[ID_TEXT];
	int64_t delivery; /* how often the row was taken, this time included */
};

enum {
	LEASE_TEXT = ID_TEXT + 24,
};
char *mail_lease_format(const struct mail_lease *l, char text[LEASE_TEXT]);
/* Reads owner and delivery; -1 when it is no handle. */
int mail_lease_parse(struct mail_lease *l, const char *text);

/* A row, as take, get and list hand it out.  Strings live during the call. */
struct mail_row {
	const char *id;
	const char *tenant;
	const char *queue; /* NULL when never queued */
	enum mail_state state;
	int64_t priority;
	int64_t due_at; /* scheduled: ready again; leased: its end; else 0 */
	int64_t attempts;
	int64_t deliveries;
	int64_t stored_at, queued_at, updated_at; /* queued_at 0: never */
	bool is_kept; /* on legal hold: nothing removes it */
	int64_t tries; /* attempts since it was queued, or revived */
	int64_t since; /* when that was */
	bool is_interrupted; /* an earlier attempt ended without an outcome */
	const char *class; /* kind of trouble of a deferred one, or "" */
	const char *owner; /* of the lease, NULL without one */
	const char *record;
	size_t record_len;
	const char *last; /* the last result, JSON, or NULL */
	size_t last_len;
	/*
	 * Why the record is still sealed (ledger/sealed.h), for people; NULL:
	 * it is not.  is_keyless: the secret key is missing; else it is
	 * damaged.
	 */
	const char *sealed;
	bool is_keyless;
};

/* Called for each row; -1 ends the walk with -1. */
typedef int mail_row_fn(void *ctx, const struct mail_row *row, struct err *e);

/* What a tenant may have, besides its turn. */
struct mail_policy {
	double (*weight)(void *ctx, const char *tenant); /* 0.001 to 1000 */
	/* Mails of a queue in flight, leased; 0: as many as they like. */
	int64_t (*in_flight)(void *ctx, const char *tenant);
	/*
	 * What an effect of unknown outcome becomes, MAIL_READY or MAIL_PARKED;
	 * normal is what it is without a word of the tenant's.
	 */
	enum mail_state (*interrupted)(
	    void *ctx, const char *tenant, enum mail_state normal);
	/* Does this route work its mail? */
	bool (*is_served)(void *ctx, const char *tenant, const char *route);
	void *ctx;
};

struct mail_take {
	const char *queue;
	const char *owner;
	size_t max;
	int64_t now, lease_ms;
	const struct mail_policy *policy; /* NULL: all are equal */
	/*
	 * Out, or NULL: there is more, of tenants at their cap, which comes
	 * when one of their leases ends.
	 */
	bool *is_capped;
	/*
	 * Out, or NULL: when the first of those that have mail ready and are
	 * held for their rate may go on; 0: there is none.
	 */
	int64_t *paced_until;
};

struct mail_start {
	struct mail_lease lease;
	int64_t until; /* when the effect is surely over */
	int64_t attempt; /* out */
	bool is_lost; /* out: the lease is no longer held; do not start */
};

struct mail_settle {
	struct mail_lease lease;
	enum mail_status status;
	const char *stage;
	int64_t after_ms; /* snooze, retry: not before */
	/*
	 * STATUS_SNOOZE, and it was queued or revived so long ago: it is a
	 * retry.  0: never.
	 */
	int64_t old_ms;
	const char *result; /* JSON object, NULL with STATUS_NONE */
	size_t result_len;
	const char *class; /* kind of trouble, in the result, or NULL */
	/* STATUS_UNCERTAIN: it is deferred, and marked as interrupted. */
	bool is_retried;
	bool is_unknown; /* out: no such mail */
	bool is_stale; /* out: an older lease; history only */
};

/* A row's record, made anew from the same mail. */
struct mail_update {
	const char *id;
	const char *was; /* the record as list gave it */
	size_t was_len;
	const char *record;
	size_t record_len;
	const char *stage; /* for the history, ":reparse" */
	const char *entry; /* JSON object */
	size_t entry_len;
	/* Both records are as they are stored; the history does not tell. */
	bool is_stored;
	bool is_lost; /* out: no such mail, or its record is another by now */
};

/* A queue, or a tenant or a route in it, that take passes over. */
struct mail_hold {
	const char *queue;
	const char *tenant; /* "": all of the queue */
	/*
	 * Out, of a breaker (struct mail_run), else NULL: only mail that this
	 * route works, and at until one of it is let through.
	 */
	const char *route;
	/* Out: for its rate (struct mail_pace), mail up to this priority. */
	bool is_rate;
	int64_t priority;
	int64_t at;
	int64_t until; /* 0: until it is resumed */
	const char *reason; /* or NULL */
};
typedef int mail_hold_fn(void *ctx, const struct mail_hold *h, struct err *e);

/*
 * A tenant whose moments (lock/rate.h) are given away for some time: what it
 * has ready is passed over until then, but for mail of a higher priority.  It
 * is none of an operator's pauses, and ends by itself.
 *
 * When it is over it would all come at once, to be told to wait again: for
 * MAIL_PACE_AFTER_MS no more than most of it are in flight.
 */
struct mail_pace {
	const char *queue, *tenant;
	int64_t priority; /* of the mail that had to wait */
	int64_t until; /* at most MAIL_PACE_MAX_MS from now */
	int64_t most; /* 0: as many as it likes */
	const char *reason; /* or NULL */
};

enum {
	/* A limit that was raised, or a clock set back, is seen so soon. */
	MAIL_PACE_MAX_MS = 10 * 60 * 1000,
	MAIL_PACE_AFTER_MS = 60 * 1000,
	MAIL_PACE_NEAR_MS = 500, /* so much later is not worth a write */
};

/* The route of mail-dispatch's own command line; no handler's name. */
#define MAIL_ROUTE_COMMAND "-"

/*
 * Results of a route, one after the other: when so many of the same trouble
 * came in a row, its breaker opens.
 */
struct mail_run {
	const char *queue, *route;
	const char *class; /* of the last ones; "": no such trouble */
	int64_t n; /* how many of them */
	bool is_first; /* nothing else came before them since the last call */
	const char *reason;
	int64_t limit, probe_ms; /* opens at so many; a try each so often */
	/* Out: */
	bool is_opened, is_closed;
	int64_t total; /* in a row */
};

/* Deferred mails whose fate is the same but for their times. */
struct mail_group {
	char tenant[NAME_MAX_LEN + 1], class[NAME_MAX_LEN + 1];
	int64_t tries;
	int64_t n; /* out: how many */
};

/* Which waiting rows to walk over, and in which order. */
struct mail_waiting {
	enum mail_waiting_order {
		MAIL_DEFERRED_AT, /* of a group, deferred until before */
		MAIL_DEFERRED_SINCE, /* of a group, queued until before */
		MAIL_DEAD_AT, /* of the queue, dead since after */
	} order;
	const char *queue;
	const struct mail_group *group;
	int64_t before, after;
};

/* A row that goes on by a decision, and not by work. */
struct mail_move {
	const char *id;
	enum mail_state from, to;
	int64_t seen; /* it is as it was updated then; 0: whenever */
	const char *queue; /* of a stored one; else NULL, as it is */
	bool is_anew; /* tries and age count from now */
	bool is_marked; /* it may have had its effect: interrupted */
	const char *record, *last; /* instead of what is there, or NULL */
	size_t record_len, last_len;
	const char *stage; /* for the history, ":retry" */
	const char *entry; /* JSON object */
	size_t entry_len;
	bool is_moved; /* out: else it is in another state by now */
};

/* A mail that is not wanted any more. */
struct mail_drop {
	const char *id;
	const char *entry; /* for the history, a JSON object */
	bool is_dropped; /* out: it was there, and nobody is working on it */
};

/* How the leases of one owner stand. */
struct mail_leases {
	int64_t unstarted, started;
};

/* How many mails are not what they seem. */
struct mail_doubts {
	int64_t marked, parked;
};

struct mail_filter {
	const char *id, *tenant, *queue;
	int state; /* -1: any */
	int64_t before; /* stored before, 0: any */
	int64_t after; /* stored after, 0: any */
	/* Of the envelope, in any case; with or without < and >; NULL: any. */
	const char *sender, *recipient, *message_id;
	const char *behind; /* only what came after this mail, if it is there */
	bool is_failed; /* only what may have failed: not stored, succeeded */
	bool is_kept; /* only what is on legal hold */
	bool is_stored; /* records as they are stored, sealed or not */
	int64_t max; /* 0: all */
};

struct mail_history {
	int64_t at, delivery, attempt;
	/*
	 * A program's name: its result is the entry.  Or ":stored",
	 * ":queued", ":start", ":interrupted", ":dead", ":dropped",
	 * ":reparse", ":retry", ":revived", ":resolved", ":stranded".
	 */
	const char *stage;
	const char *entry; /* JSON object */
	size_t entry_len;
};
typedef int mail_history_fn(
    void *ctx, const struct mail_history *h, struct err *e);

/* A mail's legal hold, begun or ended. */
struct mail_keep {
	const char *id;
	bool is_kept;
	const char *entry; /* for the history, a JSON object */
	bool is_unknown; /* out: there is no such mail */
};

/* A mail whose time is over. */
struct mail_remove {
	const char *id;
	enum mail_state state; /* only while it is in this state */
	int64_t before; /* and nothing has changed since */
	bool is_removed; /* out */
	bool is_damaged; /* out: nobody can tell what is its own, so it stays */
};
typedef int mail_ref_fn(void *ctx, const char *ref, struct err *e);

/* A mail as it was somewhere else, with its history. */
struct mail_image {
	struct mail_row row; /* without a lease */
	const struct mail_history *history; /* in order; delivery 0: of none */
	size_t history_n;
	bool is_there; /* out: this id is here already, and stays as it is */
};

struct mail_stats {
	const char *queue;
	int64_t n[MAIL_STATES];
	int64_t oldest_ready_at; /* 0: none is ready */
	bool is_paused;
	int64_t paused_tenants, held_routes;
	int64_t limited_tenants; /* held for their rates */
};
typedef int mail_stats_fn(void *ctx, const struct mail_stats *s, struct err *e);

/* What an engine can do beyond the operations. */
enum {
	MAIL_CAN_WAIT = 1, /* wait_fd */
	MAIL_CAN_INTAKE = 2, /* received mail goes through queue/intake.h */
};

struct mail_engine;

struct mail_ops {
	const char *scheme;
	unsigned caps;
	struct mail_engine *(*open)(
	    struct state *s, const char *rest, struct err *e);
	/*
	 * Make rows (stored), or make them ready or scheduled.  An id that is
	 * already as far, or further, stays as it is.  A row that was stored
	 * before keeps its blobs, "blob" and "message.parts[].blob", with
	 * "digest" and "size": they are the mail's.
	 */
	int (*put)(struct mail_engine *m, const struct mail_put *puts, size_t n,
	    struct err *e);
	/*
	 * Lease ready rows.  The highest priority first, but of eight at least
	 * one is of a lower one, when there is any; within a priority tenants
	 * take turns by weight; of a tenant the oldest first.  What is held, or
	 * of a tenant at its cap, is passed over, and costs nothing.
	 */
	int (*take)(struct mail_engine *m, const struct mail_take *how,
	    mail_row_fn *fn, void *ctx, struct err *e);
	int (*start)(struct mail_engine *m, const char *stage,
	    struct mail_start *starts, size_t n, int64_t now, struct err *e);
	/* Extend all unstarted leases of owner. */
	int (*renew)(struct mail_engine *m, const char *owner, int64_t until,
	    struct err *e);
	/*
	 * End them; is_counted: as if they had run out, so that a mail which
	 * kills its reader ends dead one day.
	 */
	int (*give_back)(struct mail_engine *m, const char *owner,
	    bool is_counted, int64_t now, struct err *e);
	int (*settle)(struct mail_engine *m, struct mail_settle *settles,
	    size_t n, int64_t now, struct err *e);
	/*
	 * Replace records that are still as they were, and tell the history;
	 * state, lease and times of the rows stay.  Each change is an event of
	 * its own, of no delivery, however many there were before.
	 */
	int (*update)(struct mail_engine *m, struct mail_update *updates,
	    size_t n, int64_t now, struct err *e);
	/* Hold a queue or tenant, also against what comes later; and end it. */
	int (*pause)(
	    struct mail_engine *m, const struct mail_hold *h, struct err *e);
	int (*resume)(struct mail_engine *m, const char *queue,
	    const char *tenant, bool *was_held, struct err *e);
	/*
	 * Hold tenants for their rates.  One that is held for as long already,
	 * or nearly, is left so.  resume ends these of its tenant too.
	 */
	int (*pace)(struct mail_engine *m, const struct mail_pace *all,
	    size_t n, int64_t now, struct err *e);
	/* Breakers that are open, and rates, too. */
	int (*holds)(
	    struct mail_engine *m, mail_hold_fn *fn, void *ctx, struct err *e);
	/*
	 * Tell the breakers what came of routes.  One that is open holds the
	 * route's mail, but for one each probe_ms; what is no trouble closes
	 * it.
	 */
	int (*runs)(struct mail_engine *m, struct mail_run *runs, size_t n,
	    int64_t now, struct err *e);
	/* Waiting rows, of any state from which they could go on: dropped. */
	int (*drop)(struct mail_engine *m, struct mail_drop *drops, size_t n,
	    int64_t now, struct err *e);
	/* Put under legal hold, or end it; history tells of a change. */
	int (*keep)(struct mail_engine *m, struct mail_keep *keeps, size_t n,
	    int64_t now, struct err *e);
	/*
	 * Rows with their history, but none on legal hold.  Their blobs are
	 * doomed from then on: remembered until somebody has removed them and
	 * says so.
	 */
	int (*remove)(struct mail_engine *m, struct mail_remove *removes,
	    size_t n, struct err *e);
	/* At most 1,000 references; fn must not touch the engine. */
	int (*doomed)(
	    struct mail_engine *m, mail_ref_fn *fn, void *ctx, struct err *e);
	int (*gone)(struct mail_engine *m, const char *const *refs, size_t n,
	    struct err *e);
	/*
	 * All that waits may have been worked on since these rows were as they
	 * are: history says so, and it is marked as interrupted, or parked
	 * (mail_interrupted_state, and the policy); leases end.
	 */
	int (*doubt)(struct mail_engine *m, const struct mail_policy *policy,
	    int64_t now, struct mail_doubts *out, struct err *e);
	/* Make rows with all that they had; ids that are here stay. */
	int (*admit)(struct mail_engine *m, struct mail_image *images, size_t n,
	    struct err *e);
	/*
	 * The next group of deferred mails of a queue; the first one comes
	 * after {"", "", -1}.  1, 0 there is none, -1.
	 */
	int (*next_group)(struct mail_engine *m, const char *queue,
	    struct mail_group *g, struct err *e);
	/* In short transactions, so a row may have moved. */
	int (*waiting)(struct mail_engine *m, const struct mail_waiting *which,
	    mail_row_fn *fn, void *ctx, struct err *e);
	/* Each that is still as it was seen, and tell the history. */
	int (*move)(struct mail_engine *m, struct mail_move *moves, size_t n,
	    int64_t now, struct err *e);
	/*
	 * When somebody was last told of a cause, into *at, 0: never; and with
	 * now not 0, that it is told now.
	 */
	int (*told)(struct mail_engine *m, const char *queue, const char *cause,
	    int64_t now, int64_t *at, struct err *e);
	/* A started one that is over counts no more: nobody works on it. */
	int (*leases)(struct mail_engine *m, const char *owner, int64_t now,
	    struct mail_leases *out, struct err *e);
	/* When something becomes ready by itself; 0: nothing will. */
	int (*next_due)(struct mail_engine *m, const char *queue, int64_t *at,
	    struct err *e);
	/* Rows, oldest first; in short transactions, so a row may have moved.
	 */
	int (*list)(struct mail_engine *m, const struct mail_filter *f,
	    mail_row_fn *fn, void *ctx, struct err *e);
	int (*history)(struct mail_engine *m, const char *id,
	    mail_history_fn *fn, void *ctx, struct err *e);
	/* All queues, or one. */
	int (*stats)(struct mail_engine *m, const char *queue,
	    mail_stats_fn *fn, void *ctx, struct err *e);
	/* Is it sound?  Problems are ERR_TEMP. */
	int (*check)(struct mail_engine *m, struct err *e);
	/* Readable when another process has changed rows; read it empty. */
	int (*wait_fd)(struct mail_engine *m, struct err *e);
	void (*close)(struct mail_engine *m);
};

/* What every engine's struct begins with. */
struct mail_engine {
	const struct mail_ops *ops;
	struct state *state; /* whose keys open and seal records */
};

/* NULL: ERR_TEMP, also for an unknown scheme. */
struct mail_engine *mail_open(struct state *s, const char *spec, struct err *e);
void mail_close(struct mail_engine *m);

/* The capabilities of the engine that spec names, without opening it. */
unsigned mail_caps(const char *spec);

enum {
	MAIL_UNSTARTED_MAX = 20, /* unsettled deliveries, then dead */
	/* Interruptions in a row, then mail-retry decides when. */
	MAIL_INTERRUPTED_MAX = 3,
};

/* The class of those. */
#define MAIL_CLASS_INTERRUPTED "interrupted"

/*
 * What a settled row becomes; costs is 1 when an attempt is counted, wait true
 * when after_ms decides when it is ready again.  Design: one table for all
 * engines.
 */
struct mail_transition {
	enum mail_state state;
	int costs;
	bool is_wait;
};
struct mail_transition mail_transition(enum mail_status status);

/*
 * What an effect of unknown outcome becomes: a handler is run again (it is
 * marked), a message is not sent again before somebody has decided.
 */
enum mail_state mail_interrupted_state(const char *stage);

#endif
