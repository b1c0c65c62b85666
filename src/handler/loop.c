#include "handler/loop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/batch.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/jsonl.h"
#include "core/spawn.h"
#include "core/tool.h"
#include "mail/record.h"

enum {
	/* Start nothing more while so much waits for a slow reader. */
	OUT_MAX = 64 * 1024,
};

/* The loop's own descriptors, before those of the handlers. */
enum {
	FD_SIGNAL,
	FD_IN,
	FD_OUT,
	FD_HANDLERS,
};

struct loop {
	const struct job_plan *plan;
	struct jsonl in;
	bool is_reading; /* more may come on stdin */
	bool is_stopping; /* a signal came: start nothing more */
	struct buf out;
	size_t written; /* of out */
	bool is_out_gone; /* nothing can be written any more */
	struct job **jobs; /* n of them run, max at the most */
	size_t n, max;
	struct pollfd *fds;
	int signals;
};

static void
out_failed(struct loop *l, const char *why)
{
	struct err e = ERR_INIT;

	if (l->is_out_gone)
		return;
	l->is_out_gone = true;
	buf_reset(&l->out);
	l->written = 0;
	err_set(&e, ERR_TEMP, "stdout: %s", why);
	tool_failed(&e);
}

/*
 * Write what can be written without waiting.  A pipe that poll(2) calls
 * writable takes PIPE_BUF bytes at once; O_NONBLOCK would be set for everyone
 * who has this pipe or terminal open.
 */
static void
flush(struct loop *l)
{
	struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
	size_t n;
	ssize_t r;

	while (l->written < l->out.len && poll(&p, 1, 0) == 1) {
		n = l->out.len - l->written;
		r = write(STDOUT_FILENO, l->out.data + l->written,
		    n < PIPE_BUF ? n : PIPE_BUF);
		if (r == -1 && errno != EINTR && errno != EAGAIN)
			out_failed(l, strerror(errno));
		if (r == -1)
			return;
		l->written += (size_t)r;
	}
	if (l->written == l->out.len) {
		buf_reset(&l->out);
		l->written = 0;
	}
}

static size_t
unwritten(const struct loop *l)
{
	return l->out.len - l->written;
}

static void
end_line(struct loop *l)
{
	buf_addch(&l->out, '\n');
	if (l->is_out_gone)
		buf_reset(&l->out);
}

static void
emit_line(struct loop *l, const char *line, size_t len)
{
	buf_add(&l->out, line, len);
	end_line(l);
}

/* A job that does not run any more: its record goes on, or is withheld. */
static void
end_job(struct loop *l, struct job *job)
{
	if (job->fate == JOB_WITHHELD) {
		tool_failed(&job->err);
	} else if (job->fate == JOB_DONE) {
		tool_verbose("%s: %s", record_id(job->rec),
		    json_str(job->result, "status"));
		job_write(job, &l->out);
		end_line(l);
	}
	job_free(job);
}

/* Keep those that run. */
static void
sort_out(struct loop *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (l->jobs[i]->fate == JOB_RUNNING)
			l->jobs[n++] = l->jobs[i];
		else
			end_job(l, l->jobs[i]);
	}
	l->n = n;
}

/* Is there nothing that keeps another record from being started? */
static bool
has_room(const struct loop *l)
{
	return l->n < l->max && unwritten(l) < OUT_MAX && !l->is_out_gone;
}

static void
take_line(struct loop *l, const char *line, size_t len)
{
	struct err e = ERR_INIT;
	struct job *job;
	json rec;

	if (len == 0)
		return;
	if (batch_parse(line, len, l->in.line_no, &rec, &e) == -1) {
		tool_failed(&e);
		return;
	}
	if (record_has_result(rec) || l->is_stopping) {
		emit_line(l, line, len);
		json_free(rec);
		return;
	}
	job = job_new(l->plan, rec);
	if (job->fate == JOB_READY) {
		l->jobs[l->n++] = job;
		return;
	}
	if (job->fate == JOB_WITHHELD && job->err.class == ERR_DATA)
		err_prefix(&job->err, "line %zu", l->in.line_no);
	end_job(l, job);
}

/* Take lines from the buffer.  After a signal they go through as they are. */
static void
take_lines(struct loop *l)
{
	const char *line;
	size_t len;

	while (l->is_reading && (l->is_stopping || has_room(l))) {
		enum jsonl_got got = jsonl_next(&l->in, &line, &len);

		if (got == JSONL_MORE)
			return;
		if (got == JSONL_LINE) {
			take_line(l, line, len);
			continue;
		}
		if (got == JSONL_END || got == JSONL_CUT)
			l->is_reading = false;
		if (got != JSONL_END)
			batch_bad_line(got, l->in.line_no);
	}
}

/* What can be started now shares one write for its leases. */
static void
start_jobs(struct loop *l)
{
	size_t running = l->n;

	take_lines(l);
	if (l->n == running)
		return;
	job_start(l->plan, l->jobs + running, l->n - running);
	for (size_t i = running; i < l->n; i++)
		if (l->jobs[i]->fate == JOB_RUNNING)
			tool_verbose("%s: process %ld",
			    record_id(l->jobs[i]->rec),
			    (long)l->jobs[i]->handler.pid);
	sort_out(l);
}

static bool
wants_input(const struct loop *l)
{
	return l->is_reading && !l->is_stopping && has_room(l);
}

/* Nothing runs, nothing will, and nothing is left to be written. */
static bool
is_over(const struct loop *l)
{
	return l->n == 0 && unwritten(l) == 0 &&
	       (!l->is_reading || l->is_stopping || l->is_out_gone);
}

/* Milliseconds until the next time limit, -1 for none. */
static int
time_left(const struct loop *l)
{
	int64_t due = INT64_MAX, left;

	for (size_t i = 0; i < l->n; i++)
		if (l->jobs[i]->handler.due_at < due)
			due = l->jobs[i]->handler.due_at;
	if (due == INT64_MAX)
		return -1;
	left = due - clock_mono_ms();
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static int
wait_for_events(struct loop *l, struct err *e)
{
	l->fds[FD_SIGNAL] = (struct pollfd){.fd = l->signals, .events = POLLIN};
	l->fds[FD_IN] = (struct pollfd){
	    .fd = wants_input(l) ? l->in.fd : -1, .events = POLLIN};
	/* Without events it still tells that the reader has gone. */
	l->fds[FD_OUT] =
	    (struct pollfd){.fd = l->is_out_gone ? -1 : STDOUT_FILENO,
		.events = unwritten(l) > 0 ? POLLOUT : 0};
	for (size_t i = 0; i < l->n; i++)
		handler_watch(&l->jobs[i]->handler,
		    l->fds + FD_HANDLERS + i * HANDLER_FDS);
	if (poll(l->fds, FD_HANDLERS + l->n * HANDLER_FDS, time_left(l)) == -1)
		return errno == EINTR ? 0 : err_errno(e, "poll");
	return 1;
}

static void
step_handlers(struct loop *l)
{
	int64_t now = clock_mono_ms();

	for (size_t i = 0; i < l->n; i++)
		if (handler_step(&l->jobs[i]->handler,
			l->fds + FD_HANDLERS + i * HANDLER_FDS, now))
			job_finish(l->plan, l->jobs[i]);
	sort_out(l);
}

/* The first one: finish what runs.  The second one: end at once. */
static int
handle_signals(struct loop *l, struct err *e)
{
	int sig;

	while ((sig = spawn_next_signal(l->signals)) != 0) {
		if (l->is_stopping) {
			for (size_t i = 0; i < l->n; i++)
				handler_kill(&l->jobs[i]->handler);
			return err_set(e, ERR_TEMP,
			    "signal %d again: %zu handlers killed", sig, l->n);
		}
		tool_verbose("signal %d: waiting for %zu handlers", sig, l->n);
		l->is_stopping = true;
	}
	return 0;
}

static void
read_input(struct loop *l)
{
	struct err e = ERR_INIT;

	if (l->fds[FD_IN].revents == 0 || l->is_stopping ||
	    jsonl_fill(&l->in, 0, &e) != -1)
		return;
	l->is_reading = false;
	tool_failed(&e);
}

static int
run_loop(struct loop *l, struct err *e)
{
	int r;

	for (;;) {
		flush(l);
		start_jobs(l);
		flush(l);
		if (is_over(l))
			return 0;
		r = wait_for_events(l, e);
		if (r == -1)
			return -1;
		if (r == 0)
			continue;
		step_handlers(l);
		if (handle_signals(l, e) == -1) {
			flush(l);
			return -1;
		}
		if (l->fds[FD_OUT].revents & (POLLERR | POLLHUP | POLLNVAL))
			out_failed(l, "nobody reads it any more");
		read_input(l);
	}
}

int
handler_loop(const struct job_plan *plan, size_t parallel, struct err *e)
{
	struct loop l = {.plan = plan, .is_reading = true, .max = parallel};
	int r;

	l.signals = spawn_signal_fd(e);
	if (l.signals == -1)
		return -1;
	jsonl_init(&l.in, STDIN_FILENO);
	l.jobs = xcalloc(l.max, sizeof(struct job *));
	l.fds = xcalloc(FD_HANDLERS + l.max * HANDLER_FDS, sizeof *l.fds);
	r = run_loop(&l, e);
	for (size_t i = 0; i < l.n; i++)
		job_free(l.jobs[i]);
	free(l.jobs);
	free(l.fds);
	buf_release(&l.out);
	jsonl_release(&l.in);
	close(l.signals);
	return r;
}
