/* Which mails a verb is about: the ledger's filter, and what it cannot ask. */
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/jq.h"
#include "core/json.h"
#include "core/tool.h"
#include "desk/listing.h"
#include "queue/draw.h"
#include "queue/queue.h"

struct each {
	const struct listing *how;
	struct jq_program *jq; /* NULL: none */
	mail_row_fn *fn;
	void *ctx;
	int64_t left; /* rows that may still be given; -1: any number */
	bool is_there; /* the id that is looked up */
	bool is_over; /* no more of them: fn's -1 would be an error */
};

/* Class and reason of the last result. */
static bool
has_result(const struct listing *how, const struct mail_row *row)
{
	struct err bad = ERR_INIT;
	const char *class, *reason;
	json last;
	bool is_it;

	if (how->class == NULL && how->reason == NULL)
		return true;
	if (row->last == NULL ||
	    json_parse(row->last, row->last_len, &last, &bad) == -1)
		return false;
	class = json_str(last, "class");
	reason = json_str(last, "reason");
	is_it = (how->class == NULL ||
		    (class != NULL && strcmp(class, how->class) == 0)) &&
		(how->reason == NULL ||
		    (reason != NULL && strstr(reason, how->reason) != NULL));
	json_free(last);
	return is_it;
}

/* 1, 0, or -1: its process cannot be started. */
static int
is_true(struct jq_program *jq, const struct mail_row *row, struct err *e)
{
	struct buf text = BUF_INIT;
	struct err bad = ERR_INIT;
	json rec, outputs;
	int r;

	queue_row_record(row, &text);
	r = json_parse(text.data, text.len, &rec, &bad);
	buf_release(&text);
	if (r == -1)
		return err_set(e, ERR_TEMP, "%s: %s", row->id, bad.text);
	outputs = jq_program_run(jq, rec, &bad);
	if (json_is_valid(outputs)) {
		r = jq_is_truthy(outputs);
		json_free(outputs);
		return r;
	}
	if (bad.class == ERR_TEMP)
		return err_set(e, ERR_TEMP, "%s", bad.text);
	err_prefix(&bad, "%s: -j", row->id);
	tool_failed(&bad);
	return 0;
}

static int
try_row(void *ctx, const struct mail_row *row, struct err *e)
{
	struct each *each = ctx;
	int r = has_result(each->how, row);

	if (r == 1 && each->jq != NULL)
		r = is_true(each->jq, row, e);
	if (r != 1)
		return r;
	if (each->fn(each->ctx, row, e) == -1)
		return -1;
	if (each->left > 0)
		each->left--;
	each->is_over = each->left == 0;
	return each->is_over ? -1 : 0;
}

static int
note(void *ctx, const struct mail_row *row, struct err *e)
{
	struct each *each = ctx;

	(void)row;
	(void)e;
	each->is_there = true;
	return 0;
}

static int
each_id(struct each *each, struct mail_engine *mail, struct mail_filter f,
    struct err *e)
{
	for (char *const *ids = each->how->ids; *ids != NULL && !each->is_over;
	     ids++) {
		struct mail_filter any = {.id = *ids, .state = -1};
		struct err bad = ERR_INIT;

		f.id = *ids;
		each->is_there = false;
		if (mail->ops->list(mail, &any, note, each, e) == -1)
			return -1;
		if (!each->is_there) {
			err_set(&bad, ERR_DATA, "%.64s: no such mail", *ids);
			tool_failed(&bad);
		} else if (mail->ops->list(mail, &f, try_row, each, e) == -1) {
			return -1;
		}
	}
	return 0;
}

int
listing_each(struct queue *q, const struct listing *how, mail_row_fn *fn,
    void *ctx, struct err *e)
{
	struct each each = {.how = how, .fn = fn, .ctx = ctx};
	struct mail_engine *mail;
	struct mail_filter f;
	int r = listing_filter(how, &f, e);

	each.left = how->count > 0 ? how->count : -1;
	f.max = 0; /* not all that the ledger finds need be wanted */
	f.is_failed =
	    how->state == NULL && (how->class != NULL || how->reason != NULL);
	if (r == 0 && how->jq != NULL) {
		each.jq = jq_program_open(how->jq, e);
		r = each.jq != NULL ? 0 : -1;
	}
	mail = r == 0 ? queue_mail(q, e) : NULL;
	if (mail == NULL)
		r = -1;
	else if (how->ids != NULL && how->ids[0] != NULL)
		r = each_id(&each, mail, f, e);
	else
		r = mail->ops->list(mail, &f, try_row, &each, e);
	if (each.jq != NULL)
		jq_program_free(each.jq);
	return each.is_over ? 0 : r;
}
