#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

int
file_write(int fd, const void *data, size_t n, int timeout_ms, const char *name,
    struct err *e)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	const char *s = data;
	ssize_t r;

	while (n > 0) {
		r = write(fd, s, n);
		if (r >= 0) {
			s += r;
			n -= (size_t)r;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return err_errno(e, "%s: write", name);
		r = poll(&p, 1, timeout_ms);
		if (r == 0)
			return err_set(e, ERR_TEMP,
			    "%s: nobody read it for %d seconds", name,
			    timeout_ms / 1000);
		if (r == -1 && errno != EINTR)
			return err_errno(e, "%s: poll", name);
	}
	return 0;
}

int
file_read_fd(
    int fd, size_t max, struct buf *out, const char *name, struct err *e)
{
	ssize_t r;

	for (;;) {
		buf_grow(out, 16384);
		r = read(fd, out->data + out->len, out->cap - out->len - 1);
		if (r == -1 && errno == EINTR)
			continue;
		if (r == -1)
			return err_errno(e, "%s: read", name);
		if (r == 0)
			break;
		out->len += (size_t)r;
		if (out->len > max)
			return err_set(e, ERR_TEMP, "%s: larger than %zu bytes",
			    name, max);
	}
	out->data[out->len] = '\0';
	return 0;
}

int
file_read_at(
    int dir, const char *path, size_t max, struct buf *out, struct err *e)
{
	int fd, r;

	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd == -1 && errno == ENOENT)
		return 0;
	if (fd == -1)
		return err_errno(e, "%s: open", path);
	r = file_read_fd(fd, max, out, path, e);
	close(fd);
	return r == -1 ? -1 : 1;
}

int
file_sync(int fd, const char *name, struct err *e)
{
	if (fsync(fd) == -1)
		return err_errno(e, "%s: fsync", name);
	return 0;
}

int
file_sync_data(int fd, const char *name, struct err *e)
{
	if (fdatasync(fd) == -1)
		return err_errno(e, "%s: fdatasync", name);
	return 0;
}

int
file_close(int fd, const char *name, struct err *e)
{
	if (close(fd) == -1 && errno != EINTR)
		return err_errno(e, "%s: close", name);
	return 0;
}

int
file_sync_dir(int dir, const char *name, struct err *e)
{
	return file_sync(dir, name, e);
}

int
file_publish(
    int from_dir, const char *from, int dir, const char *to, struct err *e)
{
	if (renameat(from_dir, from, dir, to) == -1)
		return err_errno(e, "%s: rename to %s", from, to);
	return file_sync_dir(dir, to, e);
}

int
file_rewrite(
    int dir, const char *name, const void *data, size_t n, struct err *e)
{
	char *tmp = xasprintf("%s.%ld.tmp", name, (long)getpid());
	int fd, r = -1;

	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd == -1) {
		err_errno(e, "%s: create", tmp);
		goto out;
	}
	r = file_write(fd, data, n, -1, tmp, e);
	if (r == 0)
		r = file_sync(fd, tmp, e);
	if (file_close(fd, tmp, e) == -1)
		r = -1;
	if (r == 0)
		r = file_publish(dir, tmp, dir, name, e);
	if (r == -1)
		unlinkat(dir, tmp, 0);
out:
	free(tmp);
	return r;
}

/* Open one directory below parent, making it when it is missing. */
static int
open_component(int parent, const char *name, struct err *e)
{
	static const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	int fd = openat(parent, name, flags);

	if (fd != -1 || errno != ENOENT)
		goto out;
	if (mkdirat(parent, name, 0700) == -1 && errno != EEXIST)
		return err_errno(e, "%s: mkdir", name);
	/* Also when another process made it: it may not have synced yet. */
	if (file_sync_dir(parent, name, e) == -1)
		return -1;
	fd = openat(parent, name, flags);
out:
	if (fd == -1)
		return err_errno(e, "%s: open directory", name);
	return fd;
}

int
file_open_dir(int dir, const char *path, struct err *e)
{
	char *copy, *part, *save = NULL;
	int fd, next;

	/* Nearly always it is there: one call. */
	fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd != -1)
		return fd;
	if (errno != ENOENT)
		return err_errno(e, "%s: open directory", path);
	copy = xstrdup(path);
	fd = dir;
	/* AT_FDCWD cannot be synced. */
	if (path[0] == '/' || dir == AT_FDCWD)
		fd = open(path[0] == '/' ? "/" : ".",
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		err_errno(e, "%s: open directory", path);
	for (part = fd == -1 ? NULL : strtok_r(copy, "/", &save); part != NULL;
	     part = strtok_r(NULL, "/", &save)) {
		next = open_component(fd, part, e);
		if (fd != dir)
			close(fd);
		fd = next;
		if (fd == -1) {
			err_prefix(e, "%s", path);
			break;
		}
	}
	free(copy);
	return fd;
}

int
file_open_beneath(int dir, const char *path, int flags, struct err *e)
{
	struct open_how how = {
	    .flags = (unsigned)flags | O_CLOEXEC,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	long fd = syscall(SYS_openat2, dir, path, &how, sizeof how);

	if (fd == -1)
		return err_errno(e, "%.200s: open", path);
	return (int)fd;
}

static void
lock_timed_out(int sig)
{
	(void)sig; /* its work is the EINTR */
}

/*
 * The alarm makes a blocking flock return EINTR; it repeats every second
 * afterwards, for the case that it rang just before the call.
 */
int
file_lock(
    int fd, int operation, int timeout_ms, const char *name, struct err *e)
{
	struct sigaction wake = {.sa_handler = lock_timed_out}, was;
	struct itimerval timer = {.it_interval = {.tv_sec = 1}}, off = {0};
	int r;

	if (flock(fd, operation | LOCK_NB) == 0)
		return 1;
	if (errno != EWOULDBLOCK && errno != EINTR)
		return err_errno(e, "%s: lock", name);
	if (timeout_ms == 0)
		return 0;
	if (timeout_ms > 0) {
		timer.it_value.tv_sec = timeout_ms / 1000;
		timer.it_value.tv_usec = timeout_ms % 1000 * 1000L;
		sigaction(SIGALRM, &wake, &was);
		setitimer(ITIMER_REAL, &timer, NULL);
	}
	r = flock(fd, operation);
	if (timeout_ms > 0) {
		int saved = errno;

		setitimer(ITIMER_REAL, &off, NULL);
		sigaction(SIGALRM, &was, NULL);
		errno = saved;
	}
	if (r == 0)
		return 1;
	if (errno == EINTR)
		return 0;
	return err_errno(e, "%s: lock", name);
}
