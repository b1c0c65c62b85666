#include "desk/dropping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/json_text.h"
#include "core/tool.h"
#include "queue/draw.h"
#include "queue/queue.h"

enum {
	DROP_BATCH = 1000,
};

struct run {
	struct queue *q;
	const struct dropping *how;
	struct buf entry; /* of the history */
	char (*ids)[ID_MAX + 1];
	size_t n;
	int64_t dropped, left;
};

static bool
is_one_of(const struct string_list *list, const char *s)
{
	for (size_t i = 0; s != NULL && i < list->n; i++)
		if (strcmp(list->items[i], s) == 0)
			return true;
	return list->n == 0;
}

static bool
begins_with_one_of(const struct string_list *list, const char *s)
{
	for (size_t i = 0; s != NULL && i < list->n; i++)
		if (strncmp(list->items[i], s, strlen(list->items[i])) == 0)
			return true;
	return list->n == 0;
}

/* 1, 0 it has another key, -1. */
static int
has_key(const struct dropping *how, const struct mail_row *row, struct err *e)
{
	const char *key;
	json rec;
	int r;

	if (how->keys.n == 0 && how->prefixes.n == 0)
		return 1;
	if (json_parse(row->record, row->record_len, &rec, e) == -1)
		return err_prefix(e, "%s", row->id);
	key = json_str(rec, "key");
	r = is_one_of(&how->keys, key) &&
	    begins_with_one_of(&how->prefixes, key);
	json_free(rec);
	return r;
}

static int
print_id(const char *id, struct err *e)
{
	char line[ID_MAX + 2];
	int n = snprintf(line, sizeof line, "%s\n", id);

	return file_write(STDOUT_FILENO, line, (size_t)n, -1, "stdout", e);
}

static int
drop_batch(struct run *r, struct err *e)
{
	struct mail_drop *drops = xcalloc(r->n, sizeof *drops);
	int result = 0;

	for (size_t i = 0; i < r->n; i++)
		drops[i] = (struct mail_drop){
		    .id = r->ids[i],
		    .entry = r->entry.data,
		    .is_dropped = r->how->is_dry,
		};
	if (!r->how->is_dry)
		result = r->q->mail->ops->drop(
		    r->q->mail, drops, r->n, clock_now_ms(), e);
	for (size_t i = 0; result == 0 && i < r->n; i++) {
		r->dropped += drops[i].is_dropped;
		r->left += !drops[i].is_dropped;
		if (drops[i].is_dropped && (r->how->is_dry || r->how->is_echo))
			result = print_id(r->ids[i], e);
	}
	r->n = 0;
	free(drops);
	return result;
}

static int
add_row(void *ctx, const struct mail_row *row, struct err *e)
{
	struct run *r = ctx;
	int is_wanted = is_one_of(&r->how->ids, row->id);

	/* Dropped is dropped. */
	if (row->state == MAIL_DROPPED)
		is_wanted = 0;
	if (is_wanted)
		is_wanted = has_key(r->how, row, e);
	if (is_wanted != 1)
		return is_wanted;
	snprintf(r->ids[r->n++], sizeof *r->ids, "%s", row->id);
	return r->n == DROP_BATCH ? drop_batch(r, e) : 0;
}

/* One id is looked up; several, or none, need a walk over the rows. */
static int
drop_all(struct run *r, struct err *e)
{
	struct mail_engine *mail = queue_mail(r->q, e);
	struct mail_filter f;
	int result;

	if (mail == NULL || listing_filter(&r->how->filter, &f, e) == -1)
		return -1;
	if (r->how->ids.n == 0)
		return mail->ops->list(mail, &f, add_row, r, e);
	for (size_t i = 0; i < r->how->ids.n; i++) {
		f.id = r->how->ids.items[i];
		result = mail->ops->list(mail, &f, add_row, r, e);
		if (result == -1)
			return -1;
	}
	return 0;
}

int
dropping_run(struct queue *q, const struct dropping *how, struct err *e)
{
	struct run r = {.q = q, .how = how};
	int result;

	r.ids = xcalloc(DROP_BATCH, sizeof *r.ids);
	buf_addch(&r.entry, '{');
	if (how->reason != NULL)
		json_text_member_str(&r.entry, "reason", how->reason);
	buf_addch(&r.entry, '}');
	result = drop_all(&r, e);
	if (result == 0)
		result = drop_batch(&r, e);
	if (result == 0)
		tool_verbose("%s %lld mails",
		    how->is_dry ? "would drop" : "dropped",
		    (long long)r.dropped);
	if (result == 0 && r.left > 0)
		tool_say("left %lld as they are: leased, or done",
		    (long long)r.left);
	buf_release(&r.entry);
	free(r.ids);
	return result;
}
