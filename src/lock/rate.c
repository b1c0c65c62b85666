#include "lock/rate.h"

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/config.h"
#include "core/id.h"
#include "lock/lock.h"
#include "lock/rate_batch.h"
#include "lock/rate_engines.h"
#include "lock/rate_rules.h"
#include "lock/rate_seen.h"
#include "store/db.h"

enum {
	US = 1000, /* in a millisecond */
	TRIES = 10000, /* steps to a moment that suits all scopes */
};

struct rates {
	struct rate_engine *engine;
	long calls_left; /* until they fail, for tests; -1: never */
	struct rate_seen seen[RATE_SEEN];
};

static const struct rate_ops *const engines[] = {
    &rate_sqlite_ops,
    &rate_mem_ops,
};

static const struct rate_ops *
find_ops(const char *spec)
{
	for (size_t i = 0; i < sizeof engines / sizeof *engines; i++) {
		size_t n = strlen(engines[i]->scheme);

		if (strncmp(spec, engines[i]->scheme, n) == 0 &&
		    strcmp(spec + n, ":") == 0)
			return engines[i];
	}
	return NULL;
}

/* What "fail:N:SPEC" and "trace:SPEC" stand round. */
static const char *
unwrap(const char *spec, long *calls_left)
{
	char *end;

	for (;;) {
		if (strncmp(spec, "trace:", 6) == 0)
			spec += 6;
		else if (strncmp(spec, "fail:", 5) == 0) {
			*calls_left = strtol(spec + 5, &end, 10);
			spec = *end == ':' ? end + 1 : end;
		} else
			return spec[0] != '\0' ? spec : "mem:";
	}
}

struct rates *
rates_open(struct state *s, struct err *e)
{
	struct rates *r = xcalloc(1, sizeof *r);
	const char *spec =
	    config_str(&s->config, "engines.locks", LOCK_DEFAULT);
	const struct rate_ops *ops;

	r->calls_left = -1;
	ops = find_ops(unwrap(spec, &r->calls_left));
	if (ops == NULL)
		err_set(e, ERR_TEMP, "engines.locks: no rates with \"%.60s\"",
		    spec);
	else
		r->engine = ops->open(s, e);
	if (r->engine != NULL) {
		r->engine->ops = ops;
		return r;
	}
	free(r);
	return NULL;
}

void
rates_close(struct rates *r)
{
	if (r == NULL)
		return;
	r->engine->ops->close(r->engine);
	free(r);
}

static int
begin(struct rates *r, struct err *e)
{
	if (r->calls_left == 0)
		return err_set(e, ERR_TEMP, "fail: rates");
	if (r->calls_left > 0)
		r->calls_left--;
	return r->engine->ops->begin(r->engine, e);
}

static bool
is_limited(const struct rate_scope *scope)
{
	return scope->per_s > 0 || scope->per_day > 0;
}

static bool
is_asked(const struct rate_batch *b, const struct rate_scope *scope)
{
	return is_limited(scope) || b->is_slow;
}

/* The earliest moment, in microseconds, that suits all scopes; -1: none. */
static int64_t
find_moment(
    const struct rate_batch *b, struct rate_ask *a, const uint32_t *entries)
{
	int64_t at = b->now * US;
	size_t n_fine = 0;

	for (size_t i = 0, tries = 0; n_fine < a->n; i = (i + 1) % a->n) {
		const struct rate_scope *scope = &a->scopes[i];
		bool is_day;
		int64_t next;

		if (tries++ == TRIES)
			return -1;
		n_fine++;
		if (!is_asked(b, scope))
			continue;
		next = rate_rule_next(&b->entries[entries[i]].state, scope,
		    rate_rule_per_day(scope, a), b->now, at, &is_day);
		if (next == at)
			continue;
		at = next;
		a->by = i;
		a->is_day = is_day;
		n_fine = 1;
	}
	return at;
}

static void
give(struct rates *r, struct rate_batch *b, const struct rate_ask *a,
    const uint32_t *entries, int64_t at)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct rate_scope *scope = &a->scopes[i];
		struct rate_entry *entry;

		if (scope->per_s == 0)
			rate_seen_note(r->seen, scope->name, b->now);
		if (!is_asked(b, scope))
			continue;
		entry = &b->entries[entries[i]];
		entry->is_changed = true;
		rate_rule_give(&entry->state, scope, !a->is_again, b->now, at);
	}
}

/* The moment that it has missed. */
static void
take_back(
    struct rate_batch *b, const struct rate_ask *a, const uint32_t *entries)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct rate_scope *scope = &a->scopes[i];
		struct rate_entry *entry;

		if (!is_asked(b, scope))
			continue;
		entry = &b->entries[entries[i]];
		entry->is_changed = true;
		rate_rule_take_back(&entry->state, scope, b->now, a->at);
	}
}

/* Not now: those of one scope come back one after the other. */
static void
refuse(struct rate_batch *b, struct rate_ask *a, const uint32_t *entries)
{
	const struct rate_scope *scope = &a->scopes[a->by];
	struct rate_entry *entry;

	if (!is_asked(b, scope))
		return;
	entry = &b->entries[entries[a->by]];
	a->at += entry->n_refused++ * entry->interval_us / US;
}

static int
reserve_one(
    struct rates *r, struct rate_batch *b, struct rate_ask *a, struct err *e)
{
	uint32_t entries[RATE_SCOPES] = {0};
	int64_t within = a->within_ms < RATE_WITHIN_MAX_MS ? a->within_ms
							   : RATE_WITHIN_MAX_MS;
	int64_t at;

	a->by = 0;
	a->is_day = false;
	for (size_t i = 0; i < a->n; i++)
		if (is_asked(b, &a->scopes[i]) &&
		    rate_batch_find(b, &a->scopes[i], &entries[i], e) == -1)
			return -1;
	if (a->is_again)
		take_back(b, a, entries);
	at = find_moment(b, a, entries);
	a->is_reserved = at != -1 && at <= (b->now + within) * US;
	a->at = at != -1 ? (at + US - 1) / US : b->now + within;
	if (a->is_reserved)
		give(r, b, a, entries, at);
	else
		refuse(b, a, entries);
	return 0;
}

static int
reserve(struct rates *rates, struct rate_batch *b, struct rate_ask *all,
    size_t n, bool *is_written, struct err *e)
{
	struct rate_engine *engine = b->engine;
	int slow = engine->ops->is_slow(engine, b->now, e), r = slow;

	b->is_slow = slow == 1;
	for (size_t i = 0; r != -1 && i < n; i++)
		r = reserve_one(rates, b, &all[i], e);
	for (uint32_t i = 0; r != -1 && i < b->n; i++) {
		if (!b->entries[i].is_changed)
			continue;
		*is_written = true;
		r = rate_batch_store(b, i, e);
	}
	if (r != -1 && *is_written)
		r = engine->ops->prune(engine, 2 * b->n + 8, b->now, e);
	return r == -1 ? -1 : 0;
}

/* Nothing has a limit, and the server has not complained. */
static int
is_free(struct rates *r, const struct rate_ask *all, size_t n, int64_t now,
    struct err *e)
{
	int slow;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < all[i].n; k++)
			if (is_limited(&all[i].scopes[k]))
				return 0;
	slow = r->engine->ops->is_slow(r->engine, now, e);
	return slow == -1 ? -1 : !slow;
}

static void
let_go(struct rates *r, struct rate_ask *all, size_t n, int64_t now)
{
	for (size_t i = 0; i < n; i++) {
		all[i].is_reserved = true;
		all[i].at = now;
		all[i].by = 0;
		all[i].is_day = false;
		for (size_t k = 0; k < all[i].n; k++)
			rate_seen_note(r->seen, all[i].scopes[k].name, now);
	}
}

/*
 * For the others' transactions.  A moment that is over by the time that it is
 * given would be missed, and so would be the next one.
 */
static int64_t
waited_ms(int64_t from, int64_t to)
{
	return to > from && to - from <= DB_WAIT_MS ? to - from : 0;
}

int
rates_reserve(
    struct rates *r, struct rate_ask *all, size_t n, int64_t now, struct err *e)
{
	int free_now = is_free(r, all, n, now, e), result;
	bool is_written = false;
	struct rate_batch b;
	int64_t came;

	if (free_now == 1)
		let_go(r, all, n, now);
	if (free_now != 0)
		return free_now == 1 ? 0 : -1;
	came = clock_now_ms();
	if (begin(r, e) == -1)
		return -1;
	rate_batch_init(&b, r->engine, n * RATE_SCOPES,
	    now + waited_ms(came, clock_now_ms()));
	result = reserve(r, &b, all, n, &is_written, e);
	rate_batch_release(&b);
	return r->engine->ops->end(r->engine, result, is_written, e);
}

int
rates_slow_down(struct rates *r, const struct rate_scope *scope,
    int64_t after_ms, int64_t now, struct err *e)
{
	double had = rate_seen_per_s(r->seen, scope->name, now);
	struct rate_batch b;
	uint32_t at = 0;
	int result;

	if (begin(r, e) == -1)
		return -1;
	rate_batch_init(&b, r->engine, 1, now);
	result = rate_batch_find(&b, scope, &at, e);
	if (result == 0) {
		rate_rule_slow_down(
		    &b.entries[at].state, scope, had, after_ms, now);
		result = rate_batch_store(&b, at, e);
	}
	rate_batch_release(&b);
	return r->engine->ops->end(r->engine, result, true, e);
}

static int
connect_one(struct rates *r, const struct rate_scope *scope, const char *owner,
    int64_t until, int64_t now, bool *is_free_one, struct err *e)
{
	char text[DIGEST_TEXT];
	const char *name = rate_kept_name(scope->name, text);
	const struct rate_ops *ops = r->engine->ops;
	int64_t all, own;

	if (ops->count(r->engine, name, owner, now, now + RATE_DAY_MS, &all,
		&own, e) == -1)
		return -1;
	*is_free_one = all < scope->connections;
	if (!*is_free_one)
		return 0;
	return ops->set(r->engine, name, owner, own + 1, until, e);
}

int
rates_connect(struct rates *r, const struct rate_scope *scope,
    const char *owner, int64_t until, int64_t now, bool *is_free_one,
    struct err *e)
{
	int result;

	*is_free_one = scope->connections == 0;
	if (*is_free_one)
		return 0;
	if (begin(r, e) == -1)
		return -1;
	result = connect_one(r, scope, owner, until, now, is_free_one, e);
	return r->engine->ops->end(r->engine, result, true, e);
}

int
rates_renew(struct rates *r, const char *owner, int64_t until, struct err *e)
{
	int result;

	if (begin(r, e) == -1)
		return -1;
	result = r->engine->ops->renew(r->engine, owner, until, e);
	return r->engine->ops->end(r->engine, result, true, e);
}

int
rates_disconnect(struct rates *r, const struct rate_scope *scope,
    const char *owner, struct err *e)
{
	char text[DIGEST_TEXT];
	const char *name = rate_kept_name(scope->name, text);
	const struct rate_ops *ops = r->engine->ops;
	int64_t all, own = 0;
	int result;

	if (scope->connections == 0)
		return 0;
	if (begin(r, e) == -1)
		return -1;
	result = ops->count(
	    r->engine, name, owner, INT64_MIN, INT64_MAX, &all, &own, e);
	if (result == 0 && own > 0)
		result = ops->set(r->engine, name, owner, own - 1, 0, e);
	return ops->end(r->engine, result, own > 0, e);
}
