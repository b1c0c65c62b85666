#include "send/holds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/id.h"
#include "core/json.h"
#include "core/tool.h"
#include "queue/pace.h"

/* With strings of its own: letters may be over by then. */
struct hold {
	char queue[NAME_MAX_LEN + 1], tenant[NAME_MAX_LEN + 1];
	char reason[RATE_NAME_MAX + 32];
	struct mail_pace pace;
};

/* The last moment that one of its letters got is what counts. */
static struct hold *
find(struct holds *h, const char *queue, const char *tenant, int64_t priority)
{
	struct hold *one;

	for (size_t i = 0; i < h->n; i++) {
		one = &h->all[i];
		if (strcmp(one->queue, queue) == 0 &&
		    strcmp(one->tenant, tenant) == 0 &&
		    one->pace.priority == priority)
			return one;
	}
	h->all = xrealloc(h->all, h->n + 1, sizeof *h->all);
	one = &h->all[h->n++];
	*one = (struct hold){.pace = {.priority = priority}};
	snprintf(one->queue, sizeof one->queue, "%s", queue);
	snprintf(one->tenant, sizeof one->tenant, "%s", tenant);
	return one;
}

void
holds_note(struct holds *h, const struct letter *l, const struct rate_ask *ask,
    int64_t now)
{
	const struct rate_scope *by = &ask->scopes[ask->by];
	double per_s = ask->is_day ? 0 : by->per_s;
	json lease = json_member(l->rec, "lease", JSON_OBJECT);
	const char *queue = json_str(lease, "queue");
	struct mail_pace p = {.priority = ask->priority};
	struct hold *one;

	if (l->is_leased && queue != NULL && name_valid(queue, strlen(queue)) &&
	    pace_of(&p, ask->at, ask->is_reserved, per_s, now)) {
		one = find(h, queue, l->tenant, p.priority);
		if (p.until > one->pace.until)
			one->pace = p;
		snprintf(one->reason, sizeof one->reason, "the rate of %s",
		    by->name);
	}
	json_free(lease);
}

void
holds_end(struct holds *h, struct queue *q)
{
	struct mail_pace *all = xcalloc(h->n + 1, sizeof *all);
	struct err e = ERR_INIT;

	for (size_t i = 0; i < h->n; i++) {
		all[i] = h->all[i].pace;
		all[i].queue = h->all[i].queue;
		all[i].tenant = h->all[i].tenant;
		all[i].reason = h->all[i].reason;
	}
	if (h->n > 0 && queue_hold_for_rate(q, all, h->n, &e) == -1)
		tool_say("holds for rates: %s", e.text);
	free(all);
	free(h->all);
	*h = (struct holds){.n = 0};
}
