#include "store/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/batch.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/id.h"
#include "core/tool.h"
#include "store/exclusive.h"

#define LAYOUT_FILE "layout"
#define SPOOL "spool"
#define RESTORING "restoring\n"

enum {
	SPOOL_AGE_S = 24 * 3600,
};

struct state_place
state_place(const struct config *c)
{
	const char *path = tool_state_option();

	if (path != NULL)
		return (struct state_place){path, STATE_BY_OPTION};
	path = getenv("MAILPIPE_STATE");
	if (path != NULL && path[0] != '\0')
		return (struct state_place){path, STATE_BY_ENVIRONMENT};
	path = config_str(c, "state", NULL);
	if (path != NULL)
		return (struct state_place){path, STATE_BY_FILE};
	return (struct state_place){STATE_DEFAULT, STATE_BY_DEFAULT};
}

int
state_read_layout(struct state *s, int *layout, struct err *e)
{
	struct buf text = BUF_INIT;
	char *end;
	long n;
	int r;

	r = file_read_at(s->dir, LAYOUT_FILE, 64, &text, e);
	*layout = 0;
	if (r == 1 && strcmp(text.data, RESTORING) == 0) {
		*layout = STATE_RESTORING;
	} else if (r == 1) {
		errno = 0;
		n = strtol(text.data, &end, 10);
		if (errno != 0 || end == text.data || n < 1 || n > 1000000)
			r = err_set(e, ERR_TEMP,
			    LAYOUT_FILE ": does not hold a number");
		else
			*layout = (int)n;
	}
	buf_release(&text);
	return r == -1 ? -1 : 0;
}

int
state_set_layout(struct state *s, int layout, struct err *e)
{
	char text[16];
	int n = snprintf(text, sizeof text, "%d\n", layout);

	return file_rewrite(s->dir, LAYOUT_FILE, text, (size_t)n, e);
}

int
state_set_restoring(struct state *s, struct err *e)
{
	return file_rewrite(
	    s->dir, LAYOUT_FILE, RESTORING, strlen(RESTORING), e);
}

static void
set_limits(const struct config *c)
{
	batch_set_limits(
	    (size_t)config_int(c, "limits.batch_records", BATCH_RECORDS),
	    (size_t)config_int(c, "limits.batch_bytes", BATCH_BYTES));
}

/* wait_ms: for an upgrade to end. */
static int
open_dir(struct state *s, int *layout, int wait_ms, struct err *e)
{
	*layout = 0;
	set_limits(&s->config);
	s->path = xstrdup(state_place(&s->config).path);
	/* A broken configuration may have named another: nothing new. */
	if (!s->is_config_broken)
		s->dir = file_open_dir(AT_FDCWD, s->path, e);
	else if ((s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) ==
		 -1)
		err_errno(e, "%s: open directory", s->path);
	if (s->dir == -1)
		return err_prefix(e, "state directory");
	if (state_share(s, wait_ms, e) == -1)
		return -1;
	if (state_read_layout(s, layout, e) == -1)
		return err_prefix(e, "%s", s->path);
	return 0;
}

static int
open_any(struct state *s, int *layout, int wait_ms, struct err *e)
{
	*s = (struct state){.dir = -1};
	if (config_load(&s->config, e) == -1)
		return -1;
	return open_dir(s, layout, wait_ms, e);
}

int
state_open_any(struct state *s, int *layout, struct err *e)
{
	return open_any(s, layout, EXCLUSIVE_WAIT_MS, e);
}

int
state_open_broken(struct state *s, int *layout, struct err *why, struct err *e)
{
	*s = (struct state){.dir = -1};
	s->is_config_broken = config_load_broken(&s->config, why);
	return open_dir(s, layout, 0, e);
}

int
state_newer_layout(const struct state *s, int layout, struct err *e)
{
	return err_set(e, ERR_TEMP,
	    "%s: layout %d is newer than this program's %d: update mailpipe",
	    s->path, layout, STATE_LAYOUT);
}

/* A new directory: the spool first, since who sees the layout file uses it. */
int
state_create(struct state *s, struct err *e)
{
	int fd = file_open_dir(s->dir, SPOOL, e);

	if (fd != -1)
		close(fd);
	if (fd == -1 || state_set_layout(s, STATE_LAYOUT, e) == -1)
		return err_prefix(e, "%s", s->path);
	return 0;
}

/* Can this program work in it? */
static int
accept_layout(struct state *s, int layout, struct err *e)
{
	if (layout == STATE_LAYOUT)
		return 0;
	if (layout == STATE_RESTORING)
		return err_set(e, ERR_TEMP,
		    "%s: mail-store restore has not come to its end here: run "
		    "it again",
		    s->path);
	if (layout == 0 && s->is_config_broken)
		return err_set(e, ERR_TEMP,
		    "%s: no state directory yet; none is made while the "
		    "configuration is broken",
		    s->path);
	if (layout == 0)
		return state_create(s, e);
	if (layout > STATE_LAYOUT)
		return state_newer_layout(s, layout, e);
	return err_set(e, ERR_TEMP,
	    "%s: layout %d is older than this program's %d: run mail-store "
	    "upgrade",
	    s->path, layout, STATE_LAYOUT);
}

int
state_open(struct state *s, struct err *e)
{
	int layout;

	if (open_any(s, &layout, 0, e) == -1)
		return -1;
	return accept_layout(s, layout, e);
}

int
state_open_anyway(struct state *s, struct err *e)
{
	struct err why = ERR_INIT;
	int layout, r;

	r = state_open_broken(s, &layout, &why, e);
	if (s->is_config_broken)
		tool_say("%s; going on without it, in the state directory %s",
		    why.text, s->path);
	return r == 0 ? accept_layout(s, layout, e) : -1;
}

void
state_close(struct state *s)
{
	if (s->dir != -1)
		close(s->dir);
	free(s->path);
	seal_keys_release(&s->keys);
	config_release(&s->config);
}

int
state_check_space(const struct state *s, struct err *e)
{
	struct statvfs v;
	int64_t left, reserve;

	if (fstatvfs(s->dir, &v) == -1)
		return err_errno(e, "%s: statvfs", s->path);
	left = (int64_t)(v.f_bavail * v.f_frsize);
	reserve = (int64_t)(v.f_blocks * v.f_frsize) / 50;
	if (reserve > 64L * 1024 * 1024)
		reserve = 64L * 1024 * 1024;
	reserve = config_int(&s->config, "limits.reserve_bytes", reserve);
	if (left < reserve)
		return err_set(e, ERR_TEMP,
		    "%s: %lld KiB free, below the reserve of %lld KiB: make "
		    "room, or lower limits.reserve_bytes",
		    s->path, (long long)left / 1024, (long long)reserve / 1024);
	return 0;
}

static int
create_file(const struct state *s, const char *path)
{
	return openat(s->dir, path,
	    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int
state_lock(
    struct state *s, const char *dir, const char *name, int *fd, struct err *e)
{
	int at = file_open_dir(s->dir, dir, e);

	*fd = -1;
	if (at == -1)
		return -1;
	*fd = openat(at, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*fd == -1)
		err_errno(e, "%s/%s", dir, name);
	close(at);
	return *fd != -1 ? file_lock(*fd, LOCK_EX, 0, name, e) : -1;
}

int
state_spool_create(struct state *s, char **path, struct err *e)
{
	char id[ID_TEXT];
	int fd, dir;

	*path = xasprintf(SPOOL "/%s", id_random(id));
	fd = create_file(s, *path);
	if (fd == -1 && errno == ENOENT) {
		/* Somebody has tidied up too much. */
		dir = file_open_dir(s->dir, SPOOL, e);
		if (dir != -1)
			close(dir);
		fd = create_file(s, *path);
	}
	if (fd == -1) {
		err_errno(e, "%s/%s: create", s->path, *path);
		free(*path);
		*path = NULL;
	} else {
		err_clear(e);
	}
	return fd;
}

int
state_spool_open(struct state *s, const char *path, struct err *e)
{
	struct stat st;
	int dir, fd;

	if (strncmp(path, SPOOL "/", strlen(SPOOL "/")) != 0)
		return err_set(e, ERR_DATA,
		    "content.path \"%.100s\" is not below " SPOOL "/", path);
	dir = openat(s->dir, SPOOL, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir == -1)
		return err_errno(e, "%s/" SPOOL ": open", s->path);
	fd = file_open_beneath(
	    dir, path + strlen(SPOOL "/"), O_RDONLY | O_NONBLOCK, e);
	close(dir);
	if (fd == -1) {
		if (errno == EXDEV || errno == ELOOP || errno == ENOENT ||
		    errno == ENOTDIR || errno == ENAMETOOLONG)
			e->class = ERR_DATA;
		return err_prefix(e, SPOOL);
	}
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(
		    e, ERR_DATA, "content.path \"%.100s\" is not a file", path);
	}
	return fd;
}

int
state_sweep_spool(struct state *s, struct err *e)
{
	int64_t before = clock_now_ms() / 1000 - SPOOL_AGE_S;
	int fd = file_open_dir(s->dir, SPOOL, e);
	DIR *dir = fd != -1 ? fdopendir(fd) : NULL;
	struct dirent *d;
	struct stat st;

	if (dir == NULL) {
		if (fd != -1)
			close(fd);
		return err_errno(e, "%s/" SPOOL, s->path);
	}
	while ((d = readdir(dir)) != NULL) {
		if (fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == -1 ||
		    !S_ISREG(st.st_mode) || st.st_mtime > before)
			continue;
		tool_verbose("removing spool/%s, left behind", d->d_name);
		unlinkat(fd, d->d_name, 0);
	}
	closedir(dir);
	return 0;
}

int
state_public(struct state *s, const struct seal_public **out, struct err *e)
{
	return seal_keys_public(&s->keys, &s->config, out, e);
}

int
state_ring(struct state *s, const struct seal_ring **out, struct err *e)
{
	return seal_keys_ring(&s->keys, &s->config, out, e);
}

int
state_spool_anonymous(struct state *s, struct err *e)
{
	int fd = openat(
	    s->dir, SPOOL, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);

	if (fd == -1)
		return err_errno(e, "%s/" SPOOL ": temporary file", s->path);
	return fd;
}
