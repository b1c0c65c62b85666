#include "core/spawn.h"

#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Runs in the child of vfork, on the parent's memory: system calls only, and
 * no return.  What went wrong is left in *failed.
 */
_Noreturn static void
in_child(const struct spawn *s, pid_t parent, const sigset_t *mask,
    volatile int *failed)
{
	static const int standard[] = {
	    STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
	int fds[] = {s->in, s->out, s->err};
	struct sigaction plain = {.sa_handler = SIG_DFL};

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &plain, NULL);
	if (s->is_own_group) {
		setsid();
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(127);
	}
	/* First out of the way of 0 to 2, then into place. */
	for (int i = 0; i < 3; i++) {
		if (fds[i] < 3 && fds[i] != i)
			fds[i] = dup(fds[i]);
		if (fds[i] == -1)
			goto fail;
	}
	for (int i = 0; i < 3; i++)
		if (fds[i] != standard[i] && dup2(fds[i], standard[i]) == -1)
			goto fail;
	if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == -1)
		goto fail;
	if (s->cwd != NULL && chdir(s->cwd) == -1)
		goto fail;
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvpe(s->argv[0], s->argv, s->envp);
fail:
	*failed = errno;
	_exit(127);
}

pid_t
spawn_start(const struct spawn *s, struct err *e)
{
	sigset_t all, mask, none;
	volatile int failed = 0;
	pid_t parent = getpid(), pid;

	sigfillset(&all);
	sigemptyset(&none);
	/* No handler of ours may run in the child, on our own stack. */
	sigprocmask(SIG_BLOCK, &all, &mask);
	pid = vfork(); /* NOLINT: fork copies page tables; this is measured */
	if (pid == 0)
		in_child(s, parent, &none, &failed);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	if (pid == -1)
		return err_errno(e, "%s: fork", s->argv[0]);
	if (failed != 0) {
		while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
			continue;
		errno = failed;
		return err_errno(e, "%s: start", s->argv[0]);
	}
	return pid;
}

int
spawn_pidfd(pid_t pid, struct err *e)
{
	long fd = syscall(SYS_pidfd_open, pid, 0);

	if (fd == -1)
		return err_errno(e, "pidfd_open");
	return (int)fd;
}
