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
	RATE_NAME_MAX = 400, /* bytes of a scope's name */
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
	/* Out: */
	bool is_reserved;
	int64_t at; /* when it may go; not reserved: when it could */
	size_t by; /* which of scopes made it wait */
	bool is_day; /* it is the limit of 24 hours */
};

struct rates;

/* The engine of "engines.locks".  NULL: ERR_TEMP. */
struct rates *rates_open(struct state *s, struct err *e);
void rates_close(struct rates *r);

/* In their order, one transaction; those without any limit cost nothing. */
int rates_reserve(struct rates *r, struct rate_ask *all, size_t n, int64_t now,
    struct err *e);

/* The server said: slower.  after_ms: not before that at all; 0: it did not say
 * when. */
int rates_slow_down(struct rates *r, const struct rate_scope *scope,
    int64_t after_ms, int64_t now, struct err *e);

/*
 * One of the scope's connections for owner, until then unless it is renewed.
 * true in *is_free: it is ours.
 */
int rates_connect(struct rates *r, const struct rate_scope *scope,
    const char *owner, int64_t until, int64_t now, bool *is_free,
    struct err *e);
/* All of owner's. */
int rates_renew(
    struct rates *r, const char *owner, int64_t until, struct err *e);
int rates_disconnect(struct rates *r, const struct rate_scope *scope,
    const char *owner, struct err *e);

#endif
