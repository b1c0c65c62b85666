#include "store/blob_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/id.h"

struct names {
	char **all;
	size_t n;
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
release(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->all[i]);
	free(names->all);
	*names = (struct names){NULL, 0};
}

/* What is in a directory, sorted: nothing, where there is no such one. */
static int
read_names(int dir, const char *path, struct names *out, struct err *e)
{
	int fd =
	    openat(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd != -1 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	*out = (struct names){NULL, 0};
	if (d == NULL) {
		if (fd != -1)
			close(fd);
		return errno == ENOENT || errno == ENOTDIR
			   ? 0
			   : err_errno(e, "%s: open directory", path);
	}
	while ((entry = readdir(d)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (out->n % 256 == 0)
			out->all =
			    xrealloc(out->all, out->n + 256, sizeof *out->all);
		out->all[out->n++] = xstrdup(entry->d_name);
	}
	closedir(d);
	if (out->n > 1)
		qsort(out->all, out->n, sizeof *out->all, by_name);
	return 0;
}

struct walk {
	int state_dir;
	const char *from;
	blob_file_fn *fn;
	void *ctx;
};

static int
each_file(const struct walk *w, const char *day, int dir,
    const struct names *names, struct err *e)
{
	struct blob_file_seen f = {.day = day, .dir = dir};

	for (size_t i = 0; i < names->n; i++) {
		f.name = names->all[i];
		if (fstatat(dir, f.name, &f.st, AT_SYMLINK_NOFOLLOW) == -1 ||
		    !S_ISREG(f.st.st_mode))
			continue;
		if (w->fn(w->ctx, &f, e) == -1)
			return -1;
	}
	return 0;
}

static int
each_of_day(const struct walk *w, const char *path, struct err *e)
{
	const char *day = path + strlen("blobs/");
	struct names names;
	int dir, r;

	if (w->from != NULL && strcmp(day, w->from) < 0)
		return 0;
	dir = openat(w->state_dir, path,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir == -1)
		return errno == ENOENT || errno == ENOTDIR
			   ? 0
			   : err_errno(e, "%s: open directory", path);
	r = read_names(dir, ".", &names, e);
	if (r == 0)
		r = each_file(w, day, dir, &names, e);
	release(&names);
	close(dir);
	return r;
}

/* blobs/, blobs/YYYY, blobs/YYYY/MM: three levels, then the days. */
static int
descend(const struct walk *w, const char *path, int levels, struct err *e)
{
	struct names names;
	int r;

	if (levels == 0)
		return each_of_day(w, path, e);
	r = read_names(w->state_dir, path, &names, e);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char *below;

		if (strlen(names.all[i]) > 4)
			continue;
		below = xasprintf("%s/%s", path, names.all[i]);
		r = descend(w, below, levels - 1, e);
		free(below);
	}
	release(&names);
	return r;
}

int
blob_files_each(
    int state_dir, const char *from, blob_file_fn *fn, void *ctx, struct err *e)
{
	struct walk w = {state_dir, from, fn, ctx};

	return descend(&w, "blobs", 3, e);
}

bool
blob_file_is_blob(const char *name, char *id)
{
	const char *dot = strchr(name, '.');
	size_t n = dot != NULL ? (size_t)(dot - name) : 0;

	if (n == 0 || !id_valid(name, n) || dot[1] == '\0' ||
	    strspn(dot + 1, "0123456789") != strlen(dot + 1))
		return false;
	memcpy(id, name, n);
	id[n] = '\0';
	return true;
}
