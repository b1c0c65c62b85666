#include "queue/queue.h"

#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/json.h"
#include "mail/record.h"

int
queue_lease(json rec, struct mail_lease *l, struct err *e)
{
	json lease = json_member(rec, "lease", JSON_OBJECT);
	const char *handle = json_str(lease, "handle");
	int r = 1;

	if (!json_has(rec, "lease"))
		r = 0;
	else if (handle == NULL || mail_lease_parse(l, handle) == -1)
		r = err_set(e, ERR_DATA,
		    "%s: \"lease\" has no valid \"handle\"", record_id(rec));
	snprintf(l->id, sizeof l->id, "%s", record_id(rec));
	json_free(lease);
	return r;
}

int
queue_start(struct queue *q, const char *stage, struct mail_start *starts,
    size_t n, struct err *e)
{
	if (queue_ledger(q, e) == NULL)
		return -1;
	return q->mail->ops->start(
	    q->mail, stage, starts, n, clock_now_ms(), e);
}

int
queue_settle(
    struct queue *q, struct mail_settle *settles, size_t n, struct err *e)
{
	if (queue_ledger(q, e) == NULL)
		return -1;
	return q->mail->ops->settle(q->mail, settles, n, clock_now_ms(), e);
}

/* The stored object, open at its end for more members. */
static void
open_object(const struct mail_row *row, struct buf *out)
{
	buf_add(out, row->record, row->record_len - 1);
	if (row->last != NULL) {
		buf_addstr(out, ",\"last\":");
		buf_add(out, row->last, row->last_len);
	}
}

void
queue_row_record(const struct mail_row *row, struct buf *out)
{
	char at[CLOCK_TEXT];

	open_object(row, out);
	buf_addf(out,
	    ",\"state\":\"%s\",\"attempts\":%lld,\"updated_at\":\"%s\"}",
	    mail_state_name(row->state), (long long)row->attempts,
	    clock_format(row->updated_at, at));
	if (row->is_kept) {
		out->len--;
		buf_addstr(out, ",\"kept\":true}");
	}
}

void
queue_row_leased(const struct mail_row *row, struct buf *out)
{
	char at[CLOCK_TEXT], handle[LEASE_TEXT];
	struct mail_lease l = {.delivery = row->deliveries};

	snprintf(l.owner, sizeof l.owner, "%s", row->owner);
	open_object(row, out);
	buf_addf(out,
	    ",\"lease\":{\"queue\":\"%s\",\"handle\":\"%s\",\"attempt\":%lld,"
	    "\"deliveries\":%lld,\"expires_at\":\"%s\",\"interrupted\":%s}}",
	    row->queue, mail_lease_format(&l, handle),
	    (long long)row->attempts + 1, (long long)row->deliveries,
	    clock_format(row->due_at, at),
	    row->is_interrupted ? "true" : "false");
}
