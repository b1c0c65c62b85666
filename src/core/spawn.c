#include "core/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buf.h"

/* What our programs and those that start them ignore, catch or block. */
static const int changed_signals[] = {
    SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGALRM, SIGTERM, SIGCHLD, SIGXFSZ};

static const int ending_signals[] = {SIGHUP, SIGINT, SIGTERM};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* What parent and child of vfork say to each other. */
struct birth {
	const struct spawn *spawn;
	const char *path; /* where to look for programs */
	pid_t parent;
	const char *step; /* what the child was doing */
	int error; /* why it could not become its program */
};

/*
 * The functions from here to in_child run in the child of vfork, on the
 * parent's memory: system calls only.
 */

/* execvpe(3) without its shell.  Returns with errno when nothing was run. */
static void
execute(const struct spawn *s, const char *path)
{
	char file[PATH_MAX];
	size_t name = strlen(s->argv[0]) + 1, dir;
	int error = ENOENT;

	if (strchr(s->argv[0], '/') != NULL || name == 1) {
		execve(s->argv[0], s->argv, s->envp);
		return;
	}
	for (;; path += dir + 1) {
		dir = strcspn(path, ":");
		if (dir + 1 + name <= sizeof file) {
			memcpy(file, path, dir);
			file[dir] = '/';
			/* An empty entry is the current directory. */
			memcpy(file + dir + (dir > 0), s->argv[0], name);
			execve(file, s->argv, s->envp);
			if (errno == EACCES)
				error = errno;
			else if (errno != ENOENT && errno != ENOTDIR)
				return;
		}
		if (path[dir] == '\0')
			break;
	}
	errno = error;
}

static int
place_descriptors(const struct spawn *s)
{
	int fds[] = {s->in, s->out, s->err, -1};
	int n = 3;

	if (s->fourth != NULL)
		fds[n++] = *s->fourth;
	/* First out of the way of each other, then into place. */
	for (int i = 0; i < n; i++) {
		if (fds[i] < n)
			fds[i] = fcntl(fds[i], F_DUPFD, n);
		if (fds[i] == -1)
			return -1;
	}
	for (int i = 0; i < n; i++)
		if (dup2(fds[i], i) == -1)
			return -1;
	return (int)syscall(
	    SYS_close_range, (unsigned)n, ~0U, CLOSE_RANGE_CLOEXEC);
}

/* At most n, and what it is already when that is less. */
static int
lower(__rlimit_resource_t resource, int64_t n, int64_t grace)
{
	struct rlimit now, l = {(rlim_t)n, (rlim_t)(n + grace)};

	if (n <= 0)
		return 0;
	if (getrlimit(resource, &now) == -1)
		return -1;
	if (l.rlim_max > now.rlim_max)
		l.rlim_max = now.rlim_max;
	if (l.rlim_cur > l.rlim_max)
		l.rlim_cur = l.rlim_max;
	return setrlimit(resource, &l);
}

static int
set_limits(const struct spawn_limits *l)
{
	int now;

	if (lower(RLIMIT_AS, l->memory_bytes, 0) == -1 ||
	    lower(RLIMIT_CPU, l->cpu_s, 1) == -1 ||
	    lower(RLIMIT_NOFILE, l->files, 0) == -1 ||
	    lower(RLIMIT_NPROC, l->processes, 0) == -1 ||
	    lower(RLIMIT_FSIZE, l->file_bytes, 0) == -1)
		return -1;
	if (l->nice == 0)
		return 0;
	errno = 0;
	now = getpriority(PRIO_PROCESS, 0);
	if (now == -1 && errno != 0)
		return -1;
	return setpriority(PRIO_PROCESS, 0, now + l->nice);
}

_Noreturn static void
in_child(volatile struct birth *b)
{
	const struct spawn *s = b->spawn;
	struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (size_t i = 0; i < COUNT(changed_signals); i++)
		sigaction(changed_signals[i], &plain, NULL);
	if (s->is_own_group)
		setsid();
	if (s->dies_with_us) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != b->parent)
			_exit(127); /* it is dead already */
	}
	b->step = "descriptors";
	if (place_descriptors(s) == -1)
		goto fail;
	b->step = s->cwd;
	if (s->cwd != NULL && chdir(s->cwd) == -1)
		goto fail;
	b->step = "limits";
	if (s->limits != NULL && set_limits(s->limits) == -1)
		goto fail;
	b->step = "exec";
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execute(s, b->path);
fail:
	b->error = errno;
	_exit(127);
}

/* The children that are not reaped yet; not for the child of vfork. */
static struct {
	pid_t *pids;
	size_t n, room;
} ours;

static void
remember(pid_t pid)
{
	if (ours.n == ours.room) {
		ours.room += 32;
		ours.pids = xrealloc(ours.pids, ours.room, sizeof *ours.pids);
	}
	ours.pids[ours.n++] = pid;
}

static void
forget(pid_t pid)
{
	for (size_t i = 0; i < ours.n; i++)
		if (ours.pids[i] == pid) {
			ours.pids[i] = ours.pids[--ours.n];
			return;
		}
}

bool
spawn_is_ours(pid_t pid)
{
	for (size_t i = 0; i < ours.n; i++)
		if (ours.pids[i] == pid)
			return true;
	return false;
}

static pid_t
give_birth(volatile struct birth *b)
{
	pid_t pid = vfork(); /* NOLINT: fork copies page tables; measured */

	if (pid == 0)
		in_child(b); /* NOLINT: it keeps to system calls */
	return pid;
}

pid_t
spawn_start(const struct spawn *s, struct err *e)
{
	const char *path = getenv("PATH");
	volatile struct birth b = {.spawn = s, .parent = getpid()};
	sigset_t all, mask;
	pid_t pid;
	int error;

	b.path = path != NULL ? path : "/usr/bin:/bin";
	sigfillset(&all);
	/* No handler of ours may run in the child, on our own stack. */
	sigprocmask(SIG_BLOCK, &all, &mask);
	pid = give_birth(&b);
	error = errno;
	sigprocmask(SIG_SETMASK, &mask, NULL);
	errno = error;
	if (pid == -1)
		return err_errno(e, "%.200s: fork", s->argv[0]);
	if (b.error == 0) {
		remember(pid);
		return pid;
	}
	spawn_reap(pid);
	errno = b.error;
	return err_errno(e, "%.200s: %.200s", s->argv[0], b.step);
}

int
spawn_pidfd(pid_t pid, struct err *e)
{
	long fd = syscall(SYS_pidfd_open, pid, 0);

	if (fd == -1)
		return err_errno(e, "pidfd_open");
	return (int)fd;
}

int
spawn_reap(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
		continue;
	forget(pid);
	return status;
}

char *
spawn_end_text(int status, char text[SPAWN_END_TEXT])
{
	const char *name;

	if (!WIFSIGNALED(status)) {
		snprintf(text, SPAWN_END_TEXT, "exit status %d",
		    WEXITSTATUS(status));
		return text;
	}
	name = sigabbrev_np(WTERMSIG(status));
	snprintf(text, SPAWN_END_TEXT, "killed by signal %d%s%s%s",
	    WTERMSIG(status), name != NULL ? " (" : "",
	    name != NULL ? name : "", name != NULL ? ")" : "");
	return text;
}

static int
make_signal_fd(const sigset_t *set, struct err *e)
{
	int fd;

	sigprocmask(SIG_BLOCK, set, NULL);
	fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd == -1)
		return err_errno(e, "signalfd");
	return fd;
}

int
spawn_signal_fd(struct err *e)
{
	struct sigaction now;
	sigset_t set;

	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	for (size_t i = 0; i < COUNT(ending_signals); i++)
		if (sigaction(ending_signals[i], NULL, &now) == 0 &&
		    now.sa_handler != SIG_IGN)
			sigaddset(&set, ending_signals[i]);
	return make_signal_fd(&set, e);
}

int
spawn_child_fd(struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	return make_signal_fd(&set, e);
}

int
spawn_next_signal(int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof info) != (ssize_t)sizeof info)
		return 0;
	return (int)info.ssi_signo;
}

void
spawn_child_ended(int fd)
{
	while (spawn_next_signal(fd) != 0)
		continue;
}
