/* Blobs as files below the state directory: blobs/YYYY/MM/DD/ID.PART. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/file.h"
#include "core/id.h"
#include "core/sync.h"
#include "store/blob_engines.h"

enum {
	DAY_LEN = 10, /* "YYYY/MM/DD" */
	NAME_LEN = ID_MAX + 8,
	TMP_LEN = NAME_LEN + sizeof ".tmp",
};

struct blob_file {
	struct blobs base;
	struct state *state;
	/* The day's directory that was used last. */
	char day[DAY_LEN + 1];
	int day_dir;
	bool is_dirty; /* a name was added and not yet synced */
	struct sync sync;
};

/* A file on its way to its final name. */
struct coming {
	char name[NAME_LEN];
	const char *spool; /* NULL: it has a temporary name beside it */
	int fd;
	bool is_unpublished; /* false also when it was there already */
};

/* Blobs of one day that are synced together. */
struct group {
	struct coming all[SYNC_MAX];
	size_t n;
};

static struct blobs *
file_open(struct state *s, const char *rest, struct err *e)
{
	struct blob_file *f;

	if (rest[0] != '\0') {
		err_set(e, ERR_TEMP,
		    "engines.blobs: \"file:\" takes no argument, not \"%.60s\"",
		    rest);
		return NULL;
	}
	f = xcalloc(1, sizeof *f);
	f->state = s;
	f->day_dir = -1;
	return &f->base;
}

static int
leave_day(struct blob_file *f, struct err *e)
{
	int r = 0;

	if (f->day_dir == -1)
		return 0;
	if (f->is_dirty)
		r = file_sync_dir(f->day_dir, f->day, e);
	close(f->day_dir);
	f->day_dir = -1;
	f->is_dirty = false;
	return r;
}

static int
enter_day(struct blob_file *f, const char *day, struct err *e)
{
	char path[sizeof "blobs/" + DAY_LEN];

	if (f->day_dir != -1 && strcmp(f->day, day) == 0)
		return 0;
	if (leave_day(f, e) == -1)
		return -1;
	snprintf(path, sizeof path, "blobs/%s", day);
	f->day_dir = file_open_dir(f->state->dir, path, e);
	if (f->day_dir == -1)
		return -1;
	memcpy(f->day, day, DAY_LEN + 1);
	return 0;
}

static bool
is_digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return true;
}

/*
 * Take "file:YYYY/MM/DD/ID.PART" apart.  Records come from outside, so nothing
 * else may reach the file system.
 */
static int
parse_ref(
    const char *ref, char day[DAY_LEN + 1], char name[NAME_LEN], struct err *e)
{
	const char *s = ref + strlen("file:"), *dot;

	if (strncmp(ref, "file:", strlen("file:")) != 0 ||
	    strlen(s) <= DAY_LEN + 1 || !is_digits(s, 4) || s[4] != '/' ||
	    !is_digits(s + 5, 2) || s[7] != '/' || !is_digits(s + 8, 2) ||
	    s[DAY_LEN] != '/')
		goto bad;
	memcpy(day, s, DAY_LEN);
	day[DAY_LEN] = '\0';
	s += DAY_LEN + 1;
	dot = strchr(s, '.');
	if (dot == NULL || !id_valid(s, (size_t)(dot - s)) || dot[1] == '\0' ||
	    strlen(dot + 1) > 5 || !is_digits(dot + 1, strlen(dot + 1)))
		goto bad;
	memcpy(name, s, strlen(s) + 1);
	return 0;
bad:
	return err_set(e, ERR_DATA,
	    "blob.ref \"%.100s\" is not file:YYYY/MM/DD/ID.PART", ref);
}

/*
 * It is fixed, so that a repetition after a crash takes the rest of the first
 * try away.  Who draws holds the intake's lock.
 */
static const char *
tmp_name(const char *name, char tmp[TMP_LEN])
{
	snprintf(tmp, TMP_LEN, "%s.tmp", name);
	return tmp;
}

/* The bytes come from memory. */
static int
begin_data(struct blob_file *f, struct coming *c, const struct blob_put *p,
    struct err *e)
{
	char tmp[TMP_LEN];

	c->fd = openat(f->day_dir, tmp_name(c->name, tmp),
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (c->fd == -1)
		return err_errno(e, "%s/%s: create", f->day, tmp);
	c->is_unpublished = true;
	return file_write(c->fd, p->data, p->len, -1, tmp, e);
}

/* The bytes are in a spool file already, which becomes the blob. */
static int
begin_spool(struct blob_file *f, struct coming *c, const struct blob_put *p,
    struct err *e)
{
	c->spool = p->spool;
	c->fd = state_spool_open(f->state, p->spool, e);
	c->is_unpublished = c->fd != -1;
	if (c->fd != -1)
		return 0;
	/* Gone because an earlier run did it, and then failed? */
	if (errno != ENOENT || faccessat(f->day_dir, c->name, F_OK, 0) == -1)
		return -1;
	err_clear(e);
	f->is_dirty = true;
	return 0;
}

static int
sync_group(struct blob_file *f, const struct group *g, struct err *e)
{
	struct sync_file files[SYNC_MAX];
	size_t n = 0;

	for (size_t i = 0; i < g->n; i++)
		if (g->all[i].is_unpublished)
			files[n++] =
			    (struct sync_file){g->all[i].fd, g->all[i].name};
	return sync_files(&f->sync, files, n, e);
}

static int
close_group(struct group *g, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < g->n; i++) {
		struct coming *c = &g->all[i];

		if (c->fd != -1 && file_close(c->fd, c->name, e) == -1)
			r = -1;
		c->fd = -1;
	}
	return r;
}

/*
 * Give a synced file its final name, unless there is one: that one was synced
 * before it got the name.
 */
static int
publish(struct blob_file *f, struct coming *c, struct err *e)
{
	char tmp[TMP_LEN];
	int from_dir = c->spool != NULL ? f->state->dir : f->day_dir;
	const char *from = c->spool != NULL ? c->spool : tmp_name(c->name, tmp);

	if (renameat2(from_dir, from, f->day_dir, c->name, RENAME_NOREPLACE) ==
	    -1) {
		if (errno != EEXIST)
			return err_errno(e, "%s/%s: rename", f->day, c->name);
		if (unlinkat(from_dir, from, 0) == -1 && errno != ENOENT)
			return err_errno(e, "%s: remove", from);
	}
	c->is_unpublished = false;
	f->is_dirty = true;
	return 0;
}

/* Nothing stays behind of those that were not published. */
static void
drop_group(struct blob_file *f, struct group *g)
{
	char tmp[TMP_LEN];

	for (size_t i = 0; i < g->n; i++)
		if (g->all[i].is_unpublished && g->all[i].spool == NULL)
			unlinkat(f->day_dir, tmp_name(g->all[i].name, tmp), 0);
	g->n = 0;
}

/* The bytes of all first, then the names. */
static int
put_group(struct blob_file *f, struct group *g, struct err *e)
{
	int r = sync_group(f, g, e);

	if (close_group(g, e) == -1)
		r = -1;
	for (size_t i = 0; r == 0 && i < g->n; i++)
		if (g->all[i].is_unpublished)
			r = publish(f, &g->all[i], e);
	drop_group(f, g);
	return r;
}

/* May it stand beside these?  Of two with one name the first counts. */
static bool
has_room(const struct blob_file *f, const struct group *g, const char *day,
    const char *name)
{
	if (g->n == SYNC_MAX || strcmp(f->day, day) != 0)
		return false;
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->all[i].name, name) == 0)
			return false;
	return true;
}

static int
begin(struct blob_file *f, struct group *g, const struct blob_put *p,
    struct err *e)
{
	struct coming c = {.fd = -1}, *added;
	char day[DAY_LEN + 1];

	if (parse_ref(p->ref, day, c.name, e) == -1)
		return -1;
	if (g->n > 0 && !has_room(f, g, day, c.name) &&
	    put_group(f, g, e) == -1)
		return -1;
	if (enter_day(f, day, e) == -1)
		return -1;
	added = &g->all[g->n++];
	*added = c;
	return p->spool != NULL ? begin_spool(f, added, p, e)
				: begin_data(f, added, p, e);
}

static int
file_put(struct blobs *b, const struct blob_put *puts, size_t n, struct err *e)
{
	struct blob_file *f = (struct blob_file *)b;
	struct group g;
	int r = 0;

	g.n = 0; /* the rest is large, and set when it is needed */
	for (size_t i = 0; r == 0 && i < n; i++)
		r = begin(f, &g, &puts[i], e);
	if (r == 0)
		r = put_group(f, &g, e);
	close_group(&g, e);
	drop_group(f, &g);
	if (leave_day(f, e) == -1)
		r = -1;
	return r == -1 ? err_prefix(e, "blobs") : 0;
}

static int
open_blob(struct blobs *b, const char *ref, int flags, struct err *e)
{
	struct blob_file *f = (struct blob_file *)b;
	char day[DAY_LEN + 1], name[NAME_LEN];
	char path[sizeof "blobs//" + DAY_LEN + NAME_LEN];
	struct stat st;
	int fd;

	if (parse_ref(ref, day, name, e) == -1) {
		errno = EINVAL;
		return -1;
	}
	snprintf(path, sizeof path, "blobs/%s/%s", day, name);
	/* What is no file, put there by another hand, must not hold us. */
	fd = openat(
	    f->state->dir, path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd != -1 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)) {
		close(fd);
		errno = EINVAL;
		fd = -1;
	}
	if (fd != -1)
		return fd;
	err_errno(e, "%s/%s", f->state->path, path);
	if (errno == ENOENT)
		e->class = ERR_DATA;
	return -1;
}

/* The day's directory, if there is one.  1, 0, -1. */
static int
enter_known_day(struct blob_file *f, const char *day, struct err *e)
{
	char path[sizeof "blobs/" + DAY_LEN];

	if (f->day_dir != -1 && strcmp(f->day, day) == 0)
		return 1;
	if (leave_day(f, e) == -1)
		return -1;
	snprintf(path, sizeof path, "blobs/%s", day);
	f->day_dir =
	    openat(f->state->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->day_dir == -1)
		return errno == ENOENT ? 0 : err_errno(e, "%s: open", path);
	memcpy(f->day, day, DAY_LEN + 1);
	return 1;
}

static int
remove_one(struct blob_file *f, const char *ref, struct err *e)
{
	char day[DAY_LEN + 1], name[NAME_LEN];
	int r;

	if (parse_ref(ref, day, name, e) == -1)
		return -1;
	r = enter_known_day(f, day, e);
	if (r != 1)
		return r;
	if (unlinkat(f->day_dir, name, 0) == 0)
		f->is_dirty = true;
	else if (errno != ENOENT)
		return err_errno(e, "%s/%s: remove", day, name);
	return 0;
}

/* Synced, so that a file that is forgotten does not come back. */
static int
file_read(struct blobs *b, const char *ref, struct err *e)
{
	return open_blob(b, ref, O_RDONLY, e);
}

static int
file_change(struct blobs *b, const char *ref, struct err *e)
{
	return open_blob(b, ref, O_RDWR, e);
}

static int
file_remove(struct blobs *b, const char *const *refs, size_t n, struct err *e)
{
	struct blob_file *f = (struct blob_file *)b;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = remove_one(f, refs[i], e);
	if (leave_day(f, e) == -1)
		r = -1;
	return r;
}

static void
file_close_engine(struct blobs *b)
{
	struct blob_file *f = (struct blob_file *)b;

	if (f->day_dir != -1)
		close(f->day_dir);
	sync_release(&f->sync);
	free(f);
}

const struct blob_ops blob_file_ops = {
    .scheme = "file",
    .open = file_open,
    .put = file_put,
    .read = file_read,
    .remove = file_remove,
    .change = file_change,
    .close = file_close_engine,
};
