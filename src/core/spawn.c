#include "core/spawn.h"

#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

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
	int fds[] = {s->in, s->out, s->err};

	/* First out of the way of 0 to 2, then into place. */
	for (int i = 0; i < 3; i++) {
		if (fds[i] < 3 && fds[i] != i)
			fds[i] = dup(fds[i]);
		if (fds[i] == -1)
			return -1;
	}
	for (int i = 0; i < 3; i++)
		if (fds[i] != i && dup2(fds[i], i) == -1)
			return -1;
	return (int)syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
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
	b->step = "exec";
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execute(s, b->path);
fail:
	b->error = errno;
	_exit(127);
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
	if (b.error == 0)
		return pid;
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

int
spawn_signal_fd(struct err *e)
{
	struct sigaction now;
	sigset_t set;
	int fd;

	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&set);
	for (size_t i = 0; i < COUNT(ending_signals); i++)
		if (sigaction(ending_signals[i], NULL, &now) == 0 &&
		    now.sa_handler != SIG_IGN)
			sigaddset(&set, ending_signals[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd == -1)
		return err_errno(e, "signalfd");
	return fd;
}

int
spawn_next_signal(int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof info) != (ssize_t)sizeof info)
		return 0;
	return (int)info.ssi_signo;
}
