#include "handler/handler.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/spawn.h"

enum {
	READ_SIZE = 65536,
	READS_A_STEP = 16, /* then the others have their turn */
};

static void
close_fd(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

/* The handler's end blocks, as a program expects of its stdout; ours not. */
static int
make_pipe(int ends[2], struct err *e)
{
	if (pipe2(ends, O_CLOEXEC) == -1)
		return err_errno(e, "pipe");
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) == -1) {
		err_errno(e, "pipe: fcntl");
		close(ends[0]);
		close(ends[1]);
		return -1;
	}
	return 0;
}

int
handler_start(struct handler *h, char *const *argv, char *const *envp,
    const char *cwd, int message, int64_t limit_ms, struct err *e)
{
	struct spawn how = {
	    .argv = argv,
	    .envp = envp,
	    .cwd = cwd,
	    .in = message,
	    .is_own_group = true,
	    .dies_with_us = true,
	};
	int ends[2];

	if (make_pipe(ends, e) == -1)
		return -1;
	how.out = how.err = ends[1];
	h->started_at = clock_mono_ms();
	h->pid = spawn_start(&how, e);
	close(ends[1]);
	if (h->pid == -1)
		goto fail;
	h->pidfd = spawn_pidfd(h->pid, e);
	if (h->pidfd == -1) {
		handler_kill(h);
		spawn_reap(h->pid);
		goto fail;
	}
	h->pipe = ends[0];
	h->phase = HANDLER_RUNNING;
	h->is_timed_out = false;
	h->limit_ms = limit_ms;
	h->due_at = h->started_at + limit_ms;
	h->output.bytes = 0;
	return 0;
fail:
	close(ends[0]);
	return -1;
}

void
handler_watch(const struct handler *h, struct pollfd fds[HANDLER_FDS])
{
	fds[0] = (struct pollfd){.fd = h->pidfd, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = h->pipe, .events = POLLIN};
}

/*
 * Also when it floods us, or when something that it left behind does: only so
 * much at a time.
 */
static void
read_output(struct handler *h)
{
	static char window[READ_SIZE];
	ssize_t r;

	for (int i = 0; i < READS_A_STEP && h->pipe != -1; i++) {
		r = read(h->pipe, window, sizeof window);
		if (r > 0) {
			handler_output_add(&h->output, window, (size_t)r);
			continue;
		}
		if (r == -1 && errno == EINTR)
			continue;
		if (r == 0 || errno != EAGAIN)
			close_fd(&h->pipe);
		return;
	}
}

void
handler_kill(const struct handler *h)
{
	kill(-h->pid, SIGKILL);
}

/*
 * Its process is not reaped before this, so that its group's number cannot be
 * another's when we kill what a time-out has left of it.
 */
static bool
finish(struct handler *h)
{
	if (h->is_timed_out)
		handler_kill(h);
	read_output(h);
	close_fd(&h->pipe);
	h->status = spawn_reap(h->pid);
	h->phase = HANDLER_OVER;
	return true;
}

static void
on_limit(struct handler *h, int64_t now)
{
	if (h->phase == HANDLER_RUNNING) {
		h->is_timed_out = true;
		h->phase = HANDLER_ENDING;
		h->due_at = now + HANDLER_GRACE_MS;
		kill(-h->pid, SIGTERM);
	} else {
		h->phase = HANDLER_KILLED;
		h->due_at = INT64_MAX;
		handler_kill(h);
	}
}

bool
handler_step(
    struct handler *h, const struct pollfd fds[HANDLER_FDS], int64_t now)
{
	if (fds[1].revents != 0)
		read_output(h);
	if (fds[0].revents != 0) {
		close_fd(&h->pidfd);
		h->ended_at = now;
	}
	if (h->pidfd != -1) {
		if (now >= h->due_at)
			on_limit(h, now);
		return false;
	}
	if (h->phase != HANDLER_ENDING || h->pipe == -1 || now >= h->due_at)
		return finish(h);
	return false;
}
