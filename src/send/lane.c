#include "send/lane.h"

#include <stdlib.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/tool.h"

struct lane *
lane_new(struct transport *t)
{
	struct lane *lane = xcalloc(1, sizeof *lane);

	lane->transport = t;
	lane->end = &lane->first;
	return lane;
}

void
lane_free(struct lane *lane)
{
	struct letter *l;

	while ((l = lane_take(lane)) != NULL)
		letter_free(l);
	free(lane);
}

void
lane_add(struct lane *lane, struct letter *l)
{
	l->next = NULL;
	*lane->end = l;
	lane->end = &l->next;
	lane->n++;
}

void
lane_add_first(struct lane *lane, struct letter *l)
{
	l->next = lane->first;
	lane->first = l;
	if (l->next == NULL)
		lane->end = &l->next;
	lane->n++;
}

static struct letter *
take_from(struct lane *lane, struct letter **at)
{
	struct letter *l = *at;

	if (l == NULL)
		return NULL;
	*at = l->next;
	if (l->next == NULL)
		lane->end = at;
	l->next = NULL;
	lane->n--;
	return l;
}

struct letter *
lane_take(struct lane *lane)
{
	return take_from(lane, &lane->first);
}

struct letter *
lane_take_due(struct lane *lane, int64_t now)
{
	struct letter **at = &lane->first;

	while (*at != NULL && (*at)->at > now)
		at = &(*at)->next;
	return take_from(lane, at);
}

size_t
lane_count_due(const struct lane *lane, int64_t now, int64_t *next)
{
	size_t n = 0;

	for (const struct letter *l = lane->first; l != NULL; l = l->next) {
		if (l->at <= now)
			n++;
		else if (l->at < *next)
			*next = l->at;
	}
	return n;
}

void
lane_hold(struct lane *lane, const struct verdict *v)
{
	int64_t ms = v->is_transport ? LANE_HELD_MS : LANE_DEAD_MS;

	tool_verbose("transport %s: %s: %s", lane->transport->name, v->status,
	    v->reason);
	lane->trouble = *v;
	lane->held_until = clock_mono_ms() + ms;
	lane->is_up = false;
}

bool
lane_is_held(struct lane *lane, int64_t now)
{
	if (lane->held_until > 0 && lane->held_until <= now)
		lane->held_until = 0;
	return lane->held_until > 0;
}
