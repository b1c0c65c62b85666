#include "desk/export.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/copies.h"
#include "core/file.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/tool.h"
#include "ledger/owned.h"
#include "queue/content.h"

enum {
	NAME_LEN = ID_MAX + 24,
	ROW_MAX = 64 * 1024 * 1024,
};

struct export
{
	struct queue *q;
	int root, messages, rows; /* directories; rows: of parts too */
	bool is_maildir;
	struct copies message_copies, row_copies;
	int64_t n_written, n_same, n_failed;
};

static bool
is_there(int dir, const char *name, int64_t size)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && (size < 0 || st.st_size == size);
}

/* A mail reader has moved it from new to cur, or not. */
static bool
is_message_there(const struct export *x, const char *name, int64_t size)
{
	char seen[NAME_LEN + sizeof "../cur/:2,"];

	if (is_there(x->messages, name, size))
		return true;
	snprintf(seen, sizeof seen, "../cur/%s:2,S", name);
	return x->is_maildir && is_there(x->messages, seen, size);
}

/* A row, or a part; it must not come to stand there before its message. */
static int
begin_row_file(struct export *x, const char *name, struct err *e)
{
	if (x->row_copies.n == SYNC_MAX &&
	    copies_publish(&x->message_copies, e) == -1)
		return -1;
	return copies_begin(&x->row_copies, name, e);
}

static int
copy_blob(
    struct export *x, const char *name, const struct owned *blob, struct err *e)
{
	struct copies *c = blob->part > 0 ? &x->row_copies : &x->message_copies;
	int from = queue_open_blob(x->q, blob->ref, e), to, r;

	if (from == -1) {
		e->class = ERR_DATA; /* it is this mail that has failed */
		return -1;
	}
	to = blob->part > 0 ? begin_row_file(x, name, e)
			    : copies_begin(c, name, e);
	r = to == -1 ? -1 : owned_check(blob, from, to, e);
	if (r == -1 && to != -1)
		copies_cancel(c);
	close(from);
	return r;
}

struct mail_files {
	struct export *x;
	const char *id;
};

static int
export_blob(void *ctx, const struct owned *blob, struct err *e)
{
	struct mail_files *m = ctx;
	struct export *x = m->x;
	char name[NAME_LEN];

	if (blob->part > 0) {
		snprintf(name, sizeof name, "%s.%d.part", m->id, blob->part);
		return is_there(x->rows, name, blob->size)
			   ? 0
			   : copy_blob(x, name, blob, e);
	}
	snprintf(name, sizeof name, "%s%s", m->id, x->is_maildir ? "" : ".eml");
	if (is_message_there(x, name, blob->size))
		return 0;
	return copy_blob(x, name, blob, e);
}

static void
add_time(struct buf *out, const char *key, int64_t at)
{
	char text[CLOCK_TEXT];

	if (at != 0)
		buf_addf(out, ",\"%s\":\"%s\"", key, clock_format(at, text));
}

/* The row, as a line. */
static int
write_row(struct export *x, const struct mail_row *row, struct buf *out,
    struct err *e)
{
	if (listing_mail(x->q, row->id, out, e) == -1)
		return -1;
	out->len--;
	buf_addf(out, ",\"exported\":{\"v\":1,\"priority\":%lld",
	    (long long)row->priority);
	add_time(out, "stored_at", row->stored_at);
	add_time(out, "queued_at", row->queued_at);
	add_time(out, "due_at", row->due_at);
	buf_addf(out, ",\"deliveries\":%lld,\"interrupted\":%s}}\n",
	    (long long)row->deliveries, row->is_interrupted ? "true" : "false");
	return 0;
}

/* 1 it stands there as it is, 0, -1. */
static int
is_same(int dir, const char *name, const struct buf *text, struct err *e)
{
	struct buf old = BUF_INIT;
	int r = file_read_at(dir, name, ROW_MAX, &old, e);

	if (r == 1)
		r = old.len == text->len &&
		    memcmp(old.data, text->data, text->len) == 0;
	buf_release(&old);
	return r;
}

static int
export_line(
    struct export *x, const char *id, const struct buf *text, struct err *e)
{
	char name[NAME_LEN];
	int fd, r;

	snprintf(name, sizeof name, "%s.json", id);
	r = is_same(x->rows, name, text, e);
	if (r == 1)
		x->n_same++;
	if (r != 0)
		return r == 1 ? 0 : -1;
	fd = begin_row_file(x, name, e);
	if (fd == -1)
		return -1;
	x->n_written++;
	return file_write(fd, text->data, text->len, -1, name, e);
}

/* What is wrong with one mail is said, and the others are done. */
static int
failed(struct export *x, const char *id, const struct err *why, struct err *e)
{
	struct err bad = ERR_INIT;

	x->n_failed++;
	err_set(&bad, ERR_TEMP, "%s: %s; mail-store verify says more", id,
	    why->text);
	tool_failed(&bad);
	(void)e;
	return 0;
}

static int
export_row(void *ctx, const struct mail_row *row, struct err *e)
{
	struct export *x = ctx;
	struct mail_files m = {x, row->id};
	struct buf line = BUF_INIT;
	struct err bad = ERR_INIT;
	json rec;
	int r;

	/* Here there is nothing to export, of any mail. */
	if (row->is_keyless)
		return err_set(e, ERR_TEMP, "%s", row->sealed);
	r = json_parse(row->record, row->record_len, &rec, &bad);
	if (r == 0) {
		r = owned_each(rec, export_blob, &m, &bad);
		json_free(rec);
	}
	if (r == -1 && bad.class == ERR_DATA)
		return failed(x, row->id, &bad, e);
	if (r == 0)
		r = write_row(x, row, &line, &bad);
	if (r == 0)
		r = export_line(x, row->id, &line, &bad);
	buf_release(&line);
	progress_add(1);
	return r == 0 ? 0 : err_set(e, ERR_TEMP, "%s", bad.text);
}

/* Two that write one file beside its name would mix their bytes. */
static int
check_dir(const struct export *x, struct err *e)
{
	int r;

	if (faccessat(x->root, "layout", F_OK, 0) == 0)
		return err_set(e, ERR_TEMP,
		    "it is a state directory: name another for the mails");
	r = file_lock(x->root, LOCK_EX, 0, "directory", e);
	if (r == 0)
		return err_set(e, ERR_TEMP,
		    "another export is being written there: try again");
	return r == -1 ? -1 : 0;
}

static int
enter(struct export *x, struct err *e)
{
	const char *messages = x->is_maildir ? "new" : ".";
	const char *rows = x->is_maildir ? "mailpipe" : ".";
	int cur;

	if (x->is_maildir) {
		cur = file_open_dir(x->root, "cur", e);
		if (cur == -1)
			return -1;
		close(cur);
	}
	x->messages = file_open_dir(x->root, messages, e);
	if (x->messages != -1)
		x->rows = file_open_dir(x->root, rows, e);
	if (x->rows == -1)
		return -1;
	if (copies_enter(&x->message_copies, x->root, messages,
		x->is_maildir ? "tmp" : NULL, e) == -1)
		return -1;
	return copies_enter(&x->row_copies, x->root, rows, NULL, e);
}

static void
leave(struct export *x)
{
	const int dirs[] = {x->root, x->messages, x->rows};

	copies_release(&x->message_copies);
	copies_release(&x->row_copies);
	for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++)
		if (dirs[i] != -1)
			close(dirs[i]);
}

int
export_run(struct queue *q, const struct exporting *how, struct err *e)
{
	struct export x = {
	    .q = q,
	    .messages = -1,
	    .rows = -1,
	    .is_maildir = how->is_maildir,
	    .message_copies = COPIES_INIT,
	    .row_copies = COPIES_INIT,
	};
	int r = -1;

	progress_start("exported", false);
	x.root = file_open_dir(AT_FDCWD, how->dir, e);
	if (x.root != -1 && check_dir(&x, e) == 0 && enter(&x, e) == 0)
		r = listing_each(q, &how->which, export_row, &x, e);
	if (r == 0)
		r = copies_publish(&x.message_copies, e);
	if (r == 0)
		r = copies_publish(&x.row_copies, e);
	leave(&x);
	if (r == -1)
		return err_prefix(e, "%s", how->dir);
	tool_verbose("%lld exported, %lld were there already%s",
	    (long long)x.n_written, (long long)x.n_same,
	    x.n_failed > 0 ? "; see above for the others" : "");
	return 0;
}
