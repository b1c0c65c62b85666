#include "desk/reparse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/tool.h"
#include "desk/changes.h"
#include "mail/renew.h"
#include "queue/content.h"
#include "queue/draw.h"
#include "queue/receive.h"

enum {
	CHANGED_MAX = 400, /* bytes of names in a diagnostic */
};

struct reparsing {
	struct queue *q;
	struct mail_engine *mail;
	const struct reparse_options *how;
	struct changes changes;
	/* Those that another has changed meanwhile: read once more. */
	char **again;
	size_t n_again;
	bool is_again;
	int64_t n_read, n_changed, n_failed;
};

/* Name a mail that stays as it is, and go on. */
static void
failed(struct reparsing *r, const char *id, struct err *e)
{
	r->n_failed++;
	e->class = ERR_TEMP;
	if (strncmp(e->text, id, strlen(id)) != 0)
		err_prefix(e, "%s", id);
	tool_failed(e);
}

static void
lost(struct reparsing *r, const char *id)
{
	struct err e = ERR_INIT;

	if (r->is_again) {
		err_set(&e, ERR_TEMP, "it changes while it is read: try again");
		failed(r, id, &e);
		return;
	}
	r->again = xrealloc(r->again, r->n_again + 1, sizeof *r->again);
	r->again[r->n_again++] = xstrdup(id);
}

static void
record_over(void *ctx, const char *id, bool is_lost)
{
	struct reparsing *r = ctx;

	if (is_lost)
		lost(r, id);
	else
		r->n_changed++;
}

/* "message.subject fingerprint", on stderr. */
static void
say_changed(const struct reparsing *r, const char *id, json changed)
{
	struct buf names = BUF_INIT;

	for (int i = 0; i < json_count(changed); i++) {
		json name = json_at(changed, i);

		if (names.len < CHANGED_MAX)
			buf_addf(&names, " %s", json_string_value(name));
		json_free(name);
	}
	if (r->how->is_dry)
		tool_say("%s: would change:%s", id, names.data);
	else
		tool_verbose("%s: changes:%s", id, names.data);
	buf_release(&names);
}

/* {"changed":[…],"version":"…"}, for the history.  Consumes changed. */
static void
write_entry(json changed, struct buf *out)
{
	json entry = json_set(json_object(), "changed", changed);

	json_dump(json_set_str(entry, "version", MAILPIPE_VERSION), out);
}

/* Consumes rec and changed. */
static int
add_change(struct reparsing *r, const struct mail_row *row, json rec,
    json changed, struct err *e)
{
	struct buf record = BUF_INIT, entry = BUF_INIT;
	struct err bad = ERR_INIT;
	int result = 0;

	json_dump(rec, &record);
	write_entry(changed, &entry);
	if (record.len <= QUEUE_RECORD_MAX) {
		result = changes_add(&r->changes, row, &record, &entry, e);
	} else {
		err_set(&bad, ERR_TEMP,
		    "it stays as it is: the record would have %zu bytes, at "
		    "most %d",
		    record.len, QUEUE_RECORD_MAX);
		failed(r, row->id, &bad);
	}
	buf_release(&record);
	buf_release(&entry);
	return result;
}

static int
renew(struct reparsing *r, const struct mail_row *row, json rec, struct err *e)
{
	struct err bad = ERR_INIT;
	json out, changed;
	int fd = queue_open_message(r->q, rec, &bad), is_changed = -1;

	if (fd != -1) {
		is_changed = renew_record(rec, fd, &out, &changed, &bad);
		close(fd);
	}
	if (is_changed == -1) {
		failed(r, row->id, &bad);
		return 0;
	}
	if (!r->is_again)
		r->n_read++;
	if (is_changed == 0)
		return 0;
	say_changed(r, row->id, changed);
	if (!r->how->is_dry)
		return add_change(r, row, out, changed, e);
	r->n_changed++;
	json_free(out);
	json_free(changed);
	return 0;
}

static int
reparse_row(void *ctx, const struct mail_row *row, struct err *e)
{
	struct reparsing *r = ctx;
	struct err bad = ERR_INIT;
	json rec;
	int result = 0;

	progress_add(1);
	if (row->sealed != NULL) {
		err_set(&bad, ERR_TEMP, "%s", row->sealed);
		failed(r, row->id, &bad);
		return 0;
	}
	if (json_parse(row->record, row->record_len, &rec, &bad) == -1) {
		failed(r, row->id, &bad);
		return 0;
	}
	if (renew_is_possible(rec))
		result = renew(r, row, rec, e);
	json_free(rec);
	return result;
}

/* Is there such a mail, whatever else was asked for? */
static int
note_row(void *ctx, const struct mail_row *row, struct err *e)
{
	bool *is_there = ctx;

	(void)row;
	(void)e;
	*is_there = true;
	return 0;
}

static int
reparse_ids(struct reparsing *r, struct mail_filter f, char *const *ids,
    size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		struct mail_filter any = {.id = ids[i], .state = -1};
		struct err bad = ERR_INIT;
		bool is_there = false;

		if (r->mail->ops->list(r->mail, &any, note_row, &is_there, e) ==
		    -1)
			return -1;
		if (!is_there) {
			err_set(&bad, ERR_DATA, "%.64s: no such mail", ids[i]);
			tool_failed(&bad);
			continue;
		}
		f.id = ids[i];
		if (r->mail->ops->list(r->mail, &f, reparse_row, r, e) == -1)
			return -1;
	}
	return changes_flush(&r->changes, e);
}

static int
reparse_all(struct reparsing *r, struct err *e)
{
	char *const *ids = r->how->ids;
	struct mail_filter f;
	size_t n = 0;

	if (listing_filter(&r->how->which, &f, e) == -1)
		return -1;
	while (ids[n] != NULL)
		n++;
	if (n > 0)
		return reparse_ids(r, f, ids, n, e);
	if (r->mail->ops->list(r->mail, &f, reparse_row, r, e) == -1)
		return -1;
	return changes_flush(&r->changes, e);
}

static void
say_sum(const struct reparsing *r)
{
	char failures[64] = "";

	if (r->n_failed > 0)
		snprintf(failures, sizeof failures, ", %lld left as they are",
		    (long long)r->n_failed);
	tool_say("%lld read, %lld %s%s", (long long)r->n_read,
	    (long long)r->n_changed,
	    r->how->is_dry ? "would change" : "changed", failures);
}

int
reparse(struct queue *q, const struct reparse_options *how, struct err *e)
{
	static const struct mail_filter any = {.state = -1};
	struct reparsing r = {
	    .q = q,
	    .how = how,
	    .changes = {.stage = ":reparse", .over = record_over},
	};
	int result = -1;

	progress_start("looked at", false);
	r.mail = queue_mail(q, e);
	r.changes.mail = r.mail;
	r.changes.ctx = &r;
	if (r.mail != NULL)
		result = reparse_all(&r, e);
	if (result == 0 && r.n_again > 0) {
		r.is_again = true;
		result = reparse_ids(&r, any, r.again, r.n_again, e);
	}
	if (r.mail != NULL)
		say_sum(&r);
	changes_release(&r.changes);
	for (size_t i = 0; i < r.n_again; i++)
		free(r.again[i]);
	free(r.again);
	return result;
}
