#include "ingest/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/spawn.h"
#include "core/tool.h"
#include "ingest/maildir_dirs.h"

enum {
	ROUND_MAX = 10000, /* names that are sorted at a time */
	WAIT_MAX_MS = 3600 * 1000,
};

struct lane {
	struct ingest *in;
	const struct maildir_options *options;
	struct maildir dirs;
	int signals, news; /* -1: not following */
	bool is_ending;
	int64_t looked_at; /* for old claims; monotonic, ms */
};

struct names {
	char **items;
	size_t n;
};

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
names_release(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->items[i]);
	free(names->items);
}

static void
names_add(struct names *names, const char *name)
{
	if (names->n % 256 == 0)
		names->items = xrealloc(
		    names->items, names->n + 256, sizeof *names->items);
	names->items[names->n++] = xstrdup(name);
}

/* Some names in a directory, sorted: Maildir names begin with the time. */
static int
list(int dir, const char *what, struct names *names, struct err *e)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd != -1 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	*names = (struct names){0};
	if (d == NULL)
		return err_errno(e, "%s", what);
	while (names->n < ROUND_MAX && (entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.')
			names_add(names, entry->d_name);
	closedir(d);
	if (names->n > 0)
		qsort(names->items, names->n, sizeof *names->items, by_name);
	return 0;
}

/* A mail, and nothing that is elsewhere, or keeps us waiting.  -1: errno. */
static int
open_mail(const struct maildir *m, const char *name)
{
	int fd = openat(m->claimed, name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd == -1 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)))
		return fd;
	close(fd);
	errno = EMEDIUMTYPE;
	return -1;
}

/* As ingest_fd; that it is gone is no error. */
static int
read_mail(struct lane *l, const char *name, struct err *e)
{
	int fd = open_mail(&l->dirs, name), r;

	if (fd == -1 && errno == ENOENT)
		return 0;
	if (fd == -1 && errno == EMEDIUMTYPE)
		return err_set(e, ERR_TEMP, "%s: not a regular file", name);
	if (fd == -1)
		return err_errno(e, "%s", name);
	r = ingest_fd(l->in, fd, name, name, e);
	close(fd);
	return r;
}

/* Its turn.  -1: the lane ends. */
static int
read_claimed(struct lane *l, const char *name, struct err *e)
{
	struct err failed = ERR_INIT;

	if (read_mail(l, name, &failed) == 0)
		return 0;
	if (!ingest_is_output_lost(l->in)) {
		/* Its claim gets old, and then it has another chance. */
		tool_failed(&failed);
		return 0;
	}
	*e = failed;
	maildir_give_back(&l->dirs, name, e);
	return -1;
}

/* A signal asks us to end: what is being read is finished first. */
static bool
is_told_to_end(struct lane *l)
{
	if (l->signals != -1 && spawn_next_signal(l->signals) != 0)
		l->is_ending = true;
	return l->is_ending;
}

/* How many were read, -1. */
static ssize_t
read_new(struct lane *l, struct err *e)
{
	struct names names;
	ssize_t n = 0;

	if (list(l->dirs.new, "new", &names, e) == -1)
		return -1;
	for (size_t i = 0; i < names.n && n != -1 && !is_told_to_end(l); i++) {
		char *name;
		int r = maildir_claim(&l->dirs, names.items[i], &name, e);

		if (r == 1 && read_claimed(l, name, e) == -1)
			r = -1;
		n = r == -1 ? -1 : n + r;
		free(name);
	}
	names_release(&names);
	return n;
}

/* Has its reader had the lease time?  Then the claim is ours from now on. */
static bool
take_over(const struct lane *l, const char *name)
{
	static const struct timespec now[] = {
	    {.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}};
	struct timespec t;
	struct stat st;

	clock_gettime(CLOCK_REALTIME, &t);
	/* Renaming has set the ctime. */
	return fstatat(l->dirs.claimed, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       t.tv_sec - st.st_ctim.tv_sec >= l->options->lease_s &&
	       utimensat(l->dirs.claimed, name, now, AT_SYMLINK_NOFOLLOW) == 0;
}

static int
read_old_claims(struct lane *l, struct err *e)
{
	struct names names;
	int r;

	l->looked_at = clock_mono_ms();
	r = list(l->dirs.claimed, "claimed", &names, e);
	for (size_t i = 0; r == 0 && i < names.n && !is_told_to_end(l); i++)
		if (take_over(l, names.items[i]))
			r = read_claimed(l, names.items[i], e);
	names_release(&names);
	return r;
}

static int
start_following(struct lane *l, struct err *e)
{
	l->signals = spawn_signal_fd(e);
	if (l->signals == -1)
		return -1;
	l->news = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (l->news == -1 || inotify_add_watch(l->news, l->dirs.new_path,
				 IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) == -1)
		return err_errno(e, "%s: inotify", l->dirs.new_path);
	return 0;
}

/* Until something happens in new/, or claims may have become old. */
static int
wait_for_news(struct lane *l, struct err *e)
{
	struct pollfd p[] = {
	    {.fd = l->news, .events = POLLIN},
	    {.fd = l->signals, .events = POLLIN},
	    {.fd = STDOUT_FILENO, .events = 0},
	};
	int64_t left =
	    l->looked_at + l->options->lease_s * 1000 - clock_mono_ms();
	char events[4096];

	if (left < 0)
		left = 0;
	if (left > WAIT_MAX_MS)
		left = WAIT_MAX_MS;
	if (poll(p, 3, (int)left) == -1 && errno != EINTR)
		return err_errno(e, "poll");
	if (p[2].revents & (POLLERR | POLLNVAL))
		l->is_ending = true; /* nobody reads any more */
	while (read(l->news, events, sizeof events) > 0)
		continue;
	return 0;
}

static int
run(struct lane *l, struct err *e)
{
	ssize_t n;

	if (l->options->is_following && start_following(l, e) == -1)
		return -1;
	for (;;) {
		if (l->looked_at == 0 || clock_mono_ms() - l->looked_at >=
					     l->options->lease_s * 1000)
			if (read_old_claims(l, e) == -1)
				return -1;
		n = read_new(l, e);
		if (n == -1)
			return -1;
		if (is_told_to_end(l))
			return 0;
		if (n > 0)
			continue;
		if (!l->options->is_following)
			return 0;
		if (wait_for_news(l, e) == -1)
			return -1;
	}
}

int
maildir_read(struct ingest *in, const char *dir,
    const struct maildir_options *options, struct err *e)
{
	struct lane l = {
	    .in = in, .options = options, .signals = -1, .news = -1};
	int r;

	if (maildir_open(&l.dirs, dir, e) == -1)
		return -1;
	r = run(&l, e);
	if (l.news != -1)
		close(l.news);
	if (l.signals != -1)
		close(l.signals);
	maildir_close(&l.dirs);
	return r == -1 ? err_prefix(e, "maildir:%s", dir) : 0;
}
