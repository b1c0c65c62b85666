#include "handler/handler.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/family.h"
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

/* One pipe for stdout and stderr, two where the answer has to be pure. */
static int
make_pipes(struct handler *h, struct spawn *s, struct err *e)
{
	int ends[2];

	if (make_pipe(ends, e) == -1)
		return -1;
	h->out = ends[0];
	s->out = s->err = ends[1];
	if (!h->keeps_answer)
		return 0;
	if (make_pipe(ends, e) == -1) {
		close_fd(&h->out);
		close_fd(&s->out);
		return -1;
	}
	h->err = ends[0];
	s->err = ends[1];
	return 0;
}

static int
start_process(struct handler *h, const struct spawn *s, struct err *e)
{
	h->pid = spawn_start(s, e);
	if (h->pid == -1)
		return -1;
	h->pidfd = spawn_pidfd(h->pid, e);
	if (h->pidfd != -1)
		return 0;
	kill(-h->pid, SIGKILL);
	spawn_reap(h->pid);
	return -1;
}

int
handler_start(struct handler *h, const struct handler_start *how, struct err *e)
{
	struct spawn s = {
	    .argv = how->argv,
	    .envp = how->envp,
	    .cwd = how->cwd,
	    .in = how->message,
	    .fourth = &how->record,
	    .limits = how->limits,
	    .is_own_group = true,
	    .dies_with_us = true,
	};
	int r;

	*h = (struct handler){.pidfd = -1,
	    .out = -1,
	    .err = -1,
	    .message = how->message,
	    .limit_ms = how->limit_ms,
	    .keeps_answer = how->keeps_answer};
	if (make_pipes(h, &s, e) == -1) {
		close_fd(&h->message);
		return -1;
	}
	h->started_at = clock_mono_ms();
	h->due_at = h->started_at + how->limit_ms;
	r = start_process(h, &s, e);
	close(s.out);
	if (s.err != s.out)
		close(s.err);
	if (r == 0) {
		h->mark = xstrdup(how->mark);
		return 0;
	}
	close_fd(&h->out);
	close_fd(&h->err);
	close_fd(&h->message);
	return -1;
}

void
handler_release(struct handler *h)
{
	close_fd(&h->message);
	buf_release(&h->answer);
	free(h->mark);
	h->mark = NULL;
}

void
handler_watch(const struct handler *h, struct pollfd fds[HANDLER_FDS])
{
	fds[0] = (struct pollfd){.fd = h->pidfd, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = h->out, .events = POLLIN};
	fds[2] = (struct pollfd){.fd = h->err, .events = POLLIN};
}

/* What makes it too long is kept, to be seen. */
static void
keep_answer(struct handler *h, const char *data, size_t len)
{
	size_t room = HANDLER_ANSWER_MAX + 1 - h->answer.len;

	buf_add(&h->answer, data, len < room ? len : room);
}

/*
 * Also when it floods us, or when something that it left behind does: only so
 * much at a time.
 */
static void
read_output(struct handler *h, int *fd)
{
	static char window[READ_SIZE];
	ssize_t r;

	for (int i = 0; i < READS_A_STEP && *fd != -1; i++) {
		r = read(*fd, window, sizeof window);
		if (r > 0) {
			handler_output_add(&h->output, window, (size_t)r);
			if (h->keeps_answer && fd == &h->out)
				keep_answer(h, window, (size_t)r);
			continue;
		}
		if (r == -1 && errno == EINTR)
			continue;
		if (r == 0 || errno != EAGAIN)
			close_fd(fd);
		return;
	}
}

static void
signal_family(const struct handler *h, int sig)
{
	const struct family family = {.leader = h->pid, .mark = h->mark};

	family_signal(&family, 1, sig);
}

/*
 * How much of the message nobody read: the position in the file is shared with
 * who has it as stdin.
 */
static uint64_t
find_unread(const struct handler *h)
{
	off_t at = lseek(h->message, 0, SEEK_CUR);
	struct stat st;

	if (at == -1 || fstat(h->message, &st) == -1 || at >= st.st_size)
		return 0;
	return (uint64_t)(st.st_size - at);
}

/*
 * Its process is not reaped before this, so that its group's number cannot be
 * another's when we kill what a time-out has left of it.
 */
static bool
finish(struct handler *h)
{
	if (h->is_timed_out)
		signal_family(h, SIGKILL);
	read_output(h, &h->out);
	read_output(h, &h->err);
	close_fd(&h->out);
	close_fd(&h->err);
	h->unread = find_unread(h);
	close_fd(&h->message);
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
		signal_family(h, SIGTERM);
	} else {
		h->phase = HANDLER_KILLED;
		h->due_at = INT64_MAX;
		signal_family(h, SIGKILL);
	}
}

bool
handler_step(
    struct handler *h, const struct pollfd fds[HANDLER_FDS], int64_t now)
{
	if (fds[1].revents != 0)
		read_output(h, &h->out);
	if (fds[2].revents != 0)
		read_output(h, &h->err);
	if (fds[0].revents != 0) {
		close_fd(&h->pidfd);
		h->ended_at = now;
	}
	if (h->pidfd != -1) {
		if (now >= h->due_at)
			on_limit(h, now);
		return false;
	}
	if (h->phase != HANDLER_ENDING || (h->out == -1 && h->err == -1) ||
	    now >= h->due_at)
		return finish(h);
	return false;
}
