#include "core/copies.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/file.h"

static char *
tmp_name(const char *name)
{
	return xasprintf("%s.tmp", name);
}

static void
leave(struct copies *c)
{
	if (c->tmp_dir != c->dir && c->tmp_dir != -1)
		close(c->tmp_dir);
	if (c->dir != -1)
		close(c->dir);
	c->dir = c->tmp_dir = -1;
}

int
copies_enter(struct copies *c, int root, const char *path, const char *tmp,
    struct err *e)
{
	if (copies_publish(c, e) == -1)
		return -1;
	leave(c);
	c->dir = file_open_dir(root, path, e);
	if (c->dir == -1)
		return -1;
	/* What a killed run has named is not to be done again, yet may not be
	 * on stable storage. */
	c->is_dirty = true;
	c->tmp_dir = tmp != NULL ? file_open_dir(root, tmp, e) : c->dir;
	return c->tmp_dir == -1 ? -1 : 0;
}

/* A file of our own: not what somebody has laid there. */
static int
create(int dir, const char *name)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
	int fd = openat(dir, name, flags, 0600);

	if (fd == -1 && errno == EEXIST && unlinkat(dir, name, 0) == 0)
		fd = openat(dir, name, flags, 0600);
	return fd;
}

int
copies_begin(struct copies *c, const char *name, struct err *e)
{
	char *tmp;
	int fd;

	if (c->n == SYNC_MAX && copies_publish(c, e) == -1)
		return -1;
	tmp = tmp_name(name);
	fd = create(c->tmp_dir, tmp);
	if (fd == -1)
		err_errno(e, "%s: create", tmp);
	free(tmp);
	if (fd == -1)
		return -1;
	c->files[c->n].fd = fd;
	c->files[c->n++].name = xstrdup(name);
	return fd;
}

static void
forget(struct copies *c, size_t i, bool is_there)
{
	char *tmp = tmp_name(c->files[i].name);

	if (c->files[i].fd != -1)
		close(c->files[i].fd);
	if (is_there)
		unlinkat(c->tmp_dir, tmp, 0);
	free(tmp);
	free(c->files[i].name);
}

void
copies_cancel(struct copies *c)
{
	forget(c, --c->n, true);
}

static int
sync_all(struct copies *c, struct err *e)
{
	struct sync_file files[SYNC_MAX];
	int r;

	for (size_t i = 0; i < c->n; i++)
		files[i] = (struct sync_file){c->files[i].fd, c->files[i].name};
	r = sync_files(&c->sync, files, c->n, e);
	for (size_t i = 0; i < c->n; i++) {
		if (file_close(c->files[i].fd, c->files[i].name, e) == -1)
			r = -1;
		c->files[i].fd = -1;
	}
	return r;
}

static int
rename_one(struct copies *c, const char *name, struct err *e)
{
	char *tmp = tmp_name(name);
	int r = renameat(c->tmp_dir, tmp, c->dir, name);

	if (r == -1)
		err_errno(e, "%s: rename", tmp);
	free(tmp);
	return r;
}

int
copies_link(struct copies *c, int from_dir, const char *name, struct err *e)
{
	int r = linkat(from_dir, name, c->dir, name, 0);

	if (r == -1 && errno == EEXIST && unlinkat(c->dir, name, 0) == 0)
		r = linkat(from_dir, name, c->dir, name, 0);
	if (r == 0) {
		c->is_dirty = true;
		return 1;
	}
	switch (errno) {
	case EXDEV:
	case EPERM:
	case EMLINK:
	case EOPNOTSUPP:
	case ENOENT:
		return 0;
	default:
		return err_errno(e, "%s: link", name);
	}
}

int
copies_publish(struct copies *c, struct err *e)
{
	size_t named = 0;
	int r = 0;

	if (c->n == 0 && !c->is_dirty)
		return 0;
	r = c->n > 0 ? sync_all(c, e) : 0;
	for (; r == 0 && named < c->n; named++)
		r = rename_one(c, c->files[named].name, e);
	if (r == 0)
		r = file_sync_dir(c->dir, "directory", e);
	for (size_t i = 0; i < c->n; i++)
		forget(c, i, i >= named);
	c->n = 0;
	c->is_dirty = false;
	return r;
}

void
copies_release(struct copies *c)
{
	while (c->n > 0)
		copies_cancel(c);
	leave(c);
	sync_release(&c->sync);
}
