/*
 * Rates: how much of something there may be in a time, shared by all processes
 * of a state directory (lock.db).  Counted in recipients.
 *
 * A scope is a name with limits: a transport, a tenant, a destination domain of
 * a transport.  Who wants to send reserves a moment in all scopes of a mail at
 * once: the earliest at which none of them is over its limit.
 *
 *   a second   moments of a scope are 1/rate apart (GCRA, no burst beyond what
 *              a second has), a little slower than the limit, so that a server
 *              that counts by its own clock does not refuse
 *   24 hours   counted in slices of ten minutes
 *   slow down  when the server says so the rate of the scope is halved (one
 *              without a limit gets what it really had, halved); each quiet
 *              minute gives a tenth of the limit back
 *
 * Reservations are not given back: who dies has lost them.
 *
 * A moment is good from "at" until RATE_LATE_MS later: then no second of the
 * server's, wherever it begins, sees more than the limit, whoever else sends.
 * Who is later (it was held up) must not send, for several of its moments may
 * have come together: it reserves again (is_again).  What has passed of the
 * missed moment is lost.
 *
 * A moment belongs to who reserved it, not to the mail: of two in hand with the
 * same scopes the urgent one may have the moment of the other.
 *
 * What was reserved before a slow-down keeps its moments.  A clock that is set
 * back makes nobody wait longer than RATE_WITHIN_MAX_MS for the moments of
 * before; what was sent in the 24 hours before still counts, as sent now.
 *
 * lock.db has the tables rate and rate_connection for this, made when they are
 * first needed: programs of before leave them alone, and need no other layout.
 * A power failure may lose the last moments; that takes longer than they last.
 */
#ifndef LOCK_RATE_H
#define LOCK_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "store/state.h"

enum {
	RATE_SCOPES = 4, /* of one mail at the most */
	RATE_NAME_MAX =
	    400, /* bytes of a scope's name; longer ones by digest */
	RATE_LATE_MS = 25, /* how long a moment is good */
	RATE_WITHIN_MAX_MS = 60 * 1000, /* of within_ms; more is as much */
};

struct rate_scope {
	const char *name; /* "transport:X", "tenant:T", "domain:X:D" */
	double per_s; /* 0: no limit */
	int64_t per_day;
	int64_t connections;
};

struct rate_ask {
	struct rate_scope scopes[RATE_SCOPES];
	size_t n;
	int64_t within_ms; /* reserve nothing that is later than this */
	/*
	 * The last fiftieth of a day's limit is for mail of priority above 0,
	 * so that bulk never keeps a one-time password back for hours.
	 */
	int64_t priority;
	/*
	 * Its moment was missed, and is still in at: that is given back, and
	 * the day counts the mail no second time.
	 */
	bool is_again;
	/* Out: */
	bool is_reserved;
	/*
	 * When it may go.  Not reserved: when it could; of several of one call
	 * one after the other, so that they do not come back together.
	 */
	int64_t at;
	size_t by; /* which of scopes made it wait; 0 if none */
	bool is_day; /* it is the limit of 24 hours */
};

struct rates;

/* The engine of "engines.locks".  NULL: ERR_TEMP. */
struct rates *rates_open(struct state *s, struct err *e);
void rates_close(struct rates *r);

/* In their order, one transaction; those without any limit cost nothing. */
int rates_reserve(struct rates *r, struct rate_ask *all, size_t n, int64_t now,
    struct err *e);

/*
 * The server said: slower.  after_ms: not before that at all (at most a day);
 * 0: it did not say when.  Said again within five seconds it halves nothing
 * more: that was on its way already.  What a scope without a limit really had
 * is what this process was given of it, lately.
 */
int rates_slow_down(struct rates *r, const struct rate_scope *scope,
    int64_t after_ms, int64_t now, struct err *e);

/*
 * One more of the scope's connections for owner, until then unless it is
 * renewed.  true in *is_free: it is ours, until disconnect has been called as
 * often.  A scope without a limit of connections is always free, and keeps no
 * count.
 */
int rates_connect(struct rates *r, const struct rate_scope *scope,
    const char *owner, int64_t until, int64_t now, bool *is_free,
    struct err *e);
/* All of owner's, of all scopes. */
int rates_renew(
    struct rates *r, const char *owner, int64_t until, struct err *e);
int rates_disconnect(struct rates *r, const struct rate_scope *scope,
    const char *owner, struct err *e);

#endif
