#include "handler/loop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/family.h"
#include "core/inlet.h"
#include "core/json.h"
#include "core/outlet.h"
#include "core/spawn.h"
#include "core/tool.h"
#include "mail/record.h"

enum {
	/* Start nothing more while so much waits for a slow reader. */
	OUT_MAX = 64 * 1024,
};

/*
 * The loop's own descriptors; those of the handlers come next, then those of
 * the jq programs.
 */
enum {
	FD_SIGNAL,
	FD_CHILD,
	FD_IN,
	FD_OUT,
	FD_HANDLERS,
};

struct loop {
	const struct job_plan *plan;
	struct inlet in;
	bool is_stopping; /* a signal came: start nothing more */
	struct outlet out;
	struct job **jobs; /* n of them run, max at the most */
	size_t n, max;
	struct job *waiting[LOOP_WAITING_MAX]; /* for room on their route */
	size_t n_waiting, waiting_bytes;
	struct pollfd *fds;
	size_t n_fds; /* there is room for */
	int signals, children;
};

/* A job that does not run any more: its record goes on, or is withheld. */
static void
end_job(struct loop *l, struct job *job)
{
	if (job->fate == JOB_WITHHELD) {
		tool_failed(&job->err);
	} else if (job->fate == JOB_DONE) {
		tool_verbose("%s: %s", record_id(job->rec),
		    json_str(job->result, "status"));
		job_write(job, &l->out.out);
		outlet_end_line(&l->out);
	}
	job_free(job);
}

/* Keep those that are still at work. */
static void
sort_out(struct loop *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct job *job = l->jobs[i];

		if (job->fate == JOB_RUNNING || job->fate == JOB_ANSWERED) {
			l->jobs[n++] = job;
			continue;
		}
		job->route->running--;
		end_job(l, job);
	}
	l->n = n;
}

/* Is there nothing that keeps another record from being started? */
static bool
has_room(const struct loop *l)
{
	return l->n < l->max && outlet_unwritten(&l->out) < OUT_MAX &&
	       !l->out.is_gone;
}

/* May another wait, should its own handler have none? */
static bool
has_waiting_room(const struct loop *l)
{
	return l->n_waiting < LOOP_WAITING_MAX &&
	       l->waiting_bytes < LOOP_WAITING_BYTES;
}

static bool
route_has_room(const struct route *r)
{
	return r->parallel == 0 || r->running < r->parallel;
}

/* It is its turn: among those to be started, if it can be. */
static void
queue_job(struct loop *l, struct job *job)
{
	job_prepare(l->plan, job);
	if (job->fate != JOB_READY) {
		end_job(l, job);
		return;
	}
	job->route->running++;
	l->jobs[l->n++] = job;
}

static void
take_record(struct loop *l, const struct inlet_line *line)
{
	struct job *job;

	if (record_has_result(line->rec) || l->is_stopping) {
		outlet_line(&l->out, line->text, line->len);
		json_free(line->rec);
		return;
	}
	job = job_new(l->plan, line->rec);
	job->line_len = line->len;
	if (job->fate == JOB_WITHHELD) {
		if (job->err.class == ERR_DATA)
			err_prefix(&job->err, "line %zu", line->no);
		end_job(l, job);
	} else if (route_has_room(job->route)) {
		queue_job(l, job);
	} else {
		l->waiting[l->n_waiting++] = job;
		l->waiting_bytes += line->len;
	}
}

/* From the buffer.  After a signal they go through as they are. */
static void
take_records(struct loop *l)
{
	struct inlet_line line;

	while ((l->is_stopping || (has_room(l) && has_waiting_room(l))) &&
	       inlet_next(&l->in, &line))
		take_record(l, &line);
}

/* Those whose handler has room now; after a signal all go back. */
static void
take_waiting(struct loop *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n_waiting; i++) {
		struct job *job = l->waiting[i];
		size_t len = job->line_len;

		if (l->is_stopping) {
			job_write_back(job, &l->out.out);
			outlet_end_line(&l->out);
			job_free(job);
		} else if (has_room(l) && route_has_room(job->route)) {
			queue_job(l, job);
		} else {
			l->waiting[n++] = job;
			continue;
		}
		l->waiting_bytes -= len;
	}
	l->n_waiting = n;
}

/*
 * What can be started now shares one write for its leases.  What is over at
 * once, since it could not be started, makes room for others: nothing else
 * would wake us for them.
 */
static void
start_jobs(struct loop *l)
{
	size_t running, started;

	do {
		running = l->n;
		take_waiting(l);
		take_records(l);
		started = l->n;
		if (started == running)
			return;
		job_start(l->plan, l->jobs + running, started - running);
		for (size_t i = running; i < started; i++)
			if (l->jobs[i]->fate == JOB_RUNNING)
				tool_verbose("%s: process %ld",
				    record_id(l->jobs[i]->rec),
				    (long)l->jobs[i]->handler.pid);
		sort_out(l);
	} while (l->n < started);
}

/*
 * Start and write all that can be; true while the one has made room for the
 * other.
 */
static bool
make_progress(struct loop *l)
{
	bool was_full;

	outlet_flush(&l->out);
	start_jobs(l);
	was_full = outlet_unwritten(&l->out) >= OUT_MAX;
	outlet_flush(&l->out);
	return was_full && outlet_unwritten(&l->out) < OUT_MAX;
}

static bool
wants_input(const struct loop *l)
{
	return l->in.is_open && !l->is_stopping && has_room(l) &&
	       has_waiting_room(l);
}

/* Nothing runs, nothing will, and nothing is left to be written. */
static bool
is_over(const struct loop *l)
{
	return l->n == 0 && outlet_unwritten(&l->out) == 0 &&
	       (l->is_stopping || l->out.is_gone ||
		   (!l->in.is_open && l->n_waiting == 0));
}

static const struct expects *
expects(const struct loop *l)
{
	return &l->plan->routes->expects;
}

static struct pollfd *
handler_fds(const struct loop *l, size_t i)
{
	return l->fds + FD_HANDLERS + i * HANDLER_FDS;
}

/* Behind those of the handlers; which are as many as when we waited. */
static struct pollfd *
expect_fd(const struct loop *l, size_t n_jobs, size_t i)
{
	return l->fds + FD_HANDLERS + n_jobs * HANDLER_FDS + i;
}

/* Milliseconds until the next time limit, -1 for none. */
static int
time_left(const struct loop *l)
{
	int64_t due = INT64_MAX, left;

	for (size_t i = 0; i < l->n; i++)
		if (l->jobs[i]->fate == JOB_RUNNING &&
		    l->jobs[i]->handler.due_at < due)
			due = l->jobs[i]->handler.due_at;
	for (size_t i = 0; i < expects(l)->n; i++) {
		left = jq_program_due(expects(l)->items[i]->program);
		due = left < due ? left : due;
	}
	if (due == INT64_MAX)
		return -1;
	left = due - clock_mono_ms();
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static void
make_fds(struct loop *l, size_t n)
{
	if (n <= l->n_fds)
		return;
	l->fds = xrealloc(l->fds, n, sizeof *l->fds);
	l->n_fds = n;
}

static int
wait_for_events(struct loop *l, struct err *e)
{
	size_t n = FD_HANDLERS + l->n * HANDLER_FDS + expects(l)->n;

	make_fds(l, n);
	l->fds[FD_SIGNAL] = (struct pollfd){.fd = l->signals, .events = POLLIN};
	l->fds[FD_CHILD] = (struct pollfd){.fd = l->children, .events = POLLIN};
	l->fds[FD_IN] = (struct pollfd){
	    .fd = wants_input(l) ? l->in.in.fd : -1, .events = POLLIN};
	/* Without events it still tells that the reader has gone. */
	l->fds[FD_OUT] =
	    (struct pollfd){.fd = l->out.is_gone ? -1 : STDOUT_FILENO,
		.events = outlet_unwritten(&l->out) > 0 ? POLLOUT : 0};
	for (size_t i = 0; i < l->n; i++)
		handler_watch(&l->jobs[i]->handler, handler_fds(l, i));
	for (size_t i = 0; i < expects(l)->n; i++)
		jq_program_watch(
		    expects(l)->items[i]->program, expect_fd(l, l->n, i));
	if (poll(l->fds, n, time_left(l)) == -1)
		return errno == EINTR ? 0 : err_errno(e, "poll");
	return 1;
}

/* The answers that are judged, and the next questions. */
static void
step_answers(struct loop *l, int64_t now)
{
	for (size_t i = 0; i < expects(l)->n; i++) {
		struct expect *x = expects(l)->items[i];

		if (jq_program_step(
			x->program, expect_fd(l, l->n, i)->revents, now))
			job_conclude(x->asker);
	}
	for (size_t i = 0; i < l->n; i++)
		if (l->jobs[i]->fate == JOB_ANSWERED)
			job_ask(l->jobs[i]);
}

static void
step_handlers(struct loop *l)
{
	int64_t now = clock_mono_ms();

	for (size_t i = 0; i < l->n; i++)
		if (l->jobs[i]->fate == JOB_RUNNING &&
		    handler_step(&l->jobs[i]->handler, handler_fds(l, i), now))
			job_finish(l->jobs[i]);
	step_answers(l, now);
	sort_out(l);
	if (l->fds[FD_CHILD].revents != 0)
		spawn_child_ended(l->children);
	family_reap();
}

/* All that runs, and what it has started. */
static size_t
kill_all(struct loop *l)
{
	struct family *families = xcalloc(l->n + 1, sizeof *families);
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->jobs[i]->fate == JOB_RUNNING)
			families[n++] = (struct family){
			    l->jobs[i]->handler.pid, l->jobs[i]->handler.mark};
	family_signal(families, n, SIGKILL);
	free(families);
	return n;
}

/* The first one: finish what runs.  The second one: end at once. */
static int
handle_signals(struct loop *l, struct err *e)
{
	int sig;

	while ((sig = spawn_next_signal(l->signals)) != 0) {
		if (l->is_stopping)
			return err_set(e, ERR_TEMP,
			    "signal %d again: %zu handlers killed", sig,
			    kill_all(l));
		tool_verbose("signal %d: waiting for %zu handlers", sig, l->n);
		l->is_stopping = true;
	}
	return 0;
}

static int
run_loop(struct loop *l, struct err *e)
{
	int r;

	for (;;) {
		while (make_progress(l))
			continue;
		if (is_over(l))
			return 0;
		r = wait_for_events(l, e);
		if (r == -1)
			return -1;
		if (r == 0)
			continue;
		step_handlers(l);
		if (handle_signals(l, e) == -1) {
			outlet_flush(&l->out);
			return -1;
		}
		if (l->fds[FD_OUT].revents & (POLLERR | POLLHUP | POLLNVAL))
			outlet_failed(&l->out, "nobody reads it any more");
		if (l->fds[FD_IN].revents != 0 && !l->is_stopping)
			inlet_read(&l->in);
	}
}

/* Signals first: from then on nothing of ours ends unseen. */
static int
open_descriptors(struct loop *l, struct err *e)
{
	l->signals = spawn_signal_fd(e);
	if (l->signals == -1)
		return -1;
	l->children = spawn_child_fd(e);
	if (l->children != -1)
		return 0;
	close(l->signals);
	return -1;
}

static void
release(struct loop *l)
{
	for (size_t i = 0; i < l->n; i++)
		job_free(l->jobs[i]);
	for (size_t i = 0; i < l->n_waiting; i++)
		job_free(l->waiting[i]);
	free(l->jobs);
	free(l->fds);
	buf_release(&l->out.out);
	inlet_release(&l->in);
	close(l->children);
	close(l->signals);
}

int
handler_loop(const struct job_plan *plan, size_t parallel, struct err *e)
{
	struct loop l = {.plan = plan, .max = parallel};
	int r;

	if (open_descriptors(&l, e) == -1)
		return -1;
	family_adopt();
	inlet_init(&l.in);
	l.jobs = xcalloc(l.max, sizeof(struct job *));
	r = run_loop(&l, e);
	release(&l);
	return r;
}
