#include "desk/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/progress.h"
#include "core/tool.h"
#include "desk/backup_files.h"
#include "desk/mirror.h"
#include "queue/content.h"
#include "queue/draw.h"
#include "queue/intake.h"
#include "queue/last_run.h"
#include "queue/removal.h"
#include "store/db_copy.h"

struct backup {
	struct queue *q;
	const char *path;
	int root, lock, removal;
	struct mirror_sum sum;
};

/* The segments one after the other; what is torn there is torn here. */
static int
copy_intake(struct backup *b, int to, struct err *e)
{
	int fd = openat(
	    to, BACKUP_INTAKE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r = 0;

	if (fd == -1)
		return err_errno(e, "new/" BACKUP_INTAKE ": create");
	for (int i = 0; r == 0 && i < INTAKE_SEGMENTS; i++) {
		char *path = xasprintf("intake/%d", i);
		int from = openat(b->q->state->dir, path, O_RDONLY | O_CLOEXEC);

		if (from == -1 && errno != ENOENT)
			r = err_errno(e, "%s: open", path);
		if (from != -1) {
			r = content_copy(from, fd, path, e);
			close(from);
		}
		free(path);
	}
	if (r == 0)
		r = file_sync(fd, "new/" BACKUP_INTAKE, e);
	if (file_close(fd, "new/" BACKUP_INTAKE, e) == -1)
		r = -1;
	return r;
}

static int
copy_databases(struct backup *b, struct err *e)
{
	char *to = xasprintf("%s/new", b->path);
	int r = 0;

	/* Locks last: what they know beyond the rows keeps work from being done
	 * twice. */
	for (size_t i = 0; r != -1 && i < BACKUP_DATABASES; i++)
		r = db_copy(b->q->state, backup_databases[i], to, e);
	free(to);
	return r == -1 ? -1 : 0;
}

static int
write_note(int to, int64_t started, struct err *e)
{
	char at[CLOCK_TEXT], text[160];
	int n = snprintf(text, sizeof text,
	    "{\"v\":1,\"layout\":%d,\"started_at\":\"%s\",\"version\":"
	    "\"" MAILPIPE_VERSION "\"}\n",
	    STATE_LAYOUT, clock_format(started, at));

	return file_rewrite(to, BACKUP_NOTE, text, (size_t)n, e);
}

/* DIR/new becomes DIR/state; the one before goes. */
static int
publish(struct backup *b, struct err *e)
{
	int r = renameat2(b->root, "new", b->root, "state", RENAME_EXCHANGE);

	if (r == -1 && errno == ENOENT)
		r = renameat(b->root, "new", b->root, "state");
	if (r == -1)
		return err_errno(e, "new: rename");
	if (file_sync_dir(b->root, b->path, e) == -1)
		return -1;
	return backup_remove_dir(b->root, "new", e);
}

static int
make(struct backup *b, struct err *e)
{
	int64_t started = clock_now_ms();
	int to, r;

	if (backup_remove_dir(b->root, "new", e) == -1)
		return -1;
	to = file_open_dir(b->root, "new", e);
	if (to == -1)
		return -1;
	r = copy_intake(b, to, e);
	if (r == 0)
		r = copy_databases(b, e);
	if (r == 0)
		r = mirror_blobs(b->q->state->dir, b->root, &b->sum, e);
	if (r == 0)
		r = write_note(to, started, e);
	if (r == 0)
		r = file_sync_dir(to, "new", e);
	close(to);
	if (r == 0)
		r = publish(b, e);
	if (r == 0)
		r = mirror_prune(b->q->state->dir, b->root, &b->sum, e);
	return r;
}

/* 1 there is something in it, 0, -1. */
static int
is_used(int root, struct err *e)
{
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd != -1 ? fdopendir(fd) : NULL;
	const struct dirent *d;
	bool is_found = false;

	if (dir == NULL) {
		if (fd != -1)
			close(fd);
		return err_errno(e, "open directory");
	}
	while (!is_found && (d = readdir(dir)) != NULL)
		is_found =
		    d->d_name[0] != '.' && strcmp(d->d_name, "lost+found") != 0;
	closedir(dir);
	return is_found;
}

/* DIR/new and what is in DIR/blobs beside ours would go. */
static int
check_ours(const struct backup *b, struct err *e)
{
	int r;

	if (faccessat(b->root, "layout", F_OK, 0) == 0)
		return err_set(e, ERR_TEMP,
		    "it is a state directory: name another for the backup");
	if (faccessat(b->root, "lock", F_OK, 0) == 0 ||
	    faccessat(b->root, "state/" BACKUP_NOTE, F_OK, 0) == 0)
		return 0;
	r = is_used(b->root, e);
	if (r == 1)
		return err_set(e, ERR_TEMP,
		    "there is something in it, and no backup: name a directory "
		    "that is empty or new");
	return r;
}

/* A name that is mistyped, or a disk that is not mounted, must not replace a
 * backup by that of nothing. */
static int
check_state(const struct state *s, struct err *e)
{
	if (faccessat(s->dir, "mail.db", F_OK, 0) == 0 ||
	    faccessat(s->dir, "intake", F_OK, 0) == 0)
		return 0;
	return err_set(e, ERR_TEMP,
	    "%s has no mail yet, so there is no backup of it: is it the right "
	    "directory, and mounted?",
	    s->path);
}

static int
open_dir(struct backup *b, struct err *e)
{
	int r;

	b->root = file_open_dir(AT_FDCWD, b->path, e);
	if (b->root == -1)
		return -1;
	if (check_ours(b, e) == -1)
		return -1;
	b->lock = openat(b->root, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (b->lock == -1)
		return err_errno(e, "lock");
	r = file_lock(b->lock, LOCK_EX, 0, "lock", e);
	if (r == 0)
		return err_set(
		    e, ERR_TEMP, "another backup is being written there");
	return r == -1 ? -1 : 0;
}

int
backup_run(struct queue *q, const char *dir, struct err *e)
{
	struct backup b = {
	    .q = q, .path = dir, .root = -1, .lock = -1, .removal = -1};
	int r = -1;

	progress_start("blobs looked at", false);
	if (check_state(q->state, e) == -1)
		return -1;
	if (open_dir(&b, e) == 0)
		b.removal = removal_lock(q->state, false, e);
	/* Less is left in the intake then. */
	if (b.removal != -1 && queue_mail(q, e) != NULL)
		r = make(&b, e);
	if (b.removal != -1)
		close(b.removal);
	if (b.lock != -1)
		close(b.lock);
	if (b.root != -1)
		close(b.root);
	if (r == -1)
		return err_prefix(e, "%s", dir);
	last_run_note(q->state, "mail-store-backup");
	tool_verbose("%s: blobs: %lld linked, %lld copied, %lld were there, "
		     "%lld removed",
	    dir, (long long)b.sum.linked, (long long)b.sum.copied,
	    (long long)b.sum.there, (long long)b.sum.removed);
	return 0;
}
