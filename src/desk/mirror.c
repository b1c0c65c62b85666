#include "desk/mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/copies.h"
#include "core/file.h"
#include "core/id.h"
#include "core/progress.h"
#include "queue/content.h"
#include "store/blob_files.h"

enum {
	PATH_LEN = sizeof "blobs/" + BLOB_DAY,
};

struct mirror {
	int to;
	char day[BLOB_DAY]; /* that is entered */
	struct copies copies;
	struct mirror_sum *sum;
};

static int
enter_day(struct mirror *m, const char *day, struct err *e)
{
	char path[PATH_LEN];

	if (strcmp(m->day, day) == 0)
		return 0;
	snprintf(m->day, sizeof m->day, "%s", day);
	snprintf(path, sizeof path, "blobs/%s", day);
	return copies_enter(&m->copies, m->to, path, NULL, e);
}

static int
copy_file(struct mirror *m, const struct blob_file_seen *f, struct err *e)
{
	int from = openat(f->dir, f->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int to, r;

	if (from == -1 && errno == ENOENT)
		return 0; /* gone meanwhile: no row named it */
	if (from == -1)
		return err_errno(e, "blobs/%s/%s: open", f->day, f->name);
	to = copies_begin(&m->copies, f->name, e);
	r = to == -1 ? -1 : content_copy(from, to, f->name, e);
	if (r == -1 && to != -1)
		copies_cancel(&m->copies);
	close(from);
	m->sum->copied += r == 0;
	return r;
}

static int
mirror_file(void *ctx, const struct blob_file_seen *f, struct err *e)
{
	struct mirror *m = ctx;
	char id[ID_MAX + 1];
	struct stat st;
	int r;

	if (!blob_file_is_blob(f->name, id))
		return 0;
	if (enter_day(m, f->day, e) == -1)
		return -1;
	progress_add(1);
	if (fstatat(m->copies.dir, f->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && st.st_size == f->st.st_size) {
		m->sum->there++;
		return 0;
	}
	r = copies_link(&m->copies, f->dir, f->name, e);
	m->sum->linked += r == 1;
	if (r != 0)
		return r == 1 ? 0 : -1;
	return copy_file(m, f, e);
}

int
mirror_blobs(int from, int to, struct mirror_sum *sum, struct err *e)
{
	struct mirror m = {.to = to, .copies = COPIES_INIT, .sum = sum};
	int r = blob_files_each(from, NULL, mirror_file, &m, e);

	if (r == 0)
		r = copies_publish(&m.copies, e);
	copies_release(&m.copies);
	return r;
}

struct pruning {
	int from;
	struct mirror_sum *sum;
};

static int
prune_file(void *ctx, const struct blob_file_seen *f, struct err *e)
{
	struct pruning *p = ctx;
	char path[PATH_LEN + ID_MAX + 16];

	if (snprintf(path, sizeof path, "blobs/%s/%s", f->day, f->name) <
		(int)sizeof path &&
	    faccessat(p->from, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (unlinkat(f->dir, f->name, 0) == -1 && errno != ENOENT)
		return err_errno(e, "blobs/%s/%s: remove", f->day, f->name);
	p->sum->removed++;
	return 0;
}

int
mirror_prune(int from, int to, struct mirror_sum *sum, struct err *e)
{
	struct pruning p = {from, sum};

	return blob_files_each(to, NULL, prune_file, &p, e);
}
