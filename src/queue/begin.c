#include "queue/begin.h"

#include <stdlib.h>

#include "core/buf.h"
#include "mail/record.h"
#include "queue/queue.h"

static void
note_attempt(struct begin *b, int64_t attempt)
{
	json lease = json_member(*b->rec, "lease", JSON_OBJECT);

	b->attempt = attempt;
	if (json_int(lease, "attempt", 0) == attempt) {
		json_free(lease);
		return;
	}
	lease = json_set(lease, "attempt", json_number(attempt));
	*b->rec = json_set(*b->rec, "lease", lease);
}

static void
not_started(struct begin *b, const struct err *why)
{
	b->err = *why;
	err_prefix(&b->err, "%s: not started", record_id(*b->rec));
}

static void
note_start(struct begin *b, const struct mail_start *start)
{
	struct err e = ERR_INIT;

	if (!start->is_lost) {
		note_attempt(b, start->attempt);
		return;
	}
	err_set(&e, ERR_TEMP, "its lease is over, another may have it");
	not_started(b, &e);
}

void
begin_all(struct queue *q, const char *stage, struct begin *all, size_t n)
{
	struct mail_start *starts = xcalloc(n + 1, sizeof *starts);
	struct err e = ERR_INIT;
	size_t k = 0;
	int r;

	for (size_t i = 0; i < n; i++)
		if (all[i].lease != NULL)
			starts[k++] = (struct mail_start){
			    .lease = *all[i].lease, .until = all[i].until};
	r = k > 0 ? queue_start(q, stage, starts, k, &e) : 0;
	k = 0;
	for (size_t i = 0; i < n; i++) {
		if (all[i].lease == NULL)
			continue;
		if (r == -1)
			not_started(&all[i], &e);
		else
			note_start(&all[i], &starts[k++]);
	}
	free(starts);
}
