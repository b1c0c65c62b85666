/*
 * The rules of rates, once for all engines: what is kept of a scope, and when
 * the next mail of it may go.  Moments are microseconds since the epoch, so
 * that those of a fast scope do not fall together; all else is milliseconds.
 */
#ifndef LOCK_RATE_RULES_H
#define LOCK_RATE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "lock/rate.h"

enum {
	RATE_RUNS = 32, /* more are joined: what is between them is lost */
	RATE_SLICE_MS = 10 * 60 * 1000,
	RATE_DAY = 24 * 6, /* slices before that of now which count */
	RATE_SLICES = RATE_DAY + 2, /* with that of now, and the next one */
	RATE_AGAIN_MS = 5000, /* what the server says meanwhile is old news */
	RATE_QUIET_MS = 60 * 1000,
	RATE_STEPS = 10, /* quiet times until all is as it was */
	RATE_DAY_MS = 24 * 3600 * 1000,
};

/* Moments that were given, so close that nothing goes between them. */
struct rate_run {
	int64_t first, last;
};

struct rate_state {
	struct rate_run runs[RATE_RUNS]; /* in order */
	size_t n_runs;
	int64_t day_first; /* the number of slices[0], ten minutes each */
	int64_t slices[RATE_SLICES];
	double cut; /* it was slowed down to so many a second; 0: not */
	double base; /* up to which it recovers */
	int64_t slow_at; /* when the server last said so */
	int64_t not_before;
};

/* Bring what is stored to now: what is over goes, what can't be is mended. */
void rate_rule_settle(
    struct rate_state *s, const struct rate_scope *scope, int64_t now);

/* How many a second now; 0: as many as they like. */
double rate_rule_per_s(
    const struct rate_state *s, const struct rate_scope *scope, int64_t now);

/* Between two moments of a scope; 0: none. */
int64_t rate_rule_interval_us(double per_s);

/* So many such mails a day; 0: no limit. */
int64_t rate_rule_per_day(
    const struct rate_scope *scope, const struct rate_ask *a);

/*
 * The first moment from at on.  *is_day: it is the limit of 24 hours, of
 * per_day, that is in the way.
 */
int64_t rate_rule_next(const struct rate_state *s,
    const struct rate_scope *scope, int64_t per_day, int64_t now, int64_t at,
    bool *is_day);

/* A moment that was missed, in milliseconds as it was told, is free again. */
void rate_rule_take_back(struct rate_state *s, const struct rate_scope *scope,
    int64_t now, int64_t at_ms);

/* at, which rate_rule_next has found, is given. */
void rate_rule_give(struct rate_state *s, const struct rate_scope *scope,
    bool is_counted, int64_t now, int64_t at);

/* had: how many a second it really had lately. */
void rate_rule_slow_down(struct rate_state *s, const struct rate_scope *scope,
    double had, int64_t after_ms, int64_t now);

/*
 * Until when anything of it matters, with moments interval apart; and until
 * when it is slowed down, 0: it is not.
 */
int64_t rate_rule_until(const struct rate_state *s, int64_t interval_us);
int64_t rate_rule_slow_until(const struct rate_state *s);

/* As bytes, and back: what can't be read is as if nothing were there. */
void rate_rule_write(const struct rate_state *s, struct buf *out);
void rate_rule_read(struct rate_state *s, const char *data, size_t len);

#endif
