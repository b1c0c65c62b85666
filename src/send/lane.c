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
	lane->fresh.end = &lane->fresh.first;
	lane->timed.end = &lane->timed.first;
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
list_add(struct letter_list *list, struct letter *l)
{
	l->next = NULL;
	*list->end = l;
	list->end = &l->next;
	list->n++;
}

void
list_add_urgent(struct letter_list *list, struct letter *l)
{
	struct letter **at = &list->first;

	while (*at != NULL && (*at)->priority >= l->priority)
		at = &(*at)->next;
	l->next = *at;
	*at = l;
	if (l->next == NULL)
		list->end = &l->next;
	list->n++;
}

void
list_add_first(struct letter_list *list, struct letter *l)
{
	l->next = list->first;
	list->first = l;
	if (l->next == NULL)
		list->end = &l->next;
	list->n++;
}

static struct letter *
take_from(struct letter_list *list, struct letter **at)
{
	struct letter *l = *at;

	if (l == NULL)
		return NULL;
	*at = l->next;
	if (l->next == NULL)
		list->end = at;
	l->next = NULL;
	list->n--;
	return l;
}

struct letter *
list_take(struct letter_list *list)
{
	return take_from(list, &list->first);
}

static bool
goes_before(const struct letter *l, const struct letter *other)
{
	if (l->priority != other->priority)
		return l->priority > other->priority;
	return l->at < other->at;
}

struct letter *
lane_take_due(struct lane *lane, int64_t until)
{
	struct letter **best = NULL;

	for (struct letter **at = &lane->timed.first; *at != NULL;
	     at = &(*at)->next)
		if ((*at)->at <= until &&
		    (best == NULL || goes_before(*at, *best)))
			best = at;
	return best != NULL ? take_from(&lane->timed, best) : NULL;
}

size_t
lane_count_due(const struct lane *lane, int64_t until, int64_t *next)
{
	size_t n = 0;

	for (const struct letter *l = lane->timed.first; l != NULL;
	     l = l->next) {
		if (l->at <= until)
			n++;
		else if (l->at < *next)
			*next = l->at;
	}
	return n;
}

bool
lane_has_letters(const struct lane *lane)
{
	return lane->fresh.n + lane->timed.n > 0;
}

struct letter *
lane_take(struct lane *lane)
{
	struct letter *l = list_take(&lane->timed);

	return l != NULL ? l : list_take(&lane->fresh);
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
