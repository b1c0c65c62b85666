/*
 * Locks: who may have an effect once, and whether it was had.  This is the
 * interface of an engine ("sqlite:", "mem:", for tests "fail:N:SPEC" and
 * "trace:SPEC").
 *
 * States of a lock (design, section 5); there is a row only while it is not
 * free:
 *
 *   free ----> claimed ----> done (its result is kept for its TTL, then free)
 *    ^  acquire |    \
 *    |          |     \----> uncertain (until somebody resolves it)
 *    +----------+
 *      settle, release
 *
 *   acquire finds     by the same id           by another id
 *   free              claimed                  claimed
 *   claimed           claimed: it comes again  busy (snooze)
 *   claimed, over     claimed                  claimed, and marked: taken from
 *   done              replay: its result       duplicate (skip)
 *   uncertain         replay: its result, or   busy (snooze)
 *                     claimed: by its policy
 *   other content     conflict (fail), whatever the state
 *
 *   settle with       the lock becomes, when this id holds it
 *   ok                done
 *   retry, snooze     free
 *   fail, skip        free: the effect was not had, another may have it
 *   uncertain         uncertain
 *   (none)            claimed, as it was: the work may have been started, and
 *                     mail-queue settle leaves a started lease too; this id
 *                     comes again and takes its own claim over
 *
 *   A lock of another id stays as it is, and so does one that this id holds
 *   by a later delivery, except that ok and uncertain are written.  A lock that
 *   is free by now (released by hand) becomes done or uncertain.  Done stays
 *   done.
 *
 * Crash table.  Each row is a place where a process of the working line may
 * die, and what the lock may be for the next reader. tests/mail-lock-crash.bats
 * reads these rows (tests/mail-send-crash.bats those of mail-send) and tries
 * each: NAME is the row, VERB the command that dies, CALL the system call at
 * which it is killed (each one of that kind in turn, before and after it), LOCK
 * the states that the lock may be in.
 *
 *   NAME            VERB               CALL       LOCK
 *   take-output     mail-queue-take    write      free
 *   acquire-commit  mail-lock-acquire  fdatasync  free claimed
 *   acquire-write   mail-lock-acquire  pwrite64   free claimed
 *   acquire-output  mail-lock-acquire  write      claimed
 *   start-commit    mail-dispatch      fdatasync  claimed
 *   handler-run     mail-dispatch      pidfd      claimed
 *   result-output   mail-dispatch      write      claimed
 *   send-start      mail-send          fdatasync  claimed
 *   send-bytes      mail-send          send       claimed
 *   send-output     mail-send          write      claimed
 *   settle-commit   mail-lock-settle   fdatasync  claimed done
 *   settle-write    mail-lock-settle   pwrite64   claimed done
 *   settle-output   mail-lock-settle   write      done
 *   row-commit      mail-queue-settle  fdatasync  done
 *   row-write       mail-queue-settle  pwrite64   done
 *
 * What the next run does:
 *
 *   free       the row is ready, or leased and never started: it is given out
 *              again, and claims
 *   claimed    the row is given out again when its lease is over (marked as
 *              interrupted where the handler may have run), and the same id
 *              takes its claim over; a duplicate waits behind it
 *   done       before the row was settled: it is given out again, marked, and
 *              acquire puts the stored result on it, so that nothing is run
 *              and the row catches up; a duplicate is skipped
 *   uncertain  the same: the row catches up and is parked; a duplicate waits
 *
 * All operations take arrays and are one transaction each: on -1 nothing of
 * them has happened.  Errors are ERR_TEMP.  Times are milliseconds since the
 * epoch.  Strings that go in are borrowed.
 */
#ifndef LOCK_LOCK_H
#define LOCK_LOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/id.h"
#include "store/state.h"

#define LOCK_DEFAULT "sqlite:"

enum {
	LOCK_KEY_MAX = 1024, /* bytes of a key */
	LOCK_LEASE_S = 24 * 3600, /* a claim older than this may be taken */
	LOCK_TTL_S = 14 * 24 * 3600, /* how long it is known what was done */
};

enum lock_state {
	LOCK_FREE, /* there is no row */
	LOCK_CLAIMED,
	LOCK_DONE,
	LOCK_UNCERTAIN,
	LOCK_STATES, /* how many */
};

/* "free", "claimed", …; and back (-1: no such state). */
const char *lock_state_name(enum lock_state state);
int lock_state_parse(const char *name);

/* A lock, as the engines hand it out.  Strings live during the call. */
struct lock_row {
	const char *key;
	enum lock_state state;
	const char *id; /* who has claimed it, or had the effect */
	const char *tenant; /* "": none */
	const char *content; /* a digest; "": not compared */
	const char *taken_from; /* whose claim it was before; "": nobody's */
	int64_t delivery; /* of id: "lease.deliveries", 0 without a lease */
	int64_t at; /* when it came into its state */
	int64_t until; /* claimed: may be taken then; done: forgotten; else 0 */
	const char *result; /* JSON object, "" while it is claimed */
	size_t result_len;
};

/* Called for each row; -1 ends the walk with -1. */
typedef int lock_row_fn(void *ctx, const struct lock_row *row, struct err *e);

enum lock_answer {
	LOCK_GOT, /* claimed, for this id */
	LOCK_REPLAY, /* this id has had its effect, or nobody knows */
	LOCK_DUPLICATE, /* another id has had the effect */
	LOCK_BUSY, /* claimed by another id, or nobody knows what it did */
	LOCK_CONFLICT, /* the lock is of another content */
};

struct lock_acquire {
	const char *key, *id, *tenant, *content; /* as in struct lock_row */
	int64_t delivery;
	int64_t until; /* when the claim may be taken by another */
	/* What this id has left uncertain it may try again. */
	bool is_retried;
	/* Out: */
	enum lock_answer answer;
	/* What was found; LOCK_FREE: nothing, and the rest is empty. */
	enum lock_state found;
	char holder[ID_MAX + 1];
	char other[DIGEST_TEXT]; /* its content */
	int64_t at; /* since when */
	char *result; /* of a replay; the caller frees it */
};

struct lock_settle {
	const char *key, *id, *tenant, *content;
	int64_t delivery;
	enum lock_state state; /* what it becomes; LOCK_FREE: released */
	int64_t until; /* LOCK_DONE: when it is forgotten */
	const char *result; /* JSON object; "" with LOCK_FREE */
	size_t result_len;
	bool is_stale; /* out: it was another's, and stays as it is */
};

/* By hand, whoever holds it: the one of a key, or all of an id. */
struct lock_release {
	const char *key, *id; /* one of them is NULL */
	enum lock_state state; /* LOCK_FREE or LOCK_DONE */
	int64_t until; /* LOCK_DONE */
	const char *result;
	size_t result_len;
	int64_t released; /* out: how many */
};

/* Is there a lock of this key, or of this id? */
struct lock_get {
	const char *key, *id; /* one of them is NULL */
	enum lock_state state; /* out; of several of an id the one done */
	char holder[ID_MAX + 1]; /* out */
	int64_t at; /* out */
	char *result; /* out, of one that is done or uncertain, else NULL; the
			 caller frees it */
};

struct lock_filter {
	int state; /* -1: any */
	const char *prefix, *tenant; /* NULL: any */
	int64_t before, after; /* in its state since; 0: any */
	int64_t max; /* 0: all */
};

struct lock_engine;

struct lock_ops {
	const char *scheme;
	struct lock_engine *(*open)(
	    struct state *s, const char *rest, struct err *e);
	/* In their order, so that of two with one key the first claims. */
	int (*acquire)(struct lock_engine *l, struct lock_acquire *all,
	    size_t n, int64_t now, struct err *e);
	int (*settle)(struct lock_engine *l, struct lock_settle *all, size_t n,
	    int64_t now, struct err *e);
	int (*release)(struct lock_engine *l, struct lock_release *all,
	    size_t n, int64_t now, struct err *e);
	int (*get)(struct lock_engine *l, struct lock_get *all, size_t n,
	    int64_t now, struct err *e);
	/*
	 * Remove at most max rows that nobody needs: done, and their TTL is
	 * over; claimed, and over for LOCK_TTL_S.  Acquire and settle do some
	 * of this on their way.
	 */
	int (*prune)(struct lock_engine *l, size_t max, int64_t now,
	    size_t *pruned, struct err *e);
	/* Rows, oldest first; in short transactions, so a row may have moved.
	 */
	int (*list)(struct lock_engine *l, const struct lock_filter *f,
	    lock_row_fn *fn, void *ctx, struct err *e);
	/* Is it sound? */
	int (*check)(struct lock_engine *l, struct err *e);
	void (*close)(struct lock_engine *l);
};

/* What every engine's struct begins with. */
struct lock_engine {
	const struct lock_ops *ops;
};

/* NULL: ERR_TEMP, also for an unknown scheme. */
struct lock_engine *lock_open(struct state *s, const char *spec, struct err *e);

/* The one that the configuration names. */
struct lock_engine *lock_open_configured(struct state *s, struct err *e);

/* The same, but no database is made where there is none.  1, 0 there is none,
 * -1: ERR_TEMP. */
int lock_open_made(struct state *s, struct lock_engine **l, struct err *e);

void lock_close(struct lock_engine *l);

#endif
