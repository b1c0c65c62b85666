#include "send/pool.h"

#include <errno.h>
#include <stdlib.h>

#include "core/buf.h"
#include "core/clock.h"

void
pool_init(struct pool *p, struct queue *queue, size_t max)
{
	*p = (struct pool){
	    .config = &queue->state->config,
	    .source = {.queue = queue},
	    .signing = {.config = &queue->state->config},
	    .tools = {.queue = queue},
	    .max = max,
	};
}

void
pool_release(struct pool *p)
{
	for (size_t i = 0; i < p->n_carriers; i++)
		carrier_close(p->carriers[i]);
	for (size_t i = 0; i < p->n_lanes; i++)
		lane_free(p->lanes[i]);
	carrier_tools_release(&p->tools);
	free(p->carriers);
	free(p->lanes);
	signing_release(&p->signing);
}

bool
pool_has_room(const struct pool *p)
{
	return p->n_letters < POOL_LETTERS && p->bytes < POOL_BYTES;
}

/* It is out of our hands. */
static void
let_go(struct pool *p, struct letter *l)
{
	p->n_letters--;
	p->bytes -= l->line_len;
	p->over(p->ctx, l);
}

static void
end_with(struct pool *p, struct letter *l, const struct verdict *v)
{
	verdict_apply(v, l);
	let_go(p, l);
}

static struct lane *
find_lane(struct pool *p, struct transport *t)
{
	for (size_t i = 0; i < p->n_lanes; i++)
		if (p->lanes[i]->transport == t)
			return p->lanes[i];
	p->lanes = xrealloc(p->lanes, p->n_lanes + 1, sizeof(void *));
	p->lanes[p->n_lanes] = lane_new(t);
	return p->lanes[p->n_lanes++];
}

void
pool_add(struct pool *p, struct letter *l)
{
	struct lane *lane;

	p->n_letters++;
	p->bytes += l->line_len;
	if (l->fate != LETTER_WAITING) {
		let_go(p, l);
		return;
	}
	lane = find_lane(p, l->transport);
	if (lane_is_held(lane, clock_mono_ms()))
		end_with(p, l, &lane->trouble);
	else
		lane_add(lane, l);
}

void
pool_give_back(struct pool *p)
{
	struct letter *l;

	for (size_t i = 0; i < p->n_lanes; i++)
		while ((l = lane_take(p->lanes[i])) != NULL)
			let_go(p, l);
}

size_t
pool_sending(const struct pool *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_carriers; i++)
		n += p->carriers[i]->letter != NULL;
	return n;
}

/* All that waits on the lane has its trouble. */
static void
hold(struct pool *p, struct lane *lane, const struct verdict *v)
{
	struct letter *l;

	lane_hold(lane, v);
	while ((l = lane_take(lane)) != NULL)
		end_with(p, l, v);
}

static void
remove_carrier(struct pool *p, size_t i)
{
	struct carrier *c = p->carriers[i];

	c->lane->carriers--;
	p->carriers[i] = p->carriers[--p->n_carriers];
	carrier_close(c);
}

/* Those that take a place. */
static size_t
count_places(const struct pool *p, int64_t now)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_carriers; i++)
		n += p->carriers[i]->state != CARRIER_OPENING ||
		     now - p->carriers[i]->opened_at < CARRIER_SLOW_MS;
	return n;
}

/* An equal part of the places for each lane that has something to do. */
static size_t
share(const struct pool *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_lanes; i++)
		n += p->lanes[i]->n > 0 || p->lanes[i]->carriers > 0;
	return n < p->max ? p->max / (n > 0 ? n : 1) : 1;
}

/* An idle one of a lane that needs it less: it makes room. */
static bool
make_room(struct pool *p)
{
	size_t most = share(p);

	for (size_t i = 0; i < p->n_carriers; i++) {
		struct carrier *c = p->carriers[i];

		if (c->state == CARRIER_IDLE &&
		    (c->lane->n == 0 || c->lane->carriers > most)) {
			remove_carrier(p, i);
			return true;
		}
	}
	return false;
}

/* Of the lane's. */
static size_t
count_in(
    const struct pool *p, const struct lane *lane, enum carrier_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_carriers; i++)
		n += p->carriers[i]->lane == lane &&
		     p->carriers[i]->state == state;
	return n;
}

/* May the lane have one more?  Until it is known to work it tries one. */
static bool
may_open(struct pool *p, struct lane *lane, int64_t now)
{
	if (lane->cap_until <= now)
		lane->cap = 0;
	if ((!lane->is_up && lane->carriers > 0) ||
	    (lane->cap > 0 && lane->carriers >= lane->cap) ||
	    p->n_carriers >= p->max + POOL_SLOW_MAX)
		return false;
	if (count_places(p, now) < p->max)
		return true;
	return lane->carriers < share(p) && make_room(p);
}

/* NULL: there is none to be had now. */
static struct carrier *
open_carrier(struct pool *p, struct lane *lane, int64_t now)
{
	struct carrier *c;
	struct verdict v;

	if (!may_open(p, lane, now))
		return NULL;
	c = carrier_open(&p->tools, lane, &v);
	if (c == NULL) {
		hold(p, lane, &v);
		return NULL;
	}
	p->carriers = xrealloc(p->carriers, p->n_carriers + 1, sizeof(void *));
	p->carriers[p->n_carriers++] = c;
	lane->carriers++;
	return c;
}

static struct carrier *
idle_carrier(struct pool *p, struct lane *lane)
{
	for (size_t i = 0; i < p->n_carriers; i++)
		if (p->carriers[i]->lane == lane &&
		    p->carriers[i]->state == CARRIER_IDLE)
			return p->carriers[i];
	return NULL;
}

/* An idle one, opened if it must be; those that will be idle come later. */
static struct carrier *
carrier_for(struct pool *p, struct lane *lane, size_t due, int64_t now)
{
	struct carrier *c = idle_carrier(p, lane);

	if (c == NULL && due > count_in(p, lane, CARRIER_OPENING))
		c = open_carrier(p, lane, now);
	return c != NULL && c->state == CARRIER_IDLE ? c : NULL;
}

/* Letters that are to be started together. */
struct batch_of_letters {
	struct letter *letters[POOL_BATCH];
	struct carrier *carriers[POOL_BATCH];
	size_t n;
	bool is_progress; /* something came to its end in between */
};

/* One of the lane, made ready.  false: it has none now. */
static bool
take_one(struct pool *p, struct lane *lane, struct batch_of_letters *b)
{
	int64_t next = INT64_MAX, now = clock_now_ms();
	size_t due = lane_count_due(lane, now, &next);
	struct carrier *c;
	struct letter *l;

	if (due == 0)
		return false;
	c = carrier_for(p, lane, due, clock_mono_ms());
	if (c == NULL)
		return false;
	l = lane_take_due(lane, now);
	if (l->fate == LETTER_WAITING)
		message_make(&p->source, &p->signing, p->config, l);
	if (l->fate != LETTER_READY) {
		let_go(p, l);
		b->is_progress = true;
		return true;
	}
	c->state = CARRIER_BUSY;
	b->letters[b->n] = l;
	b->carriers[b->n++] = c;
	return true;
}

/* In turns, one of each lane, as long as there are carriers for them. */
static void
take_turns(struct pool *p, struct batch_of_letters *b)
{
	bool is_any = true;

	while (is_any && b->n < POOL_BATCH) {
		is_any = false;
		for (size_t i = 0; i < p->n_lanes && b->n < POOL_BATCH; i++)
			is_any |= take_one(
			    p, p->lanes[(p->turn + i) % p->n_lanes], b);
		p->turn++;
	}
}

/*
 * Another connection cannot be had.  Where there are some, there are as many as
 * the server likes; else all that waits for one has its trouble.
 */
static void
not_opened(struct pool *p, struct lane *lane, const struct verdict *v)
{
	size_t open =
	    count_in(p, lane, CARRIER_IDLE) + count_in(p, lane, CARRIER_BUSY);

	if (v->is_login)
		transport_forget_password(lane->transport);
	if (open == 0 || v->is_transport) {
		hold(p, lane, v);
		return;
	}
	lane->cap = open;
	lane->cap_until = clock_mono_ms() + LANE_CROWDED_MS;
}

/* What came of the carrier's letter; or of opening it, when it has none. */
static void
conclude(struct pool *p, struct carrier *c, const struct verdict *v)
{
	struct letter *l;

	if (c->letter == NULL) {
		not_opened(p, c->lane, v);
		return;
	}
	l = carrier_done(c, clock_mono_ms());
	if (v->is_again && !l->is_again) {
		l->is_again = true;
		l->fate = LETTER_READY;
		lane_add_first(c->lane, l);
		return;
	}
	end_with(p, l, v);
	if (v->is_transport)
		hold(p, c->lane, v);
}

static void
send_one(struct pool *p, struct letter *l, struct carrier *c,
    struct batch_of_letters *b)
{
	struct verdict v;

	c->state = CARRIER_IDLE;
	if (l->fate != LETTER_SENDING) {
		let_go(p, l);
		b->is_progress = true;
		return;
	}
	carrier_send(&p->tools, c, l, &v);
	if (v.status == NULL)
		return;
	conclude(p, c, &v);
	b->is_progress = true;
}

void
pool_work(struct pool *p)
{
	struct batch_of_letters b;

	do {
		b.n = 0;
		b.is_progress = false;
		take_turns(p, &b);
		letters_begin(p->tools.queue, b.letters, b.n);
		for (size_t i = 0; i < b.n; i++)
			send_one(p, b.letters[i], b.carriers[i], &b);
	} while (b.is_progress);
}

size_t
pool_fds(const struct pool *p)
{
	return p->n_carriers * CARRIER_FDS;
}

void
pool_watch(const struct pool *p, struct pollfd *fds)
{
	for (size_t i = 0; i < p->n_carriers; i++)
		carrier_watch(p->carriers[i], fds + i * CARRIER_FDS);
}

/* Moments are of the other clock. */
static int64_t
next_moment(const struct pool *p)
{
	int64_t next = INT64_MAX, now = clock_now_ms();

	for (size_t i = 0; i < p->n_lanes; i++)
		lane_count_due(p->lanes[i], now, &next);
	return next == INT64_MAX ? next : clock_mono_ms() + next - now;
}

int
pool_wait(
    struct pool *p, struct pollfd *fds, size_t n, int timeout_ms, struct err *e)
{
	if (p->tools.net != NULL)
		return net_wait(p->tools.net, fds, n, timeout_ms, e);
	if (poll(fds, n, timeout_ms) != -1)
		return 0;
	for (size_t i = 0; i < n; i++)
		fds[i].revents = 0;
	return errno == EINTR ? 0 : err_errno(e, "poll");
}

int64_t
pool_due(const struct pool *p)
{
	int64_t due = next_moment(p), one;

	for (size_t i = 0; i < p->n_carriers; i++) {
		one = carrier_due(p->carriers[i]);
		due = one < due ? one : due;
	}
	return due;
}

/* It has had its time, or enough. */
static bool
is_spent(const struct carrier *c, int64_t now)
{
	if (c->state == CARRIER_CLOSED)
		return true;
	return c->state == CARRIER_IDLE &&
	       (c->carried >= CARRIER_MAILS ||
		   (c->lane->n == 0 && now - c->idle_since >= CARRIER_IDLE_MS));
}

void
pool_step(struct pool *p, const struct pollfd *fds, size_t n_fds)
{
	int64_t now = clock_mono_ms();
	struct verdict v;

	for (size_t i = 0; i < n_fds / CARRIER_FDS; i++) {
		struct carrier *c = p->carriers[i];

		if (carrier_step(c, fds + i * CARRIER_FDS, now, &v))
			conclude(p, c, &v);
		c->lane->is_up |= c->state != CARRIER_OPENING;
	}
	for (size_t i = p->n_carriers; i-- > 0;)
		if (is_spent(p->carriers[i], now))
			remove_carrier(p, i);
}
