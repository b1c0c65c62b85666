#include "store/exclusive.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"

enum {
	LOOK_MS = 100, /* between two looks at who is there */
};

int
state_share(struct state *s, int wait_ms, struct err *e)
{
	int r = file_lock(s->dir, LOCK_SH, wait_ms, s->path, e);

	if (r == 0)
		return err_set(
		    e, ERR_TEMP, "%s: is being upgraded, try again", s->path);
	return r == 1 ? 0 : -1;
}

/* A process that works in a directory; pid 0: none was found. */
struct user {
	long pid;
	char name[32];
};

/* Has it this path open? */
static bool
has_open(const char *pid, const char *path)
{
	char *fds = xasprintf("/proc/%s/fd", pid), to[PATH_MAX];
	DIR *d = opendir(fds);
	struct dirent *entry;
	bool is_found = false;
	ssize_t n;

	while (d != NULL && !is_found && (entry = readdir(d)) != NULL) {
		n = readlinkat(dirfd(d), entry->d_name, to, sizeof to - 1);
		if (n == -1)
			continue;
		to[n] = '\0';
		is_found = strcmp(to, path) == 0;
	}
	if (d != NULL)
		closedir(d);
	free(fds);
	return is_found;
}

static void
read_name(struct user *u)
{
	char *path = xasprintf("/proc/%ld/comm", u->pid);
	struct err ignored = ERR_INIT;
	struct buf text = BUF_INIT;

	snprintf(u->name, sizeof u->name, "?");
	if (file_read_at(AT_FDCWD, path, 64, &text, &ignored) == 1)
		snprintf(u->name, sizeof u->name, "%.*s",
		    (int)strcspn(text.data, "\n"), text.data);
	buf_release(&text);
	free(path);
}

static struct user
find_user(const char *path)
{
	struct user u = {.pid = 0};
	DIR *d = opendir("/proc");
	struct dirent *entry;

	while (d != NULL && u.pid == 0 && (entry = readdir(d)) != NULL) {
		long pid = strtol(entry->d_name, NULL, 10);

		if (pid > 0 && pid != (long)getpid() &&
		    has_open(entry->d_name, path))
			u.pid = pid;
	}
	if (d != NULL)
		closedir(d);
	if (u.pid != 0)
		read_name(&u);
	return u;
}

/* Its path without links, as others have it in /proc. */
static int
real_path(const struct state *s, char path[PATH_MAX], struct err *e)
{
	char *link = xasprintf("/proc/self/fd/%d", s->dir);
	ssize_t n = readlink(link, path, PATH_MAX - 1);

	free(link);
	if (n == -1)
		return err_errno(e, "%s: /proc/self/fd", s->path);
	path[n] = '\0';
	return 0;
}

static int
in_use(const struct state *s, const struct user *u, struct err *e)
{
	if (u->pid == 0)
		return err_set(e, ERR_TEMP,
		    "%s: somebody works in it: stop the services, then try "
		    "again",
		    s->path);
	return err_set(e, ERR_TEMP,
	    "%s: process %ld (%s) works in it: stop it, then try again",
	    s->path, u->pid, u->name);
}

int
state_exclude(struct state *s, struct err *e)
{
	int64_t end = clock_mono_ms() + EXCLUSIVE_WAIT_MS;
	char path[PATH_MAX], ledger[PATH_MAX + 16];
	struct user u;
	int r;

	if (real_path(s, path, e) == -1)
		return -1;
	snprintf(ledger, sizeof ledger, "%s/mail.lock", path);
	for (;;) {
		r = file_lock(s->dir, LOCK_EX, LOOK_MS, s->path, e);
		if (r == -1)
			return -1;
		/* Whoever takes no lock has the ledger open, and whoever waits
		 * for ours has only the directory. */
		u = find_user(r == 1 ? ledger : path);
		if (r == 1 && u.pid == 0)
			return 0;
		if (clock_mono_ms() >= end)
			return in_use(s, &u, e);
		if (r == 1)
			poll(NULL, 0, LOOK_MS);
	}
}
