/*
 * LD_PRELOAD library that makes a chosen system call fail, in its turn.
 *
 *   INJECT_CALL    which: fsync fdatasync syncfs write pwrite rename renameat
 *                  renameat2 linkat unlinkat mkdirat close open openat openat2
 *                  ftruncate flock read pread pidfd io_setup io_submit
 *                  io_getevents connect send recv; several with commas
 *                  between.  The 64-bit variants (pwrite64) are the same
 *                  call.
 *   INJECT_NTH     the nth such call of each process, from 1; 0: every one
 *   INJECT_DO      an errno (EIO ENOSPC EDQUOT ENOMEM EINTR EAGAIN EMFILE
 *                  EACCES EPIPE ECONNRESET ECONNREFUSED), kill (die before the
 * call), kill-after (die after it), stop (SIGSTOP before the call), short (half
 * of what was to be read or written) or short-stop (the same, and SIGSTOP after
 * it); EIO when it is not set INJECT_PROG    only in processes of this name
 *   INJECT_FD_MIN  lowest descriptor that write and close count (default 3);
 *                  descriptor 2 never is
 *   INJECT_HIT     a file to which a line is added each time it strikes, so
 *                  that a loop over INJECT_NTH knows when it is past the end
 *
 * close(2) closes, then fails, as Linux does.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum action {
	ACT_FAIL,
	ACT_KILL,
	ACT_KILL_AFTER,
	ACT_STOP,
	ACT_SHORT,
	ACT_SHORT_STOP
};

static struct {
	const char *call, *hit;
	long nth, fd_min;
	enum action action;
	int error;
} plan = {.nth = 0, .fd_min = 3, .action = ACT_FAIL, .error = EIO};

static long calls;
static __thread int signal_after;
static __thread bool is_short;

static const struct {
	const char *name;
	enum action action;
	int error;
} actions[] = {
    {"EIO", ACT_FAIL, EIO},
    {"ENOSPC", ACT_FAIL, ENOSPC},
    {"EDQUOT", ACT_FAIL, EDQUOT},
    {"ENOMEM", ACT_FAIL, ENOMEM},
    {"EINTR", ACT_FAIL, EINTR},
    {"EAGAIN", ACT_FAIL, EAGAIN},
    {"EMFILE", ACT_FAIL, EMFILE},
    {"EACCES", ACT_FAIL, EACCES},
    {"EPIPE", ACT_FAIL, EPIPE},
    {"ECONNRESET", ACT_FAIL, ECONNRESET},
    {"ECONNREFUSED", ACT_FAIL, ECONNREFUSED},
    {"kill", ACT_KILL, 0},
    {"kill-after", ACT_KILL_AFTER, 0},
    {"stop", ACT_STOP, 0},
    {"short", ACT_SHORT, 0},
    {"short-stop", ACT_SHORT_STOP, 0},
};

static void
in_fork(void)
{
	calls = 0;
}

static long
number(const char *name, long fallback)
{
	const char *s = getenv(name);

	return s != NULL && *s != '\0' ? strtol(s, NULL, 10) : fallback;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *prog = getenv("INJECT_PROG"), *act = getenv("INJECT_DO");
	size_t n = sizeof actions / sizeof *actions, i;

	if (prog != NULL && strcmp(prog, program_invocation_short_name) != 0)
		return;
	for (i = 0; act != NULL && i < n; i++)
		if (strcmp(act, actions[i].name) == 0)
			break;
	if (act != NULL && i == n) {
		fprintf(stderr, "inject: unknown INJECT_DO=%s\n", act);
		_exit(99);
	}
	if (act != NULL) {
		plan.action = actions[i].action;
		plan.error = actions[i].error;
	}
	plan.nth = number("INJECT_NTH", 0);
	plan.fd_min = number("INJECT_FD_MIN", 3);
	plan.hit = getenv("INJECT_HIT");
	pthread_atfork(NULL, NULL, in_fork);
	plan.call = getenv("INJECT_CALL"); /* from here on */
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Is call in the list, with or without "64" after it? */
static bool
is_planned(const char *call)
{
	size_t n = strlen(call);
	const char *s = plan.call;

	while (s != NULL) {
		if (strncmp(s, call, n) == 0) {
			const char *end = s + n;

			if (strncmp(end, "64", 2) == 0)
				end += 2;
			if (*end == ',' || *end == '\0')
				return true;
		}
		s = strchr(s, ',');
		if (s != NULL)
			s++;
	}
	return false;
}

static void
report(const char *call, int fd, long n)
{
	char line[160];
	int len, out;

	if (plan.hit == NULL)
		return;
	len = snprintf(line, sizeof line, "%s %d %s fd=%d call=%ld\n",
	    program_invocation_short_name, (int)getpid(), call, fd, n);
	out = REAL(open)(
	    plan.hit, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (out == -1)
		return;
	if (REAL(write)(out, line, (size_t)len) == -1)
		fputs("inject: cannot write INJECT_HIT\n", stderr);
	REAL(close)(out);
}

/* True: the call fails, errno is set. */
static bool
strikes(const char *call, int fd)
{
	long n;

	signal_after = 0;
	is_short = false;
	if (plan.call == NULL || !is_planned(call) || fd == STDERR_FILENO)
		return false;
	n = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
	if (plan.nth > 0 && n != plan.nth)
		return false;
	report(call, fd, n);
	switch (plan.action) {
	case ACT_KILL:
		raise(SIGKILL);
		break;
	case ACT_STOP:
		raise(SIGSTOP);
		break;
	case ACT_KILL_AFTER:
		signal_after = SIGKILL;
		break;
	case ACT_SHORT_STOP:
		is_short = true;
		signal_after = SIGSTOP;
		break;
	case ACT_SHORT:
		is_short = true;
		break;
	case ACT_FAIL:
		errno = plan.error;
		return true;
	}
	return false;
}

static bool
strikes_fd(const char *call, int fd)
{
	return fd >= plan.fd_min && strikes(call, fd);
}

static long
after(long result)
{
	if (signal_after != 0)
		raise(signal_after);
	return result;
}

static size_t
part(size_t n)
{
	return is_short && n > 1 ? n / 2 : n;
}

int
fsync(int fd)
{
	return strikes("fsync", fd) ? -1 : (int)after(REAL(fsync)(fd));
}

int
syncfs(int fd)
{
	return strikes("syncfs", fd) ? -1 : (int)after(REAL(syncfs)(fd));
}

int
fdatasync(int fd)
{
	return strikes("fdatasync", fd) ? -1 : (int)after(REAL(fdatasync)(fd));
}

ssize_t
write(int fd, const void *data, size_t n)
{
	return strikes_fd("write", fd) ? -1
				       : after(REAL(write)(fd, data, part(n)));
}

ssize_t
pwrite(int fd, const void *data, size_t n, off_t at)
{
	return strikes("pwrite", fd)
		   ? -1
		   : after(REAL(pwrite)(fd, data, part(n), at));
}

ssize_t
pwrite64(int fd, const void *data, size_t n, off64_t at)
{
	return strikes("pwrite", fd)
		   ? -1
		   : after(REAL(pwrite64)(fd, data, part(n), at));
}

ssize_t
read(int fd, void *data, size_t n)
{
	return strikes("read", fd) ? -1 : after(REAL(read)(fd, data, part(n)));
}

/* What read becomes under _FORTIFY_SOURCE. */
ssize_t __read_chk(int fd, void *data, size_t n, size_t size);
ssize_t
__read_chk(int fd, void *data, size_t n, size_t size)
{
	return strikes("read", fd)
		   ? -1
		   : after(REAL(__read_chk)(fd, data, part(n), size));
}

ssize_t
pread(int fd, void *data, size_t n, off_t at)
{
	return strikes("pread", fd) ? -1
				    : after(REAL(pread)(fd, data, part(n), at));
}

ssize_t
pread64(int fd, void *data, size_t n, off64_t at)
{
	return strikes("pread", fd)
		   ? -1
		   : after(REAL(pread64)(fd, data, part(n), at));
}

int
rename(const char *from, const char *to)
{
	return strikes("rename", -1) ? -1 : (int)after(REAL(rename)(from, to));
}

int
renameat(int from_dir, const char *from, int dir, const char *to)
{
	return strikes("renameat", -1)
		   ? -1
		   : (int)after(REAL(renameat)(from_dir, from, dir, to));
}

int
renameat2(
    int from_dir, const char *from, int dir, const char *to, unsigned int flags)
{
	return strikes("renameat2", -1) ? -1
					: (int)after(REAL(renameat2)(
					      from_dir, from, dir, to, flags));
}

int
linkat(int from_dir, const char *from, int dir, const char *to, int flags)
{
	return strikes("linkat", -1)
		   ? -1
		   : (int)after(REAL(linkat)(from_dir, from, dir, to, flags));
}

int
unlinkat(int dir, const char *path, int flags)
{
	return strikes("unlinkat", -1)
		   ? -1
		   : (int)after(REAL(unlinkat)(dir, path, flags));
}

int
mkdirat(int dir, const char *path, mode_t mode)
{
	return strikes("mkdirat", -1)
		   ? -1
		   : (int)after(REAL(mkdirat)(dir, path, mode));
}

int
close(int fd)
{
	if (strikes_fd("close", fd)) {
		int error = errno;

		REAL(close)(fd);
		errno = error;
		return -1;
	}
	return (int)after(REAL(close)(fd));
}

int
ftruncate(int fd, off_t size)
{
	return strikes("ftruncate", fd) ? -1
					: (int)after(REAL(ftruncate)(fd, size));
}

int
ftruncate64(int fd, off64_t size)
{
	return strikes("ftruncate", fd)
		   ? -1
		   : (int)after(REAL(ftruncate64)(fd, size));
}

int
flock(int fd, int operation)
{
	return strikes("flock", fd) ? -1
				    : (int)after(REAL(flock)(fd, operation));
}

int
connect(int fd, const struct sockaddr *to, socklen_t len)
{
	return strikes("connect", fd) ? -1
				      : (int)after(REAL(connect)(fd, to, len));
}

ssize_t
send(int fd, const void *data, size_t n, int flags)
{
	return strikes("send", fd)
		   ? -1
		   : after(REAL(send)(fd, data, part(n), flags));
}

ssize_t
recv(int fd, void *data, size_t n, int flags)
{
	return strikes("recv", fd)
		   ? -1
		   : after(REAL(recv)(fd, data, part(n), flags));
}

#define MODE_ARGUMENT(flags, mode)                                             \
	do {                                                                   \
		va_list ap;                                                    \
		va_start(ap, flags);                                           \
		if (((flags)&O_CREAT) != 0 ||                                  \
		    ((flags)&O_TMPFILE) == O_TMPFILE)                          \
			mode = va_arg(ap, mode_t);                             \
		va_end(ap);                                                    \
	} while (0)

int
open(const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_ARGUMENT(flags, mode);
	return strikes("open", -1) ? -1
				   : (int)after(REAL(open)(path, flags, mode));
}

int
open64(const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_ARGUMENT(flags, mode);
	return strikes("open", -1)
		   ? -1
		   : (int)after(REAL(open64)(path, flags, mode));
}

int
openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_ARGUMENT(flags, mode);
	return strikes("openat", -1)
		   ? -1
		   : (int)after(REAL(openat)(dir, path, flags, mode));
}

int
openat64(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;

	MODE_ARGUMENT(flags, mode);
	return strikes("openat", -1)
		   ? -1
		   : (int)after(REAL(openat64)(dir, path, flags, mode));
}

/* What open and openat become under _FORTIFY_SOURCE. */
int __open_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);

int
__open_2(const char *path, int flags)
{
	return open(path, flags);
}

int
__openat_2(int dir, const char *path, int flags)
{
	return openat(dir, path, flags);
}

/* Calls that have no wrapper of their own in our programs. */
static const char *
name_of(long number)
{
	switch (number) {
	case SYS_pidfd_open:
		return "pidfd";
	case SYS_openat2:
		return "openat2";
	case SYS_io_setup:
		return "io_setup";
	case SYS_io_submit:
		return "io_submit";
	case SYS_io_getevents:
		return "io_getevents";
	default:
		return NULL;
	}
}

long
syscall(long number, ...)
{
	const char *name = name_of(number);
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (name != NULL && strikes(name, -1))
		return -1;
	number = REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	return name != NULL ? after(number) : number;
}
