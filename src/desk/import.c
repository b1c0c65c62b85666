#include "desk/import.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/batch.h"
#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/tool.h"
#include "desk/image.h"
#include "ledger/owned.h"
#include "queue/deposit.h"
#include "queue/draw.h"
#include "queue/removal.h"
#include "store/spool.h"

enum {
	BATCH_MAILS = 32,
	BATCH_BLOBS = 64,
	ROW_MAX = 32 * 1024 * 1024, /* a record, and its history */
	NAME_LEN = ID_MAX + 24,
};

struct names {
	char **all;
	size_t n;
};

struct import {
	struct queue *q;
	int root, rows; /* directories */
	bool is_maildir;
	struct names seen; /* in cur of a Maildir, sorted */
	struct image images[BATCH_MAILS];
	size_t n, row_bytes;
	struct blob_put puts[BATCH_BLOBS];
	size_t n_puts;
	size_t from; /* of them, the first of the mail at work */
	int64_t n_done, n_there, n_failed;
};

/* Blobs that were not put are not left in the spool. */
static void
forget_puts(struct import *im, size_t from)
{
	for (size_t i = from; i < im->n_puts; i++) {
		unlinkat(im->q->state->dir, im->puts[i].spool, 0);
		free((char *)(uintptr_t)im->puts[i].spool);
		free((char *)(uintptr_t)im->puts[i].ref);
	}
	im->n_puts = from;
	im->from = from;
}

static void
forget_images(struct import *im)
{
	while (im->n > 0)
		image_release(&im->images[--im->n]);
	im->row_bytes = 0;
}

/* Bytes, then rows. */
static int
flush(struct import *im, struct err *e)
{
	struct mail_image images[BATCH_MAILS];
	int r = 0;

	for (size_t i = 0; i < im->n; i++)
		images[i] = im->images[i].mail;
	if (im->n_puts > 0)
		r = blob_put(im->q->blobs, im->puts, im->n_puts, e);
	if (r == 0 && im->n > 0)
		r = im->q->mail->ops->admit(im->q->mail, images, im->n, e);
	for (size_t i = 0; r == 0 && i < im->n; i++) {
		im->n_there += images[i].is_there;
		im->n_done += !images[i].is_there;
	}
	forget_puts(im, 0);
	forget_images(im);
	return r;
}

/* "ID:2,S" in cur is ID: what comes behind it is of no account. */
static int
compare_ids(const char *a, const char *b)
{
	size_t n = strcspn(a, ":"), m = strcspn(b, ":");
	int r = memcmp(a, b, n < m ? n : m);

	return r != 0 ? r : (n > m) - (n < m);
}

static int
by_id(const void *a, const void *b)
{
	return compare_ids(*(char *const *)a, *(char *const *)b);
}

static int
compare_id(const void *key, const void *name)
{
	return compare_ids(key, *(char *const *)name);
}

/* The path of a blob's bytes below the root. */
static void
path_of(struct import *im, const char *id, int part, struct buf *path)
{
	char **seen;

	if (part > 0) {
		buf_addf(path, "%s%s.%d.part",
		    im->is_maildir ? "mailpipe/" : "", id, part);
		return;
	}
	if (!im->is_maildir) {
		buf_addf(path, "%s.eml", id);
		return;
	}
	seen = bsearch(
	    id, im->seen.all, im->seen.n, sizeof *im->seen.all, compare_id);
	if (seen != NULL)
		buf_addf(path, "cur/%s", *seen);
	else
		buf_addf(path, "new/%s", id);
}

struct taking {
	struct import *im;
	const char *id;
};

/* ERR_DATA: there is none, or something else than a file of at most max. */
static int
open_source(int dir, const char *path, int64_t max, struct err *e)
{
	int fd = file_open_beneath(dir, path, O_RDONLY | O_NONBLOCK, e);
	struct stat st;

	if (fd == -1) {
		if (errno == ENOENT || errno == ELOOP || errno == EXDEV ||
		    errno == ENXIO)
			e->class = ERR_DATA;
		return -1;
	}
	if (fstat(fd, &st) == -1)
		err_errno(e, "%s", path);
	else if (!S_ISREG(st.st_mode))
		err_set(e, ERR_DATA, "%s: is no file", path);
	else if (st.st_size > max)
		err_set(e, ERR_DATA, "%s: larger than %lld bytes", path,
		    (long long)max);
	else
		return fd;
	close(fd);
	return -1;
}

static int
open_bytes(struct taking *t, int part, struct err *e)
{
	struct buf path = BUF_INIT;
	int fd;

	path_of(t->im, t->id, part, &path);
	fd = open_source(t->im->root, path.data, INT64_MAX, e);
	buf_release(&path);
	return fd;
}

static int
read_row(struct import *im, const char *id, struct buf *text, struct err *e)
{
	char name[NAME_LEN];
	int fd, r;

	snprintf(name, sizeof name, "%s.json", id);
	fd = open_source(im->rows, name, ROW_MAX, e);
	if (fd == -1)
		return -1;
	r = file_read_fd(fd, ROW_MAX, text, name, e);
	close(fd);
	return r;
}

/*
 * Of a run that was killed, or of a mail whose row is gone: good if it has the
 * same bytes.  1 it has, 0 there is none, -1.
 */
static int
is_stored(struct import *im, const struct owned *blob, struct err *e)
{
	int fd = blob_read(im->q->blobs, blob->ref, e), r;

	if (fd == -1 && errno == ENOENT) {
		err_clear(e);
		return 0;
	}
	if (fd == -1)
		return -1;
	r = owned_check(blob, fd, -1, e);
	close(fd);
	return r == 0 ? 1 : -1;
}

/* A blob's bytes into the spool, from where they are put. */
static int
take_blob(void *ctx, const struct owned *blob, struct err *e)
{
	struct taking *t = ctx;
	struct import *im = t->im;
	struct spool sp = SPOOL_INIT;
	int from, r;

	if (im->n_puts == BATCH_BLOBS && flush(im, e) == -1)
		return -1;
	r = is_stored(im, blob, e);
	if (r != 0)
		return r == 1 ? 0 : -1;
	from = open_bytes(t, blob->part, e);
	if (from == -1)
		return -1;
	r = spool_begin(&sp, im->q->state, e);
	if (r == 0)
		r = owned_spool(blob, from, &sp, e);
	if (r == 0)
		r = spool_finish(&sp, 1, e);
	if (r == 0) {
		im->puts[im->n_puts++] = (struct blob_put){
		    .ref = xstrdup(blob->ref),
		    .spool = xstrdup(sp.paths[0]),
		};
		sp.n_given = 1;
	}
	spool_release(&sp);
	close(from);
	return r;
}

static int
note(void *ctx, const struct mail_row *row, struct err *e)
{
	bool *is_there = ctx;

	(void)row;
	(void)e;
	*is_there = true;
	return 0;
}

/* A row whose file is called id.  ERR_DATA is for it alone. */
static int
take_row(struct import *im, const char *id, struct image *image, struct err *e)
{
	struct mail_filter f = {.id = id, .state = -1};
	struct taking t = {im, id};
	struct buf text = BUF_INIT;
	bool is_there = false;
	int r;

	if (im->q->mail->ops->list(im->q->mail, &f, note, &is_there, e) == -1)
		return -1;
	im->n_there += is_there;
	if (is_there)
		return 0;
	r = read_row(im, id, &text, e);
	im->row_bytes += text.len;
	if (r == 0)
		r = image_parse(image, text.data, text.len, e);
	buf_release(&text);
	if (r == 0 && strcmp(image->mail.row.id, id) != 0)
		r = err_set(e, ERR_DATA, "it is the row of another mail, %s",
		    image->mail.row.id);
	if (r == 0)
		r = owned_each(image->rec, take_blob, &t, e);
	return r == 0 ? 1 : -1;
}

/*
 * A mail's blobs are counted before its row is: a flush between them puts bytes
 * without a row, which the row that follows finds.
 */
static int
import_one(struct import *im, const char *id, struct err *e)
{
	struct image image = {.rec = json_none(), .line = json_none()};
	struct err bad = ERR_INIT;
	int r;

	if ((im->n == BATCH_MAILS || im->row_bytes >= BATCH_BYTES) &&
	    flush(im, e) == -1)
		return -1;
	im->from = im->n_puts;
	r = state_check_space(im->q->state, &bad);
	if (r == 0)
		r = take_row(im, id, &image, &bad);
	progress_add(1);
	if (r == 1) {
		im->images[im->n++] = image;
		return 0;
	}
	image_release(&image);
	if (r == 0)
		return 0;
	forget_puts(im, im->from);
	if (bad.class == ERR_TEMP)
		return err_set(e, ERR_TEMP, "%s: %s", id, bad.text);
	im->n_failed++;
	err_prefix(&bad, "%s", id);
	tool_failed(&bad);
	return 0;
}

static int
read_names(int root, const char *path, struct names *out, struct err *e)
{
	int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd != -1 ? fdopendir(fd) : NULL;
	const struct dirent *d;

	if (dir == NULL) {
		err_errno(e, "%s: open directory", path);
		if (fd != -1)
			close(fd);
		return -1;
	}
	while ((d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		if (out->n % 256 == 0)
			out->all =
			    xrealloc(out->all, out->n + 256, sizeof *out->all);
		out->all[out->n++] = xstrdup(d->d_name);
	}
	closedir(dir);
	if (out->n > 0)
		qsort(out->all, out->n, sizeof *out->all, by_id);
	return 0;
}

static void
release_names(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->all[i]);
	free(names->all);
}

/* A message without a row is not ours. */
static void
say_strangers(struct import *im, const struct names *rows)
{
	size_t strangers = 0;

	for (size_t i = 0; i < rows->n; i++) {
		size_t len = strlen(rows->all[i]);
		char name[NAME_LEN];

		if (len < 5 || len > ID_MAX + 4 ||
		    strcmp(rows->all[i] + len - 4, ".eml") != 0)
			continue;
		snprintf(name, sizeof name, "%.*s.json", (int)(len - 4),
		    rows->all[i]);
		strangers += faccessat(im->rows, name, F_OK, 0) == -1;
	}
	if (strangers > 0)
		tool_say("%zu messages have no row beside them and are left: "
			 "mail-ingest reads such",
		    strangers);
}

static int
import_rows(struct import *im, struct err *e)
{
	struct names names = {NULL, 0};
	int r = read_names(im->rows, ".", &names, e);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		size_t len = strlen(names.all[i]);

		if (len < 6 || strcmp(names.all[i] + len - 5, ".json") != 0 ||
		    !id_valid(names.all[i], len - 5))
			continue;
		names.all[i][len - 5] = '\0';
		r = import_one(im, names.all[i], e);
		names.all[i][len - 5] = '.';
	}
	if (r == 0)
		r = flush(im, e);
	if (r == 0)
		say_strangers(im, &names);
	release_names(&names);
	return r;
}

static int
open_dirs(struct import *im, const char *dir, struct err *e)
{
	im->root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (im->root == -1)
		return err_errno(e, "open directory");
	im->is_maildir = faccessat(im->root, "mailpipe", F_OK, 0) == 0;
	im->rows = openat(im->root, im->is_maildir ? "mailpipe" : ".",
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (im->rows == -1)
		return err_errno(e, "mailpipe: open directory");
	return im->is_maildir ? read_names(im->root, "cur", &im->seen, e) : 0;
}

int
import_run(struct queue *q, const char *dir, struct err *e)
{
	struct import *im = xcalloc(1, sizeof *im);
	int lock = -1, r = -1;

	im->q = q;
	im->root = im->rows = -1;
	progress_start("imported", false);
	if (queue_mail(q, e) != NULL && queue_blobs(q, e) != NULL)
		r = open_dirs(im, dir, e);
	/* Blobs that are there must be there still when their rows are. */
	if (r == 0)
		lock = removal_lock(q->state, false, e);
	r = lock != -1 ? import_rows(im, e) : -1;
	forget_puts(im, 0);
	forget_images(im);
	release_names(&im->seen);
	if (lock != -1)
		close(lock);
	if (im->rows != -1)
		close(im->rows);
	if (im->root != -1)
		close(im->root);
	if (r == 0)
		tool_verbose("%s: %lld imported, %lld were there already%s",
		    dir, (long long)im->n_done, (long long)im->n_there,
		    im->n_failed > 0 ? "; see above for the others" : "");
	else
		err_prefix(e, "%s", dir);
	free(im);
	return r;
}
