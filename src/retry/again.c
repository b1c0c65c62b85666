#include "retry/again.h"

#include <string.h>

#include "core/batch.h"
#include "core/buf.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/tool.h"
#include "ledger/merge.h"
#include "ledger/parts.h"
#include "ledger/sealed.h"
#include "mail/record.h"
#include "queue/draw.h"
#include "queue/receive.h"
#include "retry/check.h"
#include "retry/locks.h"
#include "retry/mover.h"

struct run {
	struct queue *q;
	struct again *how;
	struct mover mover;
	struct locks locks;
	const char *record; /* instead of the row's, or NULL */
	size_t record_len;
	bool is_found;
};

/* What somebody says happened, as the result of the mail.  Into out. */
static void
write_result(const struct again *how, struct buf *out)
{
	json r = record_result(how->to == MAIL_SUCCEEDED ? "ok" : "fail",
	    "mail-retry", -1, NULL,
	    how->reason != NULL ? how->reason : "by hand");

	json_dump(r, out);
}

/*
 * Before the row: who is killed between them decides once more, and the lock is
 * that way already.
 */
static int
resolve_lock(struct run *r, const struct mail_row *row,
    const struct buf *result, struct err *e)
{
	if (r->how->from != MAIL_PARKED || r->how->is_dry)
		return 0;
	return locks_resolve(&r->locks, row->id,
	    r->how->to == MAIL_SUCCEEDED ? LOCKS_DONE
	    : r->how->to == MAIL_READY   ? LOCKS_AGAIN
					 : LOCKS_FAIL,
	    result, e);
}

/*
 * The lock of a parked one may know that it has happened: nobody decides
 * otherwise then.  1 it is settled so, 0 it is not known, -1.
 */
static int
settle_known(struct run *r, const struct mail_row *row, struct err *e)
{
	struct buf result = BUF_INIT;
	int known = r->how->from == MAIL_PARKED
			? locks_is_done(&r->locks, row->id, &result, e)
			: 0;
	struct decided d = {
	    .to = MAIL_SUCCEEDED,
	    .stage = ":resolved",
	    .status = "ok",
	    .reason = "its lock is done",
	    .last = result.data,
	    .last_len = result.len,
	};

	if (known == 1 && mover_add(&r->mover, row, &d, e) == -1)
		known = -1;
	if (known == 1 && r->how->to != MAIL_SUCCEEDED)
		tool_say("%s: its lock is done: it has succeeded", row->id);
	buf_release(&result);
	return known;
}

static int
move(struct run *r, const struct mail_row *row, struct err *e)
{
	const struct again *how = r->how;
	bool is_again = how->to == MAIL_READY;
	struct buf last = BUF_INIT;
	struct decided d = {
	    .to = how->to,
	    .stage = how->stage,
	    .reason = how->reason,
	    .queue = how->queue,
	    .is_anew = is_again,
	    .is_marked = is_again && how->from == MAIL_PARKED,
	    .is_edited = r->record != NULL,
	    .record = r->record,
	    .record_len = r->record_len,
	};
	int result;

	if (!is_again) {
		d.status = how->to == MAIL_SUCCEEDED ? "ok" : "fail";
		write_result(how, &last);
		d.last = last.data;
		d.last_len = last.len;
	}
	result = resolve_lock(r, row, &last, e);
	if (result == 0)
		result = mover_add(&r->mover, row, &d, e);
	buf_release(&last);
	return result;
}

static int
add_row(void *ctx, const struct mail_row *row, struct err *e)
{
	struct run *r = ctx;
	struct err gone = ERR_INIT, unknown = ERR_INIT, *why;
	int is_there = 1, known;

	if (r->mover.is_over)
		return -1; /* no error, but the end */
	known = settle_known(r, row, e);
	if (known != 0)
		return known == 1 ? 0 : -1;
	if (r->how->to == MAIL_READY)
		is_there = check_blobs(r->q, row, &gone, &unknown);
	if (is_there == 1)
		return move(r, row, e);
	/* Gone, or nobody knows: the others may be sound. */
	why = is_there == 0 ? &gone : &unknown;
	err_prefix(why, "%s: left as it is", row->id);
	tool_failed(why);
	return 0;
}

static void
say_sum(const struct mover *m)
{
	int64_t n = 0;

	for (int i = 0; i < MAIL_STATES; i++)
		n += m->moved[i];
	tool_verbose(
	    "%s%lld mails", m->is_dry ? "would be: " : "", (long long)n);
	if (m->lost > 0)
		tool_say("left %lld as they are: they have moved meanwhile",
		    (long long)m->lost);
	if (m->is_over)
		tool_say("its time was over before all were done");
}

static int
walk(struct run *r, struct err *e)
{
	int result;

	if (queue_mail(r->q, e) == NULL)
		return -1;
	progress_start("done", r->how->is_echo || r->how->is_dry);
	result =
	    choice_walk(&r->how->choice, r->q, r->how->from, add_row, r, e);
	if (result == 0)
		result = mover_flush(&r->mover, e);
	if (r->mover.is_over)
		result = 0;
	progress_end();
	say_sum(&r->mover);
	return result;
}

static struct run
run_of(struct queue *q, struct again *how)
{
	pace_start(&how->pace);
	return (struct run){
	    .q = q,
	    .how = how,
	    .locks = {.q = q},
	    .mover = {.q = q,
		.is_dry = how->is_dry,
		.is_echo = how->is_echo,
		.pace = &how->pace},
	};
}

int
again_run(struct queue *q, struct again *how, struct err *e)
{
	struct run r = run_of(q, how);
	int result = choice_open(&how->choice, e);

	if (result == 0)
		result = walk(&r, e);
	choice_close(&how->choice);
	locks_release(&r.locks);
	mover_release(&r.mover);
	return result;
}

/* An edited record, and the row that it is to change. */
struct editing {
	struct run *run;
	json rec;
	struct err *bad; /* why it cannot, of this record only */
};

/*
 * A record that was listed where there is no secret key goes back as it is:
 * what was added to it would lie in the clear.  ERR_DATA.
 */
static int
check_sealed(
    const struct mail_row *row, const struct buf *record, struct err *bad)
{
	struct buf same = BUF_INIT;
	json rec, was = json_none(), a, b;
	int r = 0;

	if (json_parse(record->data, record->len, &rec, bad) == -1)
		return -1;
	if (!sealed_is_record(rec)) {
		if (row->sealed != NULL)
			r = err_set(bad, ERR_DATA,
			    "it is sealed, and the record is not: edit it "
			    "where the secret key is");
		goto out;
	}
	if (row->sealed == NULL ||
	    json_parse(row->record, row->record_len, &was, bad) == -1) {
		r = err_set(bad, ERR_DATA,
		    "the record is sealed: list it where the secret key is");
		goto out;
	}
	a = json_get(rec, "sealed");
	b = json_get(was, "sealed");
	if (!json_equal(a, b))
		r = err_set(bad, ERR_DATA,
		    "its \"sealed\" is another: edit it where the secret key "
		    "is");
	json_free(a);
	json_free(b);
	if (r == 0)
		r = sealed_write(NULL, rec, &same, bad);
out:
	buf_release(&same);
	json_free(was);
	json_free(rec);
	return r;
}

/* With the stored bytes of the row.  Into out; ERR_DATA. */
static int
merge_edited(
    json rec, const struct mail_row *row, struct buf *out, struct err *bad)
{
	struct buf edited = BUF_INIT;
	int r;

	rec = json_del(json_copy(rec), "content");
	r = queue_stored_form(rec, &edited, bad);
	json_free(rec);
	if (r == 0)
		r = merge_blobs(
		    (struct merge_text){row->record, row->record_len},
		    (struct merge_text){edited.data, edited.len}, out, bad);
	if (r == 0)
		buf_add(out, edited.data, edited.len);
	buf_release(&edited);
	if (r != -1 && check_sealed(row, out, bad) == -1)
		return -1;
	if (r != -1 && out->len > QUEUE_RECORD_MAX)
		return err_set(bad, ERR_DATA,
		    "a record of %zu bytes; at most %d", out->len,
		    QUEUE_RECORD_MAX);
	return r == -1 ? -1 : 0;
}

static int
check_edited(const struct editing *x, const struct mail_row *row)
{
	const char *tenant = json_str(x->rec, "tenant");

	if (row->state != x->run->how->from)
		return err_set(x->bad, ERR_DATA, "it is %s, not %s",
		    mail_state_name(row->state),
		    mail_state_name(x->run->how->from));
	if (strcmp(tenant, row->tenant) != 0)
		return err_set(x->bad, ERR_DATA,
		    "its tenant is %s, and cannot be changed", row->tenant);
	if (parts_have_content(x->rec))
		return err_set(x->bad, ERR_DATA,
		    "parts and attachments: stored bytes cannot be changed");
	return 0;
}

static int
edit_row(void *ctx, const struct mail_row *row, struct err *e)
{
	struct editing *x = ctx;
	struct buf record = BUF_INIT;
	int r = 0;

	x->run->is_found = true;
	if (check_edited(x, row) == 0 &&
	    merge_edited(x->rec, row, &record, x->bad) == 0) {
		x->run->record = record.data;
		x->run->record_len = record.len;
		r = add_row(x->run, row, e);
		x->run->record = NULL;
		x->run->record_len = 0;
	}
	buf_release(&record);
	return r;
}

static int
edit(struct run *r, json rec, struct err *bad, struct err *e)
{
	struct editing x = {r, rec, bad};
	struct mail_filter f = {.state = -1};

	if (record_check(rec, bad) == -1)
		return 0;
	f.id = record_id(rec);
	r->is_found = false;
	if (r->q->mail->ops->list(r->q->mail, &f, edit_row, &x, e) == -1)
		return -1;
	if (!r->is_found)
		err_set(bad, ERR_DATA, "no such mail");
	if (bad->class != ERR_NONE)
		err_prefix(bad, "%s", f.id);
	return 0;
}

static int
edit_batch(void *ctx, struct batch_item *items, size_t n, struct err *e)
{
	struct run *r = ctx;
	int result = 0;

	for (size_t i = 0; result == 0 && i < n; i++) {
		struct err bad = ERR_INIT;

		items[i].fate = BATCH_SWALLOW;
		result = edit(r, items[i].rec, &bad, e);
		if (bad.class != ERR_NONE)
			batch_refuse(&items[i], &bad);
	}
	return result == 0 ? mover_flush(&r->mover, e) : -1;
}

int
again_edited(struct queue *q, struct again *how, struct err *e)
{
	struct run r = run_of(q, how);
	struct batch b = {
	    .work = edit_batch,
	    .ctx = &r,
	    .progress = "revived",
	    .is_silent = true,
	};
	int result = -1;

	if (queue_mail(q, e) != NULL)
		result = batch_run(&b, e);
	say_sum(&r.mover);
	mover_release(&r.mover);
	return result;
}
