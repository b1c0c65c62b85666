#include "queue/draw.h"

#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "core/buf.h"
#include "core/json.h"
#include "core/tool.h"

/* The reference in a stored record, or NULL.  *rec keeps it alive. */
static const char *
stored_ref(const char *record, size_t len, jv *rec)
{
	struct err e = ERR_INIT;
	const char *ref = NULL;
	jv blob;

	*rec = jv_null();
	if (json_parse(record, len, rec, &e) == -1)
		return NULL;
	blob = json_member(*rec, "blob", JV_KIND_OBJECT);
	ref = json_str(blob, "ref");
	jv_free(blob); /* *rec still holds it */
	return ref;
}

struct known {
	struct queue *queue;
	const char *ref; /* of the entry */
	bool is_known;
};

/*
 * The mail is there already, from an earlier try of the MTA.  If that was on
 * another day, this try's blob has another name and no owner.
 */
static int
drop_second_blob(void *ctx, const struct mail_row *row, struct err *e)
{
	struct known *k = ctx;
	const char *ref;
	jv rec;
	int r = 0;

	k->is_known = true;
	ref = stored_ref(row->record, row->record_len, &rec);
	if (ref != NULL && k->ref != NULL && strcmp(ref, k->ref) != 0)
		r = blob_remove(k->queue->blobs, &k->ref, 1, e);
	jv_free(rec);
	return r;
}

/* Is the mail of this entry in the ledger?  1, 0, -1. */
static int
is_known(struct queue *q, const struct intake_entry *entry, struct err *e)
{
	struct mail_filter f = {.id = entry->id, .state = -1};
	struct known k = {.queue = q, .ref = entry->ref};

	if (q->mail->ops->list(q->mail, &f, drop_second_blob, &k, e) == -1)
		return -1;
	return k.is_known;
}

/* The blobs of the entries that bring one: bytes first, rows afterwards. */
static int
draw_blobs(struct queue *q, const struct intake_entry *entries, size_t n,
    struct err *e)
{
	struct blob_put *puts = xcalloc(n, sizeof *puts);
	struct buf bytes = BUF_INIT;
	size_t room = 0, at, m = 0;
	int r = 0;

	for (size_t i = 0; i < n; i++)
		room += entries[i].base64_len;
	buf_grow(&bytes, room); /* so that it never moves */
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (entries[i].ref == NULL)
			continue;
		r = is_known(q, &entries[i], e);
		if (r != 0 || entries[i].base64 == NULL) {
			r = r == -1 ? -1 : 0;
			continue;
		}
		at = bytes.len;
		r = base64_decode(
		    entries[i].base64, entries[i].base64_len, &bytes, e);
		puts[m++] = (struct blob_put){.ref = entries[i].ref,
		    .data = bytes.data + at,
		    .len = bytes.len - at};
	}
	if (r == 0)
		r = blob_put(q->blobs, puts, m, e);
	buf_release(&bytes);
	free(puts);
	return r;
}

static int
apply_entries(
    void *ctx, const struct intake_entry *entries, size_t n, struct err *e)
{
	struct queue *q = ctx;
	struct mail_put *puts;
	int r;

	if (draw_blobs(q, entries, n, e) == -1)
		return -1;
	puts = xcalloc(n, sizeof *puts);
	for (size_t i = 0; i < n; i++)
		puts[i] = (struct mail_put){
		    .id = entries[i].id,
		    .tenant = entries[i].tenant,
		    .queue = entries[i].queue,
		    .priority = entries[i].priority,
		    .ready_at = entries[i].ready_at,
		    .at = entries[i].at,
		    .record = entries[i].record,
		    .record_len = entries[i].record_len,
		};
	r = q->mail->ops->put(q->mail, puts, n, e);
	free(puts);
	return r;
}

int
queue_draw(struct queue *q, struct err *e)
{
	if (queue_ledger(q, e) == NULL || queue_blobs(q, e) == NULL)
		return -1;
	if (!queue_has_intake(q))
		return 0;
	if (queue_intake(q, e) == NULL)
		return -1;
	return intake_draw(q->intake, apply_entries, q, e);
}

struct mail_engine *
queue_mail(struct queue *q, struct err *e)
{
	return queue_draw(q, e) == 0 ? q->mail : NULL;
}

/* What is promised, in the form that the engine takes. */
int
queue_promise(struct queue *q, const struct intake_entry *entries, size_t n,
    struct err *e)
{
	struct buf lines = BUF_INIT;
	bool grown = false;
	struct err later = ERR_INIT;
	int r;

	if (!queue_has_intake(q)) {
		if (queue_ledger(q, e) == NULL || queue_blobs(q, e) == NULL)
			return -1;
		return apply_entries(q, entries, n, e);
	}
	if (queue_intake(q, e) == NULL)
		return -1;
	for (size_t i = 0; i < n; i++)
		intake_format(&entries[i], &lines);
	r = n > 0 ? intake_append(q->intake, &lines, &grown, e) : 0;
	buf_release(&lines);
	/* It is safe already; that nobody has drawn for long is no error. */
	if (grown && queue_draw(q, &later) == -1)
		tool_say("%s", later.text);
	return r;
}
