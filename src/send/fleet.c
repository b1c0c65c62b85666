#include "send/fleet.h"

#include <stdlib.h>

#include "core/buf.h"
#include "core/clock.h"

void
fleet_init(struct fleet *f, struct queue *queue, size_t max)
{
	*f = (struct fleet){.tools = {.queue = queue}, .max = max};
	moments_init(&f->moments, queue);
}

static void
remove_carrier(struct fleet *f, size_t i)
{
	struct carrier *c = f->carriers[i];

	c->lane->carriers--;
	if (c->lane->transport->url.kind == TRANSPORT_SMTP)
		moments_disconnect(&f->moments, c->lane->transport);
	f->carriers[i] = f->carriers[--f->n];
	carrier_close(c);
}

void
fleet_release(struct fleet *f)
{
	while (f->n > 0)
		remove_carrier(f, f->n - 1);
	for (size_t i = 0; i < f->n_lanes; i++)
		lane_free(f->lanes[i]);
	free(f->carriers);
	free(f->lanes);
	carrier_tools_release(&f->tools);
	moments_release(&f->moments);
}

struct lane *
fleet_lane(struct fleet *f, struct transport *t)
{
	for (size_t i = 0; i < f->n_lanes; i++)
		if (f->lanes[i]->transport == t)
			return f->lanes[i];
	f->lanes = xrealloc(f->lanes, f->n_lanes + 1, sizeof(void *));
	f->lanes[f->n_lanes] = lane_new(t);
	return f->lanes[f->n_lanes++];
}

size_t
fleet_count(
    const struct fleet *f, const struct lane *lane, enum carrier_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += f->carriers[i]->lane == lane &&
		     f->carriers[i]->state == state;
	return n;
}

static size_t
count_places(const struct fleet *f, int64_t now)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++)
		n += carrier_has_place(f->carriers[i], now);
	return n;
}

/* An equal part of the places for each lane that has something to do. */
static size_t
share(const struct fleet *f)
{
	size_t n = 1;

	for (size_t i = 0; i < f->n_lanes; i++)
		n += lane_has_letters(f->lanes[i]) || f->lanes[i]->carriers > 0;
	n -= n > 1;
	return n < f->max ? f->max / n : 1;
}

/* An idle one of a lane that needs it less: it makes room. */
static bool
make_room(struct fleet *f)
{
	size_t most = share(f);

	for (size_t i = 0; i < f->n; i++) {
		struct carrier *c = f->carriers[i];

		if (c->state == CARRIER_IDLE &&
		    (!lane_has_letters(c->lane) || c->lane->carriers > most)) {
			remove_carrier(f, i);
			return true;
		}
	}
	return false;
}

/* May the lane have one more?  Until it is known to work it tries one. */
static bool
may_open(struct fleet *f, struct lane *lane, int64_t now)
{
	if (lane->cap_until <= now)
		lane->cap = 0;
	if (now < lane->try_at || (!lane->is_up && lane->carriers > 0) ||
	    (lane->cap > 0 && lane->carriers >= lane->cap) ||
	    lane->carriers >= f->max || f->n >= f->max + FLEET_SLOW_MAX)
		return false;
	if (count_places(f, now) < f->max)
		return true;
	return lane->carriers < share(f) && make_room(f);
}

/* A server's connections are counted with those of other processes. */
static struct carrier *
open_one(struct fleet *f, struct lane *lane, struct verdict *v)
{
	bool is_server = lane->transport->url.kind == TRANSPORT_SMTP;
	struct carrier *c;

	if (is_server && !moments_connect(&f->moments, lane->transport)) {
		lane->try_at = clock_mono_ms() + LANE_BUSY_MS;
		return NULL;
	}
	c = carrier_open(&f->tools, lane, v);
	if (c == NULL && is_server)
		moments_disconnect(&f->moments, lane->transport);
	if (c == NULL)
		return NULL;
	f->carriers = xrealloc(f->carriers, f->n + 1, sizeof(void *));
	f->carriers[f->n++] = c;
	lane->carriers++;
	return c;
}

static struct carrier *
find_idle(struct fleet *f, const struct lane *lane)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->carriers[i]->lane == lane &&
		    f->carriers[i]->state == CARRIER_IDLE)
			return f->carriers[i];
	return NULL;
}

struct carrier *
fleet_carrier(struct fleet *f, struct lane *lane, size_t due, struct verdict *v)
{
	struct carrier *c = find_idle(f, lane);

	v->status = NULL;
	/* Those that are being opened are for some of them already. */
	if (c == NULL && due > fleet_count(f, lane, CARRIER_OPENING) &&
	    may_open(f, lane, clock_mono_ms()))
		c = open_one(f, lane, v);
	return c != NULL && c->state == CARRIER_IDLE ? c : NULL;
}

/* Since when the server owes this one an answer; INT64_MAX: it does not. */
static int64_t
owed_since(const struct carrier *c)
{
	if (c->state == CARRIER_BUSY)
		return c->letter->started_at;
	return c->state == CARRIER_OPENING && !c->lane->is_up ? c->opened_at
							      : INT64_MAX;
}

int64_t
fleet_patience(const struct fleet *f, const struct lane *lane)
{
	int64_t first = INT64_MAX;

	if (lane->fresh.n + lane->timed.n < 2)
		return INT64_MAX;
	for (size_t i = 0; i < f->n; i++)
		if (f->carriers[i]->lane == lane &&
		    owed_since(f->carriers[i]) < first)
			first = owed_since(f->carriers[i]);
	if (first == INT64_MAX)
		return INT64_MAX;
	return (first > lane->moved_at ? first : lane->moved_at) +
	       FLEET_PATIENCE_MS;
}

static bool
is_spent(const struct carrier *c, int64_t now)
{
	if (c->state == CARRIER_CLOSED)
		return true;
	return c->state == CARRIER_IDLE &&
	       (c->carried >= CARRIER_MAILS ||
		   (!lane_has_letters(c->lane) &&
		       now - c->idle_since >= CARRIER_IDLE_MS));
}

void
fleet_sweep(struct fleet *f)
{
	int64_t now = clock_mono_ms();

	for (size_t i = f->n; i-- > 0;)
		if (is_spent(f->carriers[i], now))
			remove_carrier(f, i);
}
