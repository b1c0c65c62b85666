#include "desk/rekey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/tool.h"
#include "desk/changes.h"
#include "ledger/parts.h"
#include "ledger/sealed.h"
#include "queue/draw.h"

enum {
	PASSES = 3, /* for rows that change meanwhile */
};

struct rekeying {
	struct queue *q;
	struct mail_engine *mail;
	const struct seal_public *to;
	const struct seal_ring *ring;
	struct changes changes;
	int64_t n_lost; /* in this pass */
	int64_t n_records, n_blobs, n_failed;
};

static void
record_over(void *ctx, const char *id, bool is_lost)
{
	struct rekeying *r = ctx;

	(void)id;
	if (is_lost)
		r->n_lost++;
	else
		r->n_records++;
}

/* One blob; *why the first that cannot be. */
static int
blob_again(struct rekeying *r, json owner, struct err *why)
{
	json blob = json_member(owner, "blob", JSON_OBJECT);
	const char *ref = json_str(blob, "ref");
	int n = ref != NULL ? blob_seal_again(r->q->blobs, ref, r->to, why) : 0;

	/* One that is not there is what verify tells of. */
	if (n == -1 && why->class == ERR_DATA && errno == ENOENT) {
		err_clear(why);
		n = 0;
	}
	if (n == 1)
		r->n_blobs++;
	json_free(blob);
	return n == -1 ? -1 : 0;
}

struct part_work {
	struct rekeying *r;
	struct err *why;
};

static int
part_again(void *ctx, const struct parts_place *at, json *part, struct err *e)
{
	const struct part_work *w = ctx;

	(void)at;
	(void)e;
	return blob_again(w->r, *part, w->why);
}

/* Its blobs at once, its row with others. */
static int
mail_again(struct rekeying *r, const struct mail_row *row, json rec,
    struct buf *record, bool *is_changed, struct err *why)
{
	struct part_work w = {r, why};
	struct err none = ERR_INIT;
	json copy = json_copy(rec);
	int result = blob_again(r, rec, why);

	if (result == 0)
		result = parts_change(&copy, "blob", part_again, &w, &none);
	json_free(copy);
	if (result == 0)
		result = sealed_again(r->ring, r->to, row->record,
		    row->record_len, record, is_changed, why);
	return result;
}

static int
rekey_row(void *ctx, const struct mail_row *row, struct err *e)
{
	struct rekeying *r = ctx;
	struct buf record = BUF_INIT, entry = BUF_INIT;
	struct err why = ERR_INIT;
	bool is_changed = false;
	json rec;
	int result = json_parse(row->record, row->record_len, &rec, &why);

	progress_add(1);
	if (result == 0) {
		result = mail_again(r, row, rec, &record, &is_changed, &why);
		json_free(rec);
	}
	if (result == -1) {
		r->n_failed++;
		why.class = ERR_TEMP;
		err_prefix(&why, "%s: not sealed anew", row->id);
		tool_failed(&why);
	}
	result =
	    is_changed ? changes_add(&r->changes, row, &record, &entry, e) : 0;
	buf_release(&record);
	return result;
}

static int
pass(struct rekeying *r, struct err *e)
{
	const struct mail_filter all = {.state = -1, .is_stored = true};
	int result;

	r->n_lost = 0;
	r->n_failed = 0;
	result = r->mail->ops->list(r->mail, &all, rekey_row, r, e);
	return result == 0 ? changes_flush(&r->changes, e) : result;
}

static void
say_sum(const struct rekeying *r, bool is_whole)
{
	char key[SEAL_KEY_ID_TEXT];

	tool_say("%lld records and %lld blobs sealed anew, to %s%s",
	    (long long)r->n_records, (long long)r->n_blobs,
	    seal_key_id_text(r->to->id, key),
	    is_whole && r->n_failed + r->n_lost == 0
		? "; no stored mail needs another key now"
		: "");
}

static int
start(struct rekeying *r, struct err *e)
{
	struct state *s = r->q->state;

	if (state_public(s, &r->to, e) == -1)
		return -1;
	if (r->to == NULL)
		return err_set(e, ERR_TEMP,
		    "the configuration has no keys.public: to which key?");
	if (state_ring(s, &r->ring, e) == -1 || queue_blobs(r->q, e) == NULL)
		return -1;
	r->mail = queue_mail(r->q, e);
	r->changes.mail = r->mail;
	return r->mail != NULL ? 0 : -1;
}

/*
 * A run that was killed between a write and its sync has left a key that reads
 * as the new one and is on no disk: this one passed over it.
 */
static int
sync_all(const struct state *s, struct err *e)
{
	int fd = openat(s->dir, "blobs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd == -1)
		return errno == ENOENT ? 0 : err_errno(e, "blobs: open");
	r = syncfs(fd) == -1 ? err_errno(e, "blobs: sync") : 0;
	close(fd);
	return r;
}

int
rekey(struct queue *q, struct err *e)
{
	struct rekeying r = {
	    .q = q,
	    .changes = {.is_stored = true, .over = record_over},
	};
	int result = start(&r, e);

	r.changes.ctx = &r;
	progress_start("looked at", false);
	for (int i = 0; result == 0 && i < PASSES; i++) {
		result = pass(&r, e);
		if (r.n_lost == 0)
			break;
	}
	if (result == 0)
		result = sync_all(q->state, e);
	if (r.mail != NULL)
		say_sum(&r, result == 0);
	if (result == 0 && r.n_lost > 0)
		result = err_set(e, ERR_TEMP,
		    "%lld records changed meanwhile: run it again",
		    (long long)r.n_lost);
	changes_release(&r.changes);
	return result;
}
