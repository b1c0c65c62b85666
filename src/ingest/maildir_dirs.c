#include "ingest/maildir_dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "core/utf8.h"

static int
open_dir(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int
open_claimed(int dir)
{
	int fd = open_dir(dir, "claimed");

	if (fd != -1 || errno != ENOENT)
		return fd;
	if (mkdirat(dir, "claimed", 0700) == -1 && errno != EEXIST)
		return -1;
	return open_dir(dir, "claimed");
}

int
maildir_open(struct maildir *m, const char *dir, struct err *e)
{
	int fd = open_dir(AT_FDCWD, dir), saved;

	*m = (struct maildir){.new = -1, .claimed = -1};
	if (fd == -1)
		return err_errno(e, "maildir:%s", dir);
	m->new = open_dir(fd, "new");
	if (m->new != -1)
		m->claimed = open_claimed(fd);
	saved = errno;
	close(fd);
	if (m->claimed != -1) {
		m->new_path = xasprintf("%s/new", dir);
		return 0;
	}
	errno = saved;
	err_errno(e, "maildir:%s: %s", dir, m->new == -1 ? "new" : "claimed");
	maildir_close(m);
	return -1;
}

void
maildir_close(struct maildir *m)
{
	if (m->new != -1)
		close(m->new);
	if (m->claimed != -1)
		close(m->claimed);
	free(m->new_path);
}

bool
maildir_is_name(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL &&
	       strlen(name) <= 255;
}

/* Names come only once (maildir(5)); should one not, nothing is replaced. */
static int
move(int from, const char *name, int to, const char *new_name)
{
	if (renameat2(from, name, to, new_name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL)
		return -1;
	/* A file system that cannot promise it: NFS. */
	return renameat(from, name, to, new_name);
}

/* The name that a record can have: UTF-8. */
static char *
claimed_name(const char *name)
{
	struct buf b = BUF_INIT;
	size_t left = strlen(name), n;

	for (; left > 0; name += n, left -= n) {
		n = utf8_char(name, left);
		if (n > 0)
			buf_add(&b, name, n);
		else
			buf_addf(&b, "\\x%02x", (unsigned char)*name);
		n += n == 0;
	}
	return buf_detach(&b);
}

int
maildir_claim(
    const struct maildir *m, const char *name, char **claimed, struct err *e)
{
	*claimed = claimed_name(name);
	if (move(m->new, name, m->claimed, *claimed) == 0)
		return 1;
	free(*claimed);
	*claimed = NULL;
	if (errno == ENOENT || errno == EEXIST)
		return 0;
	return err_errno(e, "%s: claim", name);
}

int
maildir_give_back(const struct maildir *m, const char *name, struct err *e)
{
	if (move(m->claimed, name, m->new, name) == 0 || errno == ENOENT)
		return 0;
	return err_errno(e, "%s: give back", name);
}

int
maildir_remove(const struct maildir *m, const char *name, struct err *e)
{
	if (unlinkat(m->claimed, name, 0) == 0 || errno == ENOENT)
		return 0;
	return err_errno(e, "%s: remove", name);
}

int
maildir_sync(const struct maildir *m, struct err *e)
{
	if (file_sync_dir(m->new, "new", e) == -1)
		return -1;
	return file_sync_dir(m->claimed, "claimed", e);
}
