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
#include "store/blob_engines.h"

enum {
	DAY_LEN = 10, /* "YYYY/MM/DD" */
	NAME_LEN = ID_MAX + 8,
};

struct blob_file {
	struct blobs base;
	struct state *state;
	/* The day's directory that was used last. */
	char day[DAY_LEN + 1];
	int day_dir;
	bool is_dirty; /* a name was added and not yet synced */
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
 * Give a synced file its final name, unless there is one: that one was synced
 * before it got the name.
 */
static int
publish(struct blob_file *f, int from_dir, const char *from, const char *name,
    struct err *e)
{
	if (renameat2(from_dir, from, f->day_dir, name, RENAME_NOREPLACE) ==
	    -1) {
		if (errno != EEXIST)
			return err_errno(e, "%s/%s: rename", f->day, name);
		if (unlinkat(from_dir, from, 0) == -1 && errno != ENOENT)
			return err_errno(e, "%s: remove", from);
	}
	f->is_dirty = true;
	return 0;
}

/* The bytes come from memory. */
static int
put_data(struct blob_file *f, const struct blob_put *p, const char *name,
    struct err *e)
{
	char tmp[NAME_LEN + sizeof ".tmp"];
	int fd, r;

	/*
	 * The name is fixed, so that a repetition after a crash takes the
	 * rest of the first try away.  Who draws holds the intake's lock.
	 */
	snprintf(tmp, sizeof tmp, "%s.tmp", name);
	fd = openat(
	    f->day_dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd == -1)
		return err_errno(e, "%s/%s: create", f->day, tmp);
	r = file_write(fd, p->data, p->len, -1, tmp, e);
	if (r == 0)
		r = file_sync(fd, tmp, e);
	if (file_close(fd, tmp, e) == -1)
		r = -1;
	if (r == 0)
		r = publish(f, f->day_dir, tmp, name, e);
	if (r == -1)
		unlinkat(f->day_dir, tmp, 0);
	return r;
}

/* The bytes are in a spool file already, which becomes the blob. */
static int
put_spool(struct blob_file *f, const struct blob_put *p, const char *name,
    struct err *e)
{
	int fd, r;

	fd = state_spool_open(f->state, p->spool, e);
	if (fd == -1) {
		/* Gone because an earlier run did it, and then failed? */
		if (errno != ENOENT ||
		    faccessat(f->day_dir, name, F_OK, 0) == -1)
			return -1;
		err_clear(e);
		f->is_dirty = true;
		return 0;
	}
	r = file_sync(fd, p->spool, e);
	close(fd);
	if (r == -1)
		return -1;
	return publish(f, f->state->dir, p->spool, name, e);
}

static int
file_put(struct blobs *b, const struct blob_put *puts, size_t n, struct err *e)
{
	struct blob_file *f = (struct blob_file *)b;
	char day[DAY_LEN + 1], name[NAME_LEN];
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		r = parse_ref(puts[i].ref, day, name, e);
		if (r == 0)
			r = enter_day(f, day, e);
		if (r == 0 && puts[i].spool != NULL)
			r = put_spool(f, &puts[i], name, e);
		else if (r == 0)
			r = put_data(f, &puts[i], name, e);
	}
	if (leave_day(f, e) == -1)
		r = -1;
	return r == -1 ? err_prefix(e, "blobs") : 0;
}

static int
file_read(struct blobs *b, const char *ref, struct err *e)
{
	struct blob_file *f = (struct blob_file *)b;
	char day[DAY_LEN + 1], name[NAME_LEN];
	char path[sizeof "blobs//" + DAY_LEN + NAME_LEN];
	int fd;

	if (parse_ref(ref, day, name, e) == -1) {
		errno = EINVAL;
		return -1;
	}
	snprintf(path, sizeof path, "blobs/%s/%s", day, name);
	fd = openat(f->state->dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd != -1)
		return fd;
	err_errno(e, "%s/%s", f->state->path, path);
	if (errno == ENOENT)
		e->class = ERR_DATA;
	return -1;
}

static int
file_remove(struct blobs *b, const char *const *refs, size_t n, struct err *e)
{
	struct blob_file *f = (struct blob_file *)b;
	char day[DAY_LEN + 1], name[NAME_LEN];
	char path[sizeof "blobs//" + DAY_LEN + NAME_LEN];

	for (size_t i = 0; i < n; i++) {
		if (parse_ref(refs[i], day, name, e) == -1)
			return -1;
		snprintf(path, sizeof path, "blobs/%s/%s", day, name);
		if (unlinkat(f->state->dir, path, 0) == -1 && errno != ENOENT)
			return err_errno(e, "%s: remove", path);
	}
	return 0;
}

static void
file_close_engine(struct blobs *b)
{
	struct blob_file *f = (struct blob_file *)b;

	if (f->day_dir != -1)
		close(f->day_dir);
	free(f);
}

const struct blob_ops blob_file_ops = {
    .scheme = "file",
    .open = file_open,
    .put = file_put,
    .read = file_read,
    .remove = file_remove,
    .close = file_close_engine,
};
