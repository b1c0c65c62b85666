#include "lock/rate_rules.h"

#include <math.h>
#include <string.h>

enum {
	US = 1000, /* in a millisecond */
	/*
	 * A moment is farther from the next one than the limit asks, by 3 %: of
	 * any second of the server's 30 ms are spare, for the way there, our
	 * rounding, and RATE_LATE_MS.
	 */
	INTERVAL_US = 1030 * 1000,
	/* Of the limit of a day, this part is left to urgent mail. */
	URGENT_SHARE = 50,
};

/* The slowest that a scope becomes, if its limit is not slower. */
static const double slowest = 1.0 / 60;

int64_t
rate_rule_interval_us(double per_s)
{
	const double most = (double)RATE_DAY_MS * US;
	double interval = per_s > 0 ? ceil(INTERVAL_US / per_s) : 0;

	return (int64_t)(interval < most ? interval : most);
}

/* What was slowed down has this by now. */
static double
recovered(const struct rate_state *s, int64_t now)
{
	int64_t steps = (now - s->slow_at) / RATE_QUIET_MS;

	return s->cut + (double)steps * s->base / RATE_STEPS;
}

double
rate_rule_per_s(
    const struct rate_state *s, const struct rate_scope *scope, int64_t now)
{
	double slow;

	if (s->cut == 0)
		return scope->per_s;
	slow = recovered(s, now);
	return scope->per_s > 0 && scope->per_s < slow ? scope->per_s : slow;
}

static int64_t
interval_of(
    const struct rate_state *s, const struct rate_scope *scope, int64_t now)
{
	return rate_rule_interval_us(rate_rule_per_s(s, scope, now));
}

/* The clock was set back: nobody has waited for that longer than before. */
static void
settle_slow(struct rate_state *s, int64_t now)
{
	if (s->slow_at > now) {
		s->not_before -= s->slow_at - now;
		s->slow_at = now;
	}
	if (s->cut > 0 && recovered(s, now) >= s->base)
		s->cut = s->base = 0;
	if (s->not_before <= now)
		s->not_before = 0;
}

/* No moment is farther away than somebody could have asked for. */
static void
settle_runs(struct rate_state *s, int64_t interval, int64_t now)
{
	int64_t end = (now + RATE_WITHIN_MAX_MS) * US;
	size_t n = 0;

	for (size_t i = 0; i < s->n_runs; i++) {
		struct rate_run run = s->runs[i];

		if (run.last > end)
			run.last = end;
		if (run.first <= run.last && run.last + interval > now * US)
			s->runs[n++] = run;
	}
	s->n_runs = n;
}

static void
settle_day(struct rate_state *s, int64_t now)
{
	int64_t first = now / RATE_SLICE_MS - RATE_DAY;
	int64_t was[RATE_SLICES];

	if (s->day_first == first)
		return;
	memcpy(was, s->slices, sizeof was);
	memset(s->slices, 0, sizeof s->slices);
	for (int i = 0; i < RATE_SLICES; i++) {
		int64_t to = s->day_first + i - first;

		/* From a time that has not come: it was just now, then. */
		if (to >= RATE_SLICES)
			to = RATE_DAY;
		if (to >= 0)
			s->slices[to] += was[i];
	}
	s->day_first = first;
}

void
rate_rule_settle(
    struct rate_state *s, const struct rate_scope *scope, int64_t now)
{
	settle_slow(s, now);
	settle_runs(s, interval_of(s, scope, now), now);
	settle_day(s, now);
}

/* The first moment from at on that is an interval away from all others. */
static int64_t
next_free(const struct rate_state *s, int64_t interval, int64_t at)
{
	for (size_t i = 0; i < s->n_runs; i++) {
		if (at + interval <= s->runs[i].first)
			break;
		if (at < s->runs[i].last + interval)
			at = s->runs[i].last + interval;
	}
	return at;
}

/*
 * How many there are in the 24 hours that end with slice i, the whole of their
 * oldest slice and what comes after them included.
 */
static int64_t
day_sum(const struct rate_state *s, int64_t i)
{
	int64_t sum = 0;

	for (int64_t k = i - RATE_DAY; k < RATE_SLICES; k++)
		if (k >= 0)
			sum += s->slices[k];
	return sum;
}

static int64_t
next_in_day(const struct rate_state *s, int64_t limit, int64_t at)
{
	const int64_t slice_us = (int64_t)RATE_SLICE_MS * US;
	int64_t i = at / slice_us - s->day_first, start = i;

	while (day_sum(s, i) >= limit && i < start + RATE_SLICES)
		i++;
	return i == start ? at : (s->day_first + i) * slice_us;
}

int64_t
rate_rule_per_day(const struct rate_scope *scope, const struct rate_ask *a)
{
	if (a->is_again)
		return 0;
	if (a->priority > 0)
		return scope->per_day;
	return scope->per_day - scope->per_day / URGENT_SHARE;
}

int64_t
rate_rule_next(const struct rate_state *s, const struct rate_scope *scope,
    int64_t per_day, int64_t now, int64_t at, bool *is_day)
{
	int64_t interval = interval_of(s, scope, now), was;

	*is_day = false;
	if (at < s->not_before * US)
		at = s->not_before * US;
	if (interval > 0)
		at = next_free(s, interval, at);
	if (per_day == 0)
		return at;
	was = at;
	at = next_in_day(s, per_day, at);
	*is_day = at != was;
	/* No run is so far ahead. */
	return *is_day && interval > 0 ? next_free(s, interval, at) : at;
}

/* Join the two runs that are closest. */
static void
join_closest(struct rate_state *s)
{
	size_t best = 1;

	for (size_t i = 2; i < s->n_runs; i++)
		if (s->runs[i].first - s->runs[i - 1].last <
		    s->runs[best].first - s->runs[best - 1].last)
			best = i;
	s->runs[best - 1].last = s->runs[best].last;
	s->n_runs--;
	memmove(&s->runs[best], &s->runs[best + 1],
	    (s->n_runs - best) * sizeof *s->runs);
}

static void
add_moment(struct rate_state *s, int64_t interval, int64_t at)
{
	size_t i = 0;
	bool is_after, is_before;

	if (s->n_runs == RATE_RUNS)
		join_closest(s);
	while (i < s->n_runs && s->runs[i].last < at)
		i++;
	/* Where nothing goes between them they are one. */
	is_after = i > 0 && at - s->runs[i - 1].last < 2 * interval;
	is_before = i < s->n_runs && s->runs[i].first - at < 2 * interval;
	if (is_after && is_before) {
		s->runs[i - 1].last = s->runs[i].last;
		s->n_runs--;
		memmove(&s->runs[i], &s->runs[i + 1],
		    (s->n_runs - i) * sizeof *s->runs);
	} else if (is_after)
		s->runs[i - 1].last = at;
	else if (is_before)
		s->runs[i].first = at;
	else {
		memmove(&s->runs[i + 1], &s->runs[i],
		    (s->n_runs - i) * sizeof *s->runs);
		s->runs[i] = (struct rate_run){at, at};
		s->n_runs++;
	}
}

/*
 * What is beside it in its run is at least an interval away; by the rounding of
 * at_ms that can be a millisecond less, which is spare.
 */
void
rate_rule_take_back(struct rate_state *s, const struct rate_scope *scope,
    int64_t now, int64_t at_ms)
{
	int64_t interval = interval_of(s, scope, now);
	int64_t latest, at;
	struct rate_run run, parts[2];
	size_t i = 0, n = 0;

	if (at_ms < 0 || at_ms > now + RATE_WITHIN_MAX_MS)
		return;
	latest = at_ms * US;
	at = latest - US + 1;
	while (i < s->n_runs && s->runs[i].last < at)
		i++;
	if (i == s->n_runs || s->runs[i].first > latest)
		return;
	run = s->runs[i];
	if (run.first <= latest - interval) {
		parts[n] = (struct rate_run){run.first, at - interval};
		if (parts[n].last < run.first)
			parts[n].last = run.first;
		n++;
	}
	if (run.last >= at + interval)
		parts[n++] = (struct rate_run){at + interval, run.last};
	if (s->n_runs - 1 + n > RATE_RUNS)
		return;
	memmove(&s->runs[i + n], &s->runs[i + 1],
	    (s->n_runs - i - 1) * sizeof *s->runs);
	memcpy(&s->runs[i], parts, n * sizeof *parts);
	s->n_runs = s->n_runs - 1 + n;
}

void
rate_rule_give(struct rate_state *s, const struct rate_scope *scope,
    bool is_counted, int64_t now, int64_t at)
{
	int64_t interval = interval_of(s, scope, now);
	int64_t slice = at / ((int64_t)RATE_SLICE_MS * US) - s->day_first;

	if (interval > 0)
		add_moment(s, interval, at);
	if (scope->per_day > 0 && is_counted)
		s->slices[slice < RATE_SLICES ? slice : RATE_SLICES - 1]++;
}

void
rate_rule_slow_down(struct rate_state *s, const struct rate_scope *scope,
    double had, int64_t after_ms, int64_t now)
{
	double per_s = rate_rule_per_s(s, scope, now), least;
	bool is_news = s->cut == 0 || now - s->slow_at >= RATE_AGAIN_MS;

	if (per_s == 0)
		per_s = had;
	if (scope->per_s > 0)
		s->base = scope->per_s;
	else if (s->cut == 0)
		s->base = per_s;
	least = s->base < slowest ? s->base : slowest;
	s->cut = is_news ? per_s / 2 : per_s;
	if (s->cut < least)
		s->cut = least;
	s->slow_at = now;
	if (after_ms > RATE_DAY_MS)
		after_ms = RATE_DAY_MS;
	if (after_ms > 0 && now + after_ms > s->not_before)
		s->not_before = now + after_ms;
}

int64_t
rate_rule_slow_until(const struct rate_state *s)
{
	int64_t back = s->slow_at + RATE_STEPS * (int64_t)RATE_QUIET_MS;

	return s->cut > 0 && back > s->not_before ? back : s->not_before;
}

int64_t
rate_rule_until(const struct rate_state *s, int64_t interval_us)
{
	int64_t until = rate_rule_slow_until(s), end;

	if (s->n_runs > 0) {
		end = (s->runs[s->n_runs - 1].last + interval_us) / US + 1;
		until = end > until ? end : until;
	}
	for (int i = RATE_SLICES - 1; i >= 0; i--)
		if (s->slices[i] > 0) {
			end = (s->day_first + i + RATE_DAY + 1) * RATE_SLICE_MS;
			return end > until ? end : until;
		}
	return until;
}
