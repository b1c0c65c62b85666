#include "send/pool.h"

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
	};
	fleet_init(&p->fleet, queue, max);
}

void
pool_release(struct pool *p)
{
	fleet_release(&p->fleet);
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
	moments_leave(&p->fleet.moments, l);
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
	lane = fleet_lane(&p->fleet, l->transport);
	if (lane_is_held(lane, clock_mono_ms()))
		end_with(p, l, &lane->trouble);
	else
		list_add_urgent(&lane->fresh, l);
}

/* One whose lease is started must say that nothing was done. */
static void
give_back(struct pool *p, struct letter *l)
{
	if (l->is_begun)
		letter_undone(l, "stopped before it was sent");
	let_go(p, l);
}

void
pool_give_back(struct pool *p)
{
	struct letter *l;

	for (size_t i = 0; i < p->fleet.n_lanes; i++)
		while ((l = lane_take(p->fleet.lanes[i])) != NULL)
			give_back(p, l);
}

size_t
pool_sending(const struct pool *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->fleet.n; i++)
		n += p->fleet.carriers[i]->letter != NULL;
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

/* Letters that something is done with together. */
struct group {
	struct letter *letters[POOL_BATCH];
	struct carrier *carriers[POOL_BATCH];
	size_t n;
};

/*
 * The lane's letters that are to have moments now.  When what is due waits for
 * the server, more moments would only be missed.
 */
static void
take_fresh(struct pool *p, struct lane *lane, struct group *g)
{
	int64_t none = INT64_MAX;
	size_t due = lane_count_due(lane, clock_now_ms(), &none);
	struct letter_list busy = {.first = NULL, .end = &busy.first};
	struct letter *l;

	while (g->n < POOL_BATCH && due < 2 * p->fleet.max &&
	       (l = list_take(&lane->fresh)) != NULL) {
		if (!moments_join(&p->fleet.moments, l)) {
			p->again_at = clock_mono_ms() + LANE_BUSY_MS;
			list_add(&busy, l);
			continue;
		}
		g->letters[g->n++] = l;
		due++;
	}
	while ((l = list_take(&busy)) != NULL)
		list_add_urgent(&lane->fresh, l);
}

/* true: there may be more. */
static bool
reserve_moments(struct pool *p)
{
	struct fleet *f = &p->fleet;
	struct group g = {.n = 0};

	for (size_t i = 0; i < f->n_lanes; i++)
		take_fresh(p, f->lanes[(p->turn + i) % f->n_lanes], &g);
	moments_reserve(&f->moments, f->lanes, f->n_lanes, g.letters, g.n);
	for (size_t i = 0; i < g.n; i++) {
		struct letter *l = g.letters[i];

		if (l->fate == LETTER_DONE || l->fate == LETTER_WITHHELD)
			let_go(p, l);
		else
			list_add(&fleet_lane(f, l->transport)->timed, l);
	}
	return g.n > 0;
}

/* One of the lane, made ready.  false: it has none now. */
static bool
take_one(struct pool *p, struct lane *lane, struct group *g)
{
	int64_t next = INT64_MAX, until = clock_now_ms() + MOMENTS_LEAD_MS;
	size_t due = lane_count_due(lane, until, &next);
	struct carrier *c;
	struct letter *l;
	struct verdict v;

	if (due == 0)
		return false;
	c = fleet_carrier(&p->fleet, lane, due, &v);
	if (c == NULL && v.status != NULL)
		hold(p, lane, &v);
	if (c == NULL)
		return false;
	l = lane_take_due(lane, until);
	if (l->fate == LETTER_WAITING)
		message_make(&p->source, &p->signing, p->config, l);
	if (l->fate != LETTER_READY) {
		let_go(p, l);
		return true;
	}
	c->state = CARRIER_POISED;
	c->letter = l;
	g->letters[g->n] = l;
	g->carriers[g->n++] = c;
	return true;
}

/* In turns, one of each lane, as long as there are carriers for them. */
static void
take_turns(struct pool *p, struct group *g)
{
	struct fleet *f = &p->fleet;
	bool is_any = true;

	while (is_any && g->n < POOL_BATCH) {
		is_any = false;
		for (size_t i = 0; i < f->n_lanes && g->n < POOL_BATCH; i++)
			is_any |= take_one(
			    p, f->lanes[(p->turn + i) % f->n_lanes], g);
		p->turn++;
	}
}

/* Moments of before the clock was set back do not come for a long time. */
static void
forget_far(struct pool *p)
{
	int64_t now = clock_now_ms(), was = p->looked_at;

	p->looked_at = now;
	for (size_t i = 0; now < was && i < p->fleet.n_lanes; i++) {
		struct lane *lane = p->fleet.lanes[i];

		for (size_t n = lane->timed.n; n > 0; n--) {
			struct letter *l = list_take(&lane->timed);

			if (moments_is_far(l, now)) {
				moments_forget(l);
				list_add_urgent(&lane->fresh, l);
			} else {
				list_add(&lane->timed, l);
			}
		}
	}
}

/* One letter is enough for it; those that come again by themselves may go. */
static void
shed_list(struct pool *p, struct letter_list *list, size_t kept)
{
	struct err why = ERR_INIT;
	struct verdict v;

	err_set(&why, ERR_TEMP, "the server does not answer yet");
	v = verdict_trouble("snooze", "network", &why);
	v.is_transport = false;
	v.after_s = 30;
	for (size_t n = list->n; n > kept; n--) {
		struct letter *l = list_take(list);

		if (l->is_leased)
			end_with(p, l, &v);
		else
			list_add(list, l);
	}
}

/* What waits for a server that says nothing fills the window for others. */
static void
shed(struct pool *p)
{
	int64_t now = clock_mono_ms();

	for (size_t i = 0; i < p->fleet.n_lanes; i++) {
		struct lane *lane = p->fleet.lanes[i];

		if (fleet_patience(&p->fleet, lane) > now)
			continue;
		shed_list(p, &lane->fresh, lane->timed.n > 0 ? 0 : 1);
		shed_list(p, &lane->timed, 1);
	}
}

void
pool_work(struct pool *p)
{
	struct group g = {.n = 0};

	forget_far(p);
	shed(p);
	while (reserve_moments(p))
		continue;
	take_turns(p, &g);
	letters_begin(p->fleet.tools.queue, g.letters, g.n);
	for (size_t i = 0; i < g.n; i++) {
		if (g.letters[i]->fate == LETTER_SENDING)
			continue;
		g.carriers[i]->letter = NULL;
		g.carriers[i]->state = CARRIER_IDLE;
		let_go(p, g.letters[i]);
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
	    lane->carriers - 1 - fleet_count(&p->fleet, lane, CARRIER_OPENING);

	if (v->is_login)
		transport_forget_password(lane->transport);
	if (open == 0 || v->is_transport) {
		hold(p, lane, v);
		return;
	}
	lane->cap = open;
	lane->cap_until = clock_mono_ms() + LANE_CROWDED_MS;
}

/* What still waits is to wait for as long as the server says. */
static void
slow_down(struct pool *p, struct lane *lane, const struct letter *l,
    const struct verdict *v)
{
	struct letter *other;

	moments_slow_down(&p->fleet.moments, l, v->after_s);
	while ((other = list_take(&lane->timed)) != NULL) {
		moments_forget(other);
		list_add_urgent(&lane->fresh, other);
	}
}

/* It was not sent, and is the next one. */
static void
put_back(struct lane *lane, struct letter *l)
{
	l->fate = LETTER_READY;
	if (l->has_moment)
		list_add_first(&lane->timed, l);
	else
		list_add_first(&lane->fresh, l);
}

/* What came of the carrier's letter; or of opening it, when it has none. */
static void
conclude(struct pool *p, struct carrier *c, const struct verdict *v)
{
	struct lane *lane = c->lane;
	struct letter *l;

	if (c->letter == NULL) {
		not_opened(p, lane, v);
		return;
	}
	lane->moved_at = clock_mono_ms();
	l = carrier_done(c, lane->moved_at);
	if (v->is_again && !l->is_again) {
		l->is_again = true;
		put_back(lane, l);
		return;
	}
	if (v->is_slow_down)
		slow_down(p, lane, l, v);
	end_with(p, l, v);
	if (v->is_transport)
		hold(p, lane, v);
}

/* Its moment has come, or was missed. */
static void
go(struct pool *p, struct carrier *c, int64_t now)
{
	struct letter *l = c->letter;
	struct verdict v;

	if (moments_is_missed(l, now)) {
		c->letter = NULL;
		c->state = CARRIER_IDLE;
		moments_forget(l);
		put_back(c->lane, l);
		return;
	}
	carrier_send(&p->fleet.tools, c, &v);
	if (v.status != NULL)
		conclude(p, c, &v);
}

bool
pool_go(struct pool *p)
{
	int64_t now = clock_now_ms();
	bool is_any = false;

	for (size_t i = 0; i < p->fleet.n; i++) {
		struct carrier *c = p->fleet.carriers[i];

		if (c->state != CARRIER_POISED ||
		    (c->letter->at > now && !moments_is_far(c->letter, now)))
			continue;
		go(p, c, now);
		is_any |= c->letter == NULL;
	}
	return is_any;
}

/* A connection that went while its letter waited for its moment. */
static void
rescue(struct carrier *c)
{
	struct letter *l = c->letter;

	c->letter = NULL;
	put_back(c->lane, l);
}

void
pool_step(struct pool *p, const struct pollfd *fds, size_t n_fds)
{
	int64_t now = clock_mono_ms();
	struct verdict v;

	for (size_t i = 0; i < n_fds / CARRIER_FDS; i++) {
		struct carrier *c = p->fleet.carriers[i];

		if (carrier_step(c, fds + i * CARRIER_FDS, now, &v))
			conclude(p, c, &v);
		else if (c->state == CARRIER_CLOSED && c->letter != NULL)
			rescue(c);
		c->lane->is_up |=
		    c->state == CARRIER_IDLE || c->state == CARRIER_BUSY;
	}
	fleet_sweep(&p->fleet);
}
