#include "core/cell.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/sandbox.h"
#include "core/spawn.h"

enum {
	MEMORY_BYTES = 256 * 1024 * 1024,
	/*
	 * Many times what the largest mail needs; and two parsers, one after
	 * the other, must not take the 120 s after which a line gives up.
	 */
	CPU_S = 20,
	WAIT_MAX_MS = 40 * 1000, /* for one input, while it does nothing */
	READ_BYTES = 64 * 1024,
	ANSWERS_BYTES = 16 * 1024, /* kept for the next write */
	ANSWERS_END = 255, /* a type of our own */
};

/* Before each piece of input; no bytes: the input is over. */
struct input_head {
	uint32_t n;
};

/* Before each answer. */
struct answer_head {
	uint32_t type;
	uint32_t index;
	uint32_t n;
};

struct cell {
	const struct cell_job *job;
	cell_answered *answered;
	void *ctx;
	pid_t pid; /* 0: none */
	int to, from;
	struct buf got; /* from it, not yet looked at */
	int64_t waited_ms; /* for it, in this input */
	bool is_ending; /* it has all of the input */
	bool is_over; /* and we have all of its answers */
	char death[SPAWN_END_TEXT];
};

/* The child. */

static struct buf child_answers; /* not yet written */

static void
child_write(const void *data, size_t n)
{
	const char *p = data;
	ssize_t r;

	for (; n > 0; n -= (size_t)r, p += r) {
		r = write(STDOUT_FILENO, p, n);
		if (r == -1 && errno == EINTR)
			r = 0;
		if (r == -1)
			_exit(0); /* nobody wants it any more */
	}
}

static void
child_flush(void)
{
	child_write(child_answers.data, child_answers.len);
	buf_reset(&child_answers);
}

/* Most answers are small: each write would wake the parent once more. */
void
cell_answer(uint8_t type, uint32_t index, const void *data, size_t n)
{
	struct answer_head head = {type, index, (uint32_t)n};

	buf_add(&child_answers, &head, sizeof head);
	if (n <= ANSWERS_BYTES) {
		buf_add(&child_answers, data, n);
	} else {
		child_flush();
		child_write(data, n);
	}
	if (child_answers.len > ANSWERS_BYTES)
		child_flush();
}

/* Exactly n bytes; the end of the input ends the child. */
static void
child_read(void *data, size_t n)
{
	char *p = data;
	ssize_t r;

	for (; n > 0; n -= (size_t)r, p += r) {
		r = read(STDIN_FILENO, p, n);
		if (r == -1 && errno == EINTR)
			r = 0;
		else if (r <= 0)
			_exit(0);
	}
}

static void
child_input(const struct cell_job *job, char *window)
{
	struct input_head head;
	bool is_begun = false;

	for (;;) {
		child_read(&head, sizeof head);
		if (!is_begun)
			job->begin(job->ctx);
		is_begun = true;
		if (head.n == 0)
			break;
		for (size_t n; head.n > 0; head.n -= (uint32_t)n) {
			n = head.n < READ_BYTES ? head.n : READ_BYTES;
			child_read(window, n);
			job->add(job->ctx, window, n);
		}
	}
	job->end(job->ctx);
	cell_answer(ANSWERS_END, 0, NULL, 0);
	child_flush();
}

/* What is sent to all of a group, or of a service: its parent decides. */
static void
ignore_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Descriptors: 0 its input, 1 its answers, 2 stderr, and what enter opens. */
static _Noreturn void
child_run(const struct cell_job *job, int in, int out)
{
	static const struct sandbox limits = {MEMORY_BYTES, CPU_S};
	char *window = xmalloc(READ_BYTES);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ignore_signals();
	if (dup2(in, STDIN_FILENO) == -1 || dup2(out, STDOUT_FILENO) == -1)
		_exit(75);
	close_range(3, ~0U, 0);
	if (job->enter != NULL)
		job->enter(job->ctx);
	sandbox_enter(&limits);
	for (;;)
		child_input(job, window);
}

/* The parent. */

/* Unless it is there. */
static int
start(struct cell *c, struct err *e)
{
	int to[2], from[2];

	if (c->pid != 0)
		return 0;
	if (pipe2(to, O_CLOEXEC) == -1)
		return err_errno(e, "pipe");
	if (pipe2(from, O_CLOEXEC) == -1) {
		err_errno(e, "pipe");
		close(to[0]);
		close(to[1]);
		return -1;
	}
	c->waited_ms = 0;
	c->is_ending = c->is_over = false;
	c->pid = fork();
	if (c->pid == 0)
		child_run(c->job, to[0], from[1]);
	close(to[0]);
	close(from[1]);
	c->to = to[1];
	c->from = from[0];
	if (c->pid == -1) {
		c->pid = 0;
		close(c->to);
		close(c->from);
		return err_errno(e, "fork");
	}
	fcntl(c->to, F_SETFL, O_NONBLOCK);
	fcntl(c->from, F_SETFL, O_NONBLOCK);
	return 0;
}

static void
stop(struct cell *c)
{
	if (c->pid == 0)
		return;
	kill(c->pid, SIGKILL); /* before it sees that its input has ended */
	close(c->to);
	close(c->from);
	spawn_end_text(spawn_reap(c->pid), c->death);
	c->pid = 0;
	buf_reset(&c->got);
}

struct cell *
cell_new(const struct cell_job *job, cell_answered *answered, void *ctx,
    struct err *e)
{
	struct cell *c = xcalloc(1, sizeof *c);

	*c = (struct cell){.job = job, .answered = answered, .ctx = ctx};
	if (start(c, e) == 0)
		return c;
	free(c);
	return NULL;
}

enum cell_state
cell_restart(struct cell *c, struct err *e)
{
	stop(c);
	return start(c, e) == 0 ? CELL_ALIVE : CELL_ERROR;
}

/* It has ended, or does not keep to what was agreed. */
static enum cell_state
died(struct cell *c)
{
	int status;

	/* It may be alive still, having closed its end: then it is killed. */
	kill(c->pid, SIGKILL);
	status = spawn_reap(c->pid);
	close(c->to);
	close(c->from);
	c->pid = 0;
	buf_reset(&c->got);
	spawn_end_text(status, c->death);
	return CELL_DIED;
}

/* Pass on the answers that are whole.  false: it does not make sense. */
static bool
deliver(struct cell *c)
{
	struct answer_head head;
	size_t at = 0;

	while (c->got.len - at >= sizeof head) {
		memcpy(&head, c->got.data + at, sizeof head);
		if (head.n > CELL_ANSWER_MAX || head.type > ANSWERS_END)
			return false;
		if (c->got.len - at - sizeof head < head.n)
			break;
		if (c->is_over)
			return false;
		if (head.type == ANSWERS_END)
			c->is_over = true;
		else if (!c->answered(c->ctx, (uint8_t)head.type, head.index,
			     c->got.data + at + sizeof head, head.n))
			return false;
		at += sizeof head + head.n;
	}
	buf_shift(&c->got, at);
	/* Nothing comes after the end, nor the end before it is asked for. */
	return !c->is_over || (c->is_ending && c->got.len == 0);
}

/* Take what it has written. */
static enum cell_state
receive(struct cell *c)
{
	ssize_t n;

	buf_grow(&c->got, READ_BYTES);
	n = read(c->from, c->got.data + c->got.len, READ_BYTES);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return CELL_ALIVE;
	if (n <= 0)
		return died(c);
	c->got.len += (size_t)n;
	return deliver(c) ? CELL_ALIVE : died(c);
}

/* How long it may still keep us waiting. */
static int
patience_ms(const struct cell *c)
{
	return c->waited_ms < WAIT_MAX_MS ? (int)(WAIT_MAX_MS - c->waited_ms)
					  : 0;
}

/* Wait until it takes more, or has something to say. */
static enum cell_state
converse(struct cell *c, bool is_writing, struct err *e)
{
	struct pollfd p[] = {
	    {.fd = c->from, .events = POLLIN},
	    {.fd = is_writing ? c->to : -1, .events = POLLOUT},
	};
	int64_t since = clock_mono_ms();
	int n = poll(p, 2, patience_ms(c));

	if (n == -1 && errno != EINTR) {
		err_errno(e, "poll");
		return CELL_ERROR;
	}
	c->waited_ms += clock_mono_ms() - since;
	if (n == 0)
		return died(c);
	return n > 0 && p[0].revents != 0 ? receive(c) : CELL_ALIVE;
}

static enum cell_state
send_all(struct cell *c, struct iovec *v, int n_v, struct err *e)
{
	enum cell_state state = CELL_ALIVE;
	ssize_t n;

	while (n_v > 0 && state == CELL_ALIVE) {
		n = writev(c->to, v, n_v);
		if (n == -1 && errno == EPIPE)
			return died(c);
		if (n == -1 && errno != EAGAIN && errno != EINTR) {
			err_errno(e, "pipe");
			return CELL_ERROR;
		}
		if (n == -1) {
			state = converse(c, true, e);
			continue;
		}
		for (; n_v > 0 && (size_t)n >= v->iov_len; v++, n_v--)
			n -= (ssize_t)v->iov_len;
		if (n_v > 0) {
			v->iov_base = (char *)v->iov_base + n;
			v->iov_len -= (size_t)n;
		}
	}
	return state;
}

enum cell_state
cell_add(struct cell *c, const char *data, size_t n, struct err *e)
{
	enum cell_state state = CELL_ALIVE;

	if (start(c, e) == -1)
		return CELL_ERROR;
	for (size_t part; n > 0 && state == CELL_ALIVE; n -= part) {
		struct input_head head;
		struct iovec v[2];

		part = n < READ_BYTES ? n : READ_BYTES;
		head.n = (uint32_t)part;
		v[0] = (struct iovec){&head, sizeof head};
		v[1] = (struct iovec){(char *)(uintptr_t)data, part};
		state = send_all(c, v, 2, e);
		data += part;
	}
	return state;
}

enum cell_state
cell_end(struct cell *c, struct err *e)
{
	struct input_head head = {0};
	struct iovec v = {&head, sizeof head};
	enum cell_state state;

	if (start(c, e) == -1)
		return CELL_ERROR;
	c->is_ending = true;
	state = send_all(c, &v, 1, e);
	while (state == CELL_ALIVE && !c->is_over)
		state = converse(c, false, e);
	c->is_ending = c->is_over = false;
	c->waited_ms = 0;
	return state;
}

const char *
cell_death(const struct cell *c)
{
	return c->death;
}

void
cell_free(struct cell *c)
{
	if (c == NULL)
		return;
	stop(c);
	buf_release(&c->got);
	free(c);
}
