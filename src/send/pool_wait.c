/* What the pool waits for: its descriptors, and the next thing to be done. */
#include "core/clock.h"
#include "send/pool.h"

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

size_t
pool_fds(const struct pool *p)
{
	return p->fleet.n * CARRIER_FDS;
}

void
pool_watch(const struct pool *p, struct pollfd *fds)
{
	for (size_t i = 0; i < p->fleet.n; i++)
		carrier_watch(p->fleet.carriers[i], fds + i * CARRIER_FDS);
}

/* Moments are of the wall clock. */
static int64_t
next_moment(struct pool *p)
{
	int64_t now = clock_now_ms();
	int64_t next = moments_renew(&p->fleet.moments, now);
	int64_t lead = INT64_MAX;

	for (size_t i = 0; i < p->fleet.n_lanes; i++)
		lane_count_due(p->fleet.lanes[i], now + MOMENTS_LEAD_MS, &lead);
	if (lead != INT64_MAX)
		next = earlier(next, lead - MOMENTS_LEAD_MS);
	for (size_t i = 0; i < p->fleet.n; i++)
		if (p->fleet.carriers[i]->state == CARRIER_POISED)
			next = earlier(next, p->fleet.carriers[i]->letter->at);
	return next == INT64_MAX ? next : clock_mono_ms() + next - now;
}

/* When the next thing is to be done, of clock_mono_ms. */
static int64_t
next_due(struct pool *p)
{
	int64_t due = next_moment(p), now = clock_mono_ms();

	for (size_t i = 0; i < p->fleet.n; i++)
		due = earlier(due, carrier_due(p->fleet.carriers[i], now));
	if (p->again_at > now)
		due = earlier(due, p->again_at);
	for (size_t i = 0; i < p->fleet.n_lanes; i++) {
		const struct lane *lane = p->fleet.lanes[i];

		if (lane->try_at > now)
			due = earlier(due, lane->try_at);
		if (fleet_patience(&p->fleet, lane) > now)
			due = earlier(due, fleet_patience(&p->fleet, lane));
	}
	return due;
}

int
pool_wait(struct pool *p, struct loop *l, struct err *e)
{
	int64_t due = next_due(p);

	if (p->fleet.tools.net == NULL)
		return loop_wait(l, due, e);
	return net_wait(
	    p->fleet.tools.net, l->fds, l->n_fds, clock_left_ms(due), e);
}
