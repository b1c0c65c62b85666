#include "desk/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/table.h"
#include "core/tool.h"
#include "desk/keyless.h"
#include "ledger/owned.h"
#include "mail/message.h"
#include "queue/draw.h"
#include "queue/removal.h"
#include "store/blob_files.h"

enum {
	YOUNG_MS = 24 * 3600 * 1000,
	PLACE_EVERY = 1000, /* rows */
	PLACE_MAX = 128,
};

#define PLACE_FILE "verify"

struct verify {
	struct queue *q;
	const struct verifying *how;
	const struct look *look;
	struct table table;
	struct buf out;
	json rec; /* of the row at work */
	const char *id;
	int64_t started, now;
	int64_t n_rows, n_files, n_bad, n_unread, n_fixed;
	int64_t n_sealed; /* rows and blobs whose key is not here */
	struct err sealed; /* why the first of them cannot be opened */
	char day[BLOB_DAY]; /* of the files at work */
	bool is_over; /* the budget */
};

static const struct table_column columns[] = {
    {"STATUS", .width = 6},
    {"FINDING", .width = 8},
    {"DETAIL", 20, .most = 60, .share = 1, .is_whole = true},
};

static int finding(struct verify *v, const char *what, const char *status,
    const char *id, const char *ref, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 7, 8)));

static int
finding(struct verify *v, const char *what, const char *status, const char *id,
    const char *ref, struct err *e, const char *fmt, ...)
{
	char detail[400];
	json line;
	va_list ap;
	int r;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof detail, fmt, ap);
	va_end(ap);
	v->n_bad += strcmp(status, "fail") == 0;
	if (v->look->is_table) {
		table_str(&v->table,
		    strcmp(status, "fail") == 0   ? LOOK_RED
		    : strcmp(status, "warn") == 0 ? LOOK_YELLOW
						  : LOOK_GREEN,
		    status);
		table_str(&v->table, LOOK_PLAIN, what);
		table_str(&v->table, LOOK_PLAIN, detail);
		table_end(&v->table);
	} else {
		line = json_set_str(json_object(), "finding", what);
		line = json_set_str(line, "status", status);
		if (id != NULL)
			line = json_set_str(line, "id", id);
		line = json_set(line, "ref", json_bytes(ref, strlen(ref)));
		line = json_set(
		    line, "detail", json_bytes(detail, strlen(detail)));
		json_dump(line, &v->out);
		buf_addch(&v->out, '\n');
	}
	r = file_write(STDOUT_FILENO, v->out.data, v->out.len, -1, "stdout", e);
	buf_reset(&v->out);
	return r;
}

/* Is it the mail of its id, as an earlier try of the MTA brought it? */
static bool
is_other_try(struct verify *v, int fd)
{
	json envelope = json_member(v->rec, "envelope", JSON_OBJECT);
	const char *to = json_str(envelope, "to");
	char window[65536], id[ID_TEXT];
	struct message m;
	bool is_it;
	ssize_t n;

	message_init(&m);
	if (lseek(fd, 0, SEEK_SET) == 0)
		while ((n = read(fd, window, sizeof window)) > 0)
			message_add(&m, window, (size_t)n);
	message_end(&m);
	message_id(
	    &m, true, json_str(v->rec, "tenant"), to != NULL ? to : "", id);
	is_it = m.from_size > 0 && strcmp(id, v->id) == 0;
	message_release(&m);
	json_free(envelope);
	return is_it;
}

/* The next may be readable. */
static int
unread(struct verify *v, const char *ref, const struct err *why, struct err *e)
{
	v->n_unread++;
	return finding(v, "unread", "fail", v->id, ref, e,
	    "%s: %s; is the disk sound, and the file ours?", v->id, why->text);
}

/* Said once, at the end. */
static int
count_sealed(struct verify *v, const char *why)
{
	v->n_sealed++;
	err_set(&v->sealed, ERR_TEMP, "%s", why); /* the first wins */
	return 0;
}

static int
verify_blob(void *ctx, const struct owned *blob, struct err *e)
{
	struct verify *v = ctx;
	struct err bad = ERR_INIT;
	int fd, r = keyless_look(v->q, blob, &bad);

	if (r == 1)
		return count_sealed(v, bad.text);
	if (r == -1)
		return finding(v, "damaged", "fail", v->id, blob->ref, e,
		    "%s: %s; is it in a backup?", v->id, bad.text);
	fd = blob_read(v->q->blobs, blob->ref, &bad);
	if (fd == -1 && bad.class == ERR_DATA)
		return finding(v, errno == EBADMSG ? "damaged" : "missing",
		    "fail", v->id, blob->ref, e, "%s: %s; is it in a backup?",
		    v->id, bad.text);
	if (fd == -1)
		return unread(v, blob->ref, &bad, e);
	r = owned_check(blob, fd, -1, &bad);
	if (r == -1 && bad.class == ERR_DATA) {
		r = blob->part == 0 && is_other_try(v, fd)
			? finding(v, "retry", "ok", v->id, blob->ref, e,
			      "%s: the bytes of an earlier try, with another "
			      "From line: the mail is whole",
			      v->id)
			: finding(v, "damaged", "fail", v->id, blob->ref, e,
			      "%s: %s; is it in a backup?", v->id, bad.text);
	} else if (r == -1) {
		r = unread(v, blob->ref, &bad, e);
	}
	close(fd);
	return r;
}

static bool
is_spent(const struct verify *v)
{
	return v->how->budget_s > 0 &&
	       clock_mono_ms() - v->started >= v->how->budget_s * 1000;
}

/* "rows ID" or "files DAY"; kept only by a run over everything. */
static int
keep_place(struct verify *v, const char *kind, const char *at, struct err *e)
{
	char text[PLACE_MAX];
	int n = snprintf(text, sizeof text, "%s %s\n", kind, at);

	if (v->how->is_part)
		return 0;
	return file_rewrite(v->q->state->dir, PLACE_FILE, text, (size_t)n, e);
}

/* The budget is looked at where the place is known. */
static int
end_early(struct verify *v, const char *kind, const char *at, struct err *e)
{
	v->is_over = true;
	keep_place(v, kind, at, e);
	return -1;
}

static int
verify_row(void *ctx, const struct mail_row *row, struct err *e)
{
	struct verify *v = ctx;
	struct err bad = ERR_INIT;
	int r;

	progress_add(1);
	if (row->sealed != NULL && row->is_keyless)
		count_sealed(v, row->sealed);
	else if (row->sealed != NULL &&
		 finding(v, "damaged", "fail", row->id, "mail.db", e, "%s",
		     row->sealed) == -1)
		return -1;
	if (json_parse(row->record, row->record_len, &v->rec, &bad) == -1)
		return finding(v, "damaged", "fail", row->id, "mail.db", e,
		    "%s: its record: %s", row->id, bad.text);
	v->id = row->id;
	r = owned_each(v->rec, verify_blob, v, e);
	json_free(v->rec);
	v->rec = json_none();
	if (r == -1)
		return -1;
	v->n_rows++;
	if (is_spent(v))
		return end_early(v, "rows", row->id, e);
	return v->n_rows % PLACE_EVERY == 0 ? keep_place(v, "rows", row->id, e)
					    : 0;
}

/* What the rows say of a file. */
struct owner {
	struct verify *v;
	const char *ref;
	bool is_there, is_named;
	bool is_sound;
};

static int
compare_blob(void *ctx, const struct owned *blob, struct err *e)
{
	struct owner *o = ctx;
	const char *mine = strrchr(o->ref, '/'), *its = strrchr(blob->ref, '/');
	struct err bad = ERR_INIT;
	int fd;

	(void)e;
	if (strcmp(o->ref, blob->ref) == 0)
		o->is_named = true;
	if (o->is_named || mine == NULL || its == NULL ||
	    strcmp(mine, its) != 0)
		return 0;
	fd = blob_read(o->v->q->blobs, blob->ref, &bad);
	o->is_sound = fd != -1 && owned_check(blob, fd, -1, &bad) == 0;
	if (fd != -1)
		close(fd);
	return 0;
}

static int
compare_row(void *ctx, const struct mail_row *row, struct err *e)
{
	struct owner *o = ctx;
	struct err bad = ERR_INIT;
	json rec;

	o->is_there = true;
	if (json_parse(row->record, row->record_len, &rec, &bad) == -1) {
		o->is_named = true; /* said already; nothing is touched */
		return 0;
	}
	owned_each(rec, compare_blob, o, e);
	json_free(rec);
	return 0;
}

static int
fix(struct verify *v, const struct blob_file_seen *f, struct err *e)
{
	if (!v->how->is_fixing)
		return 0;
	if (unlinkat(f->dir, f->name, 0) == -1 && errno != ENOENT)
		return err_errno(e, "blobs/%s/%s: remove", f->day, f->name);
	v->n_fixed++;
	return 0;
}

/* A file of no row, or not of the one it has. */
static int
verify_stray(struct verify *v, const struct blob_file_seen *f,
    const struct owner *o, const char *id, struct err *e)
{
	const char *done = v->how->is_fixing ? "removed" : "--fix removes it";

	if (!o->is_there)
		return finding(v, "orphan", "warn", id, o->ref, e,
		    "blobs/%s/%s: no row has this mail: look at it, then "
		    "remove it, or give it to mail-ingest",
		    f->day, f->name);
	if (!o->is_sound)
		return finding(v, "orphan", "warn", id, o->ref, e,
		    "blobs/%s/%s: the row names another, which is not sound: "
		    "is this the right one?",
		    f->day, f->name);
	if (finding(v, "left", "ok", id, o->ref, e,
		"blobs/%s/%s: of another try of the same mail: %s", f->day,
		f->name, done) == -1)
		return -1;
	return fix(v, f, e);
}

static int
verify_file(void *ctx, const struct blob_file_seen *f, struct err *e)
{
	struct verify *v = ctx;
	char id[NAME_MAX_LEN + 1];
	char *ref;
	struct owner o = {.v = v};
	struct mail_filter by_id = {.id = id, .state = -1};
	int r;

	/* Each run does something, however little its budget is. */
	if (strcmp(v->day, f->day) != 0 && is_spent(v) &&
	    (v->n_rows > 0 || v->n_files > 0))
		return end_early(v, "files", f->day, e);
	snprintf(v->day, sizeof v->day, "%s", f->day);
	progress_add(1);
	v->n_files++;
	if ((int64_t)f->st.st_mtime * 1000 > v->now - YOUNG_MS)
		return 0;
	ref = xasprintf("file:%s/%s", f->day, f->name);
	o.ref = ref;
	if (!blob_file_is_blob(f->name, id)) {
		r = finding(v, "rest", "ok", NULL, ref, e,
		    "blobs/%s/%s: never finished: %s", f->day, f->name,
		    v->how->is_fixing ? "removed" : "--fix removes it");
		if (r == 0)
			r = fix(v, f, e);
	} else {
		r = v->q->mail->ops->list(
		    v->q->mail, &by_id, compare_row, &o, e);
		if (r == 0 && !o.is_named)
			r = verify_stray(v, f, &o, id, e);
	}
	free(ref);
	return r;
}

/* Where the run before has ended. */
static int
read_place(struct verify *v, char *kind, char *at, struct err *e)
{
	struct buf text = BUF_INIT;
	int r = 0;

	kind[0] = at[0] = '\0';
	if (v->how->is_resumed && !v->how->is_part)
		r = file_read_at(
		    v->q->state->dir, PLACE_FILE, PLACE_MAX, &text, e);
	if (r == 1 && sscanf(text.data, "%7s %79s", kind, at) != 2)
		kind[0] = at[0] = '\0';
	buf_release(&text);
	return r == -1 ? -1 : 0;
}

static int
verify_all(struct verify *v, struct err *e)
{
	struct listing which = v->how->which;
	char kind[8], at[80];
	int r = read_place(v, kind, at, e);

	if (r == 0 && strcmp(kind, "rows") == 0)
		which.behind = at;
	if (r == 0 && strcmp(kind, "files") != 0)
		r = listing_each(v->q, &which, verify_row, v, e);
	if (r == 0 && !v->how->is_part)
		r = blob_files_each(v->q->state->dir,
		    strcmp(kind, "files") == 0 ? at : NULL, verify_file, v, e);
	if (r == 0 && !v->how->is_part &&
	    unlinkat(v->q->state->dir, PLACE_FILE, 0) == -1 && errno != ENOENT)
		r = err_errno(e, PLACE_FILE ": remove");
	return r;
}

static int
sum_up(const struct verify *v, int r, struct err *e)
{
	tool_verbose("%lld mails and %lld files looked at, %lld bad, %lld "
		     "removed",
	    (long long)v->n_rows, (long long)v->n_files, (long long)v->n_bad,
	    (long long)v->n_fixed);
	if (v->n_sealed > 0)
		tool_say("%lld sealed records and blobs could not be looked "
			 "into: %s",
		    (long long)v->n_sealed, v->sealed.text);
	if (v->is_over && e->class == ERR_NONE)
		return err_set(e, ERR_TEMP,
		    "the budget is over: --resume goes on%s",
		    v->n_bad > 0 ? "; mails are missing or damaged" : "");
	if (r == 0 && v->n_unread > 0)
		return err_set(e, ERR_TEMP,
		    "%lld cannot be read, %lld %s missing or damaged",
		    (long long)v->n_unread, (long long)(v->n_bad - v->n_unread),
		    v->n_bad - v->n_unread == 1 ? "is" : "are");
	if (r == 0 && v->n_bad > 0)
		return err_set(e, ERR_DATA, "%lld %s missing or damaged",
		    (long long)v->n_bad, v->n_bad == 1 ? "is" : "are");
	if (r == 0 && v->n_sealed > 0)
		return err_set(e, ERR_TEMP,
		    "the rest is sound; verify what is sealed where its secret "
		    "key is");
	return r;
}

int
verify_run(struct queue *q, const struct verifying *how,
    const struct look *look, struct err *e)
{
	struct verify v = {
	    .q = q,
	    .how = how,
	    .look = look,
	    .rec = json_none(),
	    .started = clock_mono_ms(),
	    .now = clock_now_ms(),
	};
	int lock = -1, r = -1;

	progress_start("verified", true);
	table_init(
	    &v.table, columns, sizeof columns / sizeof *columns, look, &v.out);
	/* Nothing goes meanwhile, lest it seems to be missing. */
	if (queue_mail(q, e) != NULL && queue_blobs(q, e) != NULL)
		lock = removal_lock(q->state, false, e);
	if (lock != -1)
		r = verify_all(&v, e);
	json_free(v.rec);
	buf_release(&v.out);
	if (lock != -1)
		close(lock);
	return sum_up(&v, r, e);
}
