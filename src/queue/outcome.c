#include "queue/outcome.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/id.h"
#include "core/json.h"
#include "core/tool.h"
#include "mail/record.h"
#include "queue/queue.h"

/* One record's outcome, as the ledger wants it.  text keeps the result. */
static int
read_outcome(json rec, struct mail_settle *s, struct buf *text, struct err *e)
{
	json result;
	const char *status = record_status(rec), *stage;
	int r = queue_lease(rec, &s->lease, e);

	if (r == 0)
		return err_set(e, ERR_DATA,
		    "%s: no lease: only what mail-queue take gave out can be "
		    "settled",
		    record_id(rec));
	if (r == -1 || !record_has_result(rec))
		return r == -1 ? -1 : 0;
	r = status != NULL ? mail_status_parse(status) : -1;
	if (r == -1)
		return err_set(e, ERR_DATA,
		    "%s: result.status must be one of ok retry snooze skip "
		    "fail uncertain",
		    record_id(rec));
	s->status = (enum mail_status)r;
	result = json_member(rec, "result", JSON_OBJECT);
	stage = json_str(result, "stage");
	s->stage = stage != NULL && name_valid(stage, strlen(stage))
		       ? stage
		       : "unknown";
	s->after_ms =
	    json_int(result, "after_s", s->status == STATUS_SNOOZE ? 60 : 0) *
	    1000;
	if (s->after_ms < 0)
		s->after_ms = 0;
	json_dump(result, text);
	return 0;
}

static void
say_unusual(const struct mail_settle *s)
{
	struct err e = ERR_INIT;

	if (s->is_unknown) {
		err_set(&e, ERR_DATA, "%s: no such mail in the ledger",
		    s->lease.id);
		tool_failed(&e);
	} else if (s->is_stale) {
		tool_say("%s: its lease was over; the history has this result",
		    s->lease.id);
	}
}

int
outcome_batch(void *ctx, struct batch_item *items, size_t n, struct err *e)
{
	const struct outcome *o = ctx;
	struct mail_settle *settles = xcalloc(n, sizeof *settles);
	struct buf *texts = xcalloc(n, sizeof *texts);
	size_t m = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		struct err bad = ERR_INIT;
		struct mail_settle *s = &settles[m];

		items[i].fate = o->is_echo ? BATCH_EMIT : BATCH_SWALLOW;
		if (record_check(items[i].rec, &bad) == -1 ||
		    read_outcome(items[i].rec, s, &texts[m], &bad) == -1) {
			batch_refuse(&items[i], &bad);
			*s = (struct mail_settle){0};
			continue;
		}
		if (s->status != STATUS_NONE) {
			s->result = texts[m].data;
			s->result_len = texts[m].len;
		}
		m++;
	}
	r = queue_settle(o->queue, settles, m, e);
	for (size_t i = 0; r == 0 && i < m; i++)
		say_unusual(&settles[i]);
	for (size_t i = 0; i < n; i++)
		buf_release(&texts[i]);
	free(texts);
	free(settles);
	return r;
}
