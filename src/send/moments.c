#include "send/moments.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/tool.h"
#include "mail/record.h"
#include "send/envelope.h"
#include "send/holds.h"

/* The scopes of a letter, with their names. */
struct scopes {
	struct rate_scope all[RATE_SCOPES];
	char names[RATE_SCOPES][RATE_NAME_MAX + 1];
	size_t n;
};

enum {
	SCOPE_TRANSPORT,
	SCOPE_TENANT,
	SCOPE_DOMAIN, /* when the configuration has it */
};

void
moments_init(struct moments *m, struct queue *queue)
{
	*m = (struct moments){.queue = queue};
	id_random(m->owner);
}

void
moments_release(struct moments *m)
{
	rates_close(m->rates);
	m->rates = NULL;
}

/* ERR_TEMP. */
static struct rates *
open_rates(struct moments *m, struct err *e)
{
	if (m->rates == NULL)
		m->rates = rates_open(m->queue->state, e);
	return m->rates;
}

/* limits is borrowed from the configuration, or none. */
static struct rate_scope *
add(struct scopes *s, json limits)
{
	struct rate_scope *scope = &s->all[s->n];

	*scope = (struct rate_scope){
	    .name = s->names[s->n],
	    .per_s = config_in_number(limits, "per_s", 0),
	    .per_day = config_in_int(limits, "per_day", 0),
	    .connections = config_in_int(limits, "connections", 0),
	};
	s->n++;
	return scope;
}

static void
add_transport(struct scopes *s, const struct transport *t)
{
	snprintf(s->names[s->n], sizeof *s->names, "transport:%.380s", t->name);
	add(s, config_in(t->config, "limits"));
}

/* "*" is each other domain by itself. */
static void
add_domain(struct scopes *s, const struct letter *l)
{
	json domains =
	    json_member(l->transport->config, "domains", JSON_OBJECT);
	char domain[256];
	json one;
	size_t n = 0;

	for (const char *p = envelope_domain(l->recipient);
	     *p != '\0' && n < sizeof domain - 1; p++)
		domain[n++] = (char)tolower((unsigned char)*p);
	domain[n] = '\0';
	one = json_member(domains, domain, JSON_OBJECT);
	if (!json_is_valid(one))
		one = json_member(domains, "*", JSON_OBJECT);
	if (json_is_valid(one)) {
		snprintf(s->names[s->n], sizeof *s->names, "domain:%.64s:%s",
		    l->transport->name, domain);
		add(s, config_in(one, "limits"));
	}
	json_free(one); /* the configuration still holds it */
	json_free(domains);
}

static void
find_scopes(struct moments *m, const struct letter *l, struct scopes *s)
{
	const struct config *c = &m->queue->state->config;

	s->n = 0;
	add_transport(s, l->transport);
	snprintf(s->names[s->n], sizeof *s->names, "tenant:%.64s", l->tenant);
	add(s, config_in(config_tenant(c, l->tenant), "limits"));
	add_domain(s, l);
}

/* Do they limit how many come together?  Of a day it does not matter when. */
static bool
is_limited(const struct scopes *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->all[i].per_s > 0)
			return true;
	return false;
}

static void
make_ask(const struct letter *l, const struct scopes *s, struct rate_ask *ask)
{
	*ask = (struct rate_ask){
	    .n = s->n,
	    .within_ms =
		l->priority > 0 ? MOMENTS_URGENT_WITHIN_MS : MOMENTS_WITHIN_MS,
	    .priority = l->priority,
	    .is_again = l->is_missed,
	    .at = l->missed_at,
	};
	memcpy(ask->scopes, s->all, s->n * sizeof *s->all);
}

/* It is too far away to wait for. */
static void
snooze(struct letter *l, const struct rate_ask *ask, int64_t now)
{
	const struct rate_scope *by = &ask->scopes[ask->by];
	int64_t after_s = (ask->at - now + 999) / 1000;
	char at[CLOCK_TEXT];
	char *reason =
	    ask->is_day
		? xasprintf("%.400s: its %lld in 24 hours are used up until %s",
		      by->name, (long long)by->per_day,
		      clock_format(ask->at, at))
		: xasprintf("%.400s: its rate is used up until %s", by->name,
		      clock_format(ask->at, at));

	letter_end(l, "snooze", "throttle", reason);
	letter_add(l, "after_s", json_number(after_s > 0 ? after_s : 1));
	letter_add_detail(l, "limit", json_string(by->name));
	free(reason);
}

static void
note(struct letter *l, const struct rate_ask *ask, bool is_paced, int64_t now)
{
	if (!ask->is_reserved) {
		snooze(l, ask, now);
		return;
	}
	l->at = ask->at;
	l->has_moment = true;
	l->is_paced = is_paced || ask->at > now;
}

static bool
are_same(const struct scopes *a, const struct scopes *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++)
		if (strcmp(a->names[i], b->names[i]) != 0)
			return false;
	return a->n == b->n;
}

/* Who waits for the first moment that l may have instead, or NULL. */
static struct letter *
find_rival(struct moments *m, const struct lane *lane, const struct letter *l,
    const struct scopes *scopes)
{
	struct letter *best = NULL;
	struct scopes others;

	for (struct letter *other = lane->timed.first; other != NULL;
	     other = other->next) {
		if (other->priority >= l->priority || !other->is_paced ||
		    other->at >= (best != NULL ? best->at : l->at) ||
		    strcmp(other->tenant, l->tenant) != 0)
			continue;
		find_scopes(m, other, &others);
		if (are_same(scopes, &others))
			best = other;
	}
	return best;
}

/*
 * What is urgent takes the first moment of what can wait (lock/rate.h).  The
 * one that waits now.
 */
static struct letter *
exchange(struct moments *m, struct lane **lanes, size_t n_lanes,
    struct letter *l, const struct scopes *scopes)
{
	struct letter *rival = NULL;
	int64_t at = l->at;

	for (size_t i = 0; i < n_lanes; i++)
		if (lanes[i]->transport == l->transport)
			rival = find_rival(m, lanes[i], l, scopes);
	if (rival == NULL)
		return l;
	l->at = rival->at;
	rival->at = at;
	return rival;
}

struct batch {
	struct lane **lanes;
	size_t n_lanes;
	struct letter **letters;
	size_t n;
};

/* What came of it, for one letter and for who waits then. */
static void
note_one(struct moments *m, const struct batch *b, size_t i,
    struct rate_ask *ask, const struct scopes *scopes, struct holds *holds,
    int64_t now)
{
	struct letter *l = b->letters[i], *waits = l;

	note(l, ask, is_limited(scopes), now);
	if (l->has_moment && l->is_paced && l->at > now)
		waits = exchange(m, b->lanes, b->n_lanes, l, scopes);
	ask->priority = waits->priority;
	holds_note(holds, waits, ask, now);
}

static int
reserve(struct moments *m, const struct batch *b, struct err *e)
{
	size_t n = b->n;
	struct scopes *scopes = xcalloc(n, sizeof *scopes);
	struct rate_ask *asks = xcalloc(n, sizeof *asks);
	int64_t now = clock_now_ms();
	struct holds holds = {.n = 0};
	int r;

	for (size_t i = 0; i < n; i++) {
		find_scopes(m, b->letters[i], &scopes[i]);
		make_ask(b->letters[i], &scopes[i], &asks[i]);
	}
	r = rates_reserve(m->rates, asks, n, now, e);
	for (size_t i = 0; r == 0 && i < n; i++)
		note_one(m, b, i, &asks[i], &scopes[i], &holds, now);
	holds_end(&holds, m->queue);
	free(asks);
	free(scopes);
	return r;
}

void
moments_reserve(struct moments *m, struct lane **lanes, size_t n_lanes,
    struct letter **letters, size_t n)
{
	const struct batch b = {lanes, n_lanes, letters, n};
	struct err e = ERR_INIT;

	if (n == 0)
		return;
	if (open_rates(m, &e) != NULL && reserve(m, &b, &e) == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		letters[i]->err = e;
		err_prefix(&letters[i]->err, "%s: not started",
		    record_id(letters[i]->rec));
		letter_withhold(letters[i]);
	}
}

bool
moments_is_missed(const struct letter *l, int64_t now)
{
	return (l->is_paced && now > l->at + RATE_LATE_MS) ||
	       moments_is_far(l, now);
}

bool
moments_is_far(const struct letter *l, int64_t now)
{
	return l->at > now + RATE_WITHIN_MAX_MS;
}

void
moments_forget(struct letter *l)
{
	if (l->has_moment && l->is_paced) {
		l->is_missed = true;
		l->missed_at = l->at;
	}
	l->has_moment = false;
	l->at = 0;
}

void
moments_slow_down(struct moments *m, const struct letter *l, int64_t after_s)
{
	struct err e = ERR_INIT;
	struct scopes s;
	size_t which;

	find_scopes(m, l, &s);
	which = s.n > SCOPE_DOMAIN ? SCOPE_DOMAIN : SCOPE_TRANSPORT;
	if (open_rates(m, &e) == NULL ||
	    rates_slow_down(m->rates, &s.all[which], after_s * 1000,
		clock_now_ms(), &e) == -1)
		tool_failed(&e);
}

/* Whoever cannot count connections opens none. */
static bool
connect_one(struct moments *m, const struct rate_scope *scope)
{
	int64_t now = clock_now_ms();
	struct err e = ERR_INIT;
	bool is_free = false;

	if (scope->connections == 0)
		return true;
	if (open_rates(m, &e) == NULL ||
	    rates_connect(m->rates, scope, m->owner, now + MOMENTS_LEASE_MS,
		now, &is_free, &e) == -1) {
		tool_failed(&e);
		return false;
	}
	if (!is_free)
		return false;
	if (m->connected++ == 0)
		m->renew_at = now + MOMENTS_LEASE_MS / 3;
	return true;
}

static void
disconnect_one(struct moments *m, const struct rate_scope *scope)
{
	struct err e = ERR_INIT;

	if (scope->connections == 0)
		return;
	if (rates_disconnect(m->rates, scope, m->owner, &e) == -1)
		tool_failed(&e);
	if (--m->connected == 0)
		m->renew_at = 0;
}

bool
moments_connect(struct moments *m, const struct transport *t)
{
	struct scopes s = {.n = 0};

	add_transport(&s, t);
	return connect_one(m, &s.all[0]);
}

void
moments_disconnect(struct moments *m, const struct transport *t)
{
	struct scopes s = {.n = 0};

	add_transport(&s, t);
	disconnect_one(m, &s.all[0]);
}

bool
moments_join(struct moments *m, struct letter *l)
{
	struct scopes s;

	if (l->is_joined)
		return true;
	find_scopes(m, l, &s);
	for (size_t i = SCOPE_TENANT; i < s.n; i++) {
		if (connect_one(m, &s.all[i]))
			continue;
		while (i-- > SCOPE_TENANT)
			disconnect_one(m, &s.all[i]);
		return false;
	}
	l->is_joined = true;
	return true;
}

void
moments_leave(struct moments *m, struct letter *l)
{
	struct scopes s;

	if (!l->is_joined)
		return;
	l->is_joined = false;
	find_scopes(m, l, &s);
	for (size_t i = SCOPE_TENANT; i < s.n; i++)
		disconnect_one(m, &s.all[i]);
}

int64_t
moments_renew(struct moments *m, int64_t now)
{
	struct err e = ERR_INIT;

	if (m->connected == 0)
		return INT64_MAX;
	if (now < m->renew_at)
		return m->renew_at;
	if (rates_renew(m->rates, m->owner, now + MOMENTS_LEASE_MS, &e) == -1)
		tool_failed(&e);
	m->renew_at = now + MOMENTS_LEASE_MS / 3;
	return m->renew_at;
}
