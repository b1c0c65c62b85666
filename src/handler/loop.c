#include "handler/loop.h"

#include <signal.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/family.h"
#include "core/json.h"
#include "core/loop.h"
#include "core/tool.h"
#include "mail/record.h"

struct dispatch {
	const struct job_plan *plan;
	struct loop loop;
	struct job **jobs; /* n of them run, max at the most */
	size_t n, max;
	struct job *waiting[LOOP_WAITING_MAX]; /* for room on their route */
	size_t n_waiting, waiting_bytes;
};

/* A job that does not run any more: its record goes on, or is withheld. */
static void
end_job(struct dispatch *d, struct job *job)
{
	if (job->fate == JOB_WITHHELD) {
		tool_failed(&job->err);
	} else if (job->fate == JOB_DONE) {
		tool_verbose("%s: %s", record_id(job->rec),
		    json_str(job->result, "status"));
		job_write(job, &d->loop.out.out);
		outlet_end_line(&d->loop.out);
	}
	job_free(job);
}

/* Keep those that are still at work. */
static void
sort_out(struct dispatch *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++) {
		struct job *job = d->jobs[i];

		if (job->fate == JOB_RUNNING || job->fate == JOB_ANSWERED) {
			d->jobs[n++] = job;
			continue;
		}
		job->route->running--;
		end_job(d, job);
	}
	d->n = n;
}

/* Is there nothing that keeps another record from being started? */
static bool
has_room(const struct dispatch *d)
{
	return d->n < d->max && loop_has_room(&d->loop);
}

/* May another wait, should its own handler have none? */
static bool
has_waiting_room(const struct dispatch *d)
{
	return d->n_waiting < LOOP_WAITING_MAX &&
	       d->waiting_bytes < LOOP_WAITING_BYTES;
}

static bool
route_has_room(const struct route *r)
{
	return r->parallel == 0 || r->running < r->parallel;
}

/* It is its turn: among those to be started, if it can be. */
static void
queue_job(struct dispatch *d, struct job *job)
{
	job_prepare(d->plan, job);
	if (job->fate != JOB_READY) {
		end_job(d, job);
		return;
	}
	job->route->running++;
	d->jobs[d->n++] = job;
}

static void
take_record(struct dispatch *d, const struct inlet_line *line)
{
	struct job *job;

	if (record_has_result(line->rec) || d->loop.is_stopping) {
		outlet_line(&d->loop.out, line->text, line->len);
		json_free(line->rec);
		return;
	}
	job = job_new(d->plan, line->rec);
	job->line_len = line->len;
	if (job->fate == JOB_WITHHELD) {
		if (job->err.class == ERR_DATA)
			err_prefix(&job->err, "line %zu", line->no);
		end_job(d, job);
	} else if (route_has_room(job->route)) {
		queue_job(d, job);
	} else {
		d->waiting[d->n_waiting++] = job;
		d->waiting_bytes += line->len;
	}
}

/* From the buffer.  After a signal they go through as they are. */
static void
take_records(struct dispatch *d)
{
	struct inlet_line line;

	while ((d->loop.is_stopping || (has_room(d) && has_waiting_room(d))) &&
	       inlet_next(&d->loop.in, &line))
		take_record(d, &line);
}

/* Those whose handler has room now; after a signal all go back. */
static void
take_waiting(struct dispatch *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n_waiting; i++) {
		struct job *job = d->waiting[i];
		size_t len = job->line_len;

		if (d->loop.is_stopping) {
			job_write_back(job, &d->loop.out.out);
			outlet_end_line(&d->loop.out);
			job_free(job);
		} else if (has_room(d) && route_has_room(job->route)) {
			queue_job(d, job);
		} else {
			d->waiting[n++] = job;
			continue;
		}
		d->waiting_bytes -= len;
	}
	d->n_waiting = n;
}

/*
 * What can be started now shares one write for its leases.  What is over at
 * once, since it could not be started, makes room for others: nothing else
 * would wake us for them.
 */
static void
start_jobs(struct dispatch *d)
{
	size_t running, started;

	do {
		running = d->n;
		take_waiting(d);
		take_records(d);
		started = d->n;
		if (started == running)
			return;
		job_start(d->plan, d->jobs + running, started - running);
		for (size_t i = running; i < started; i++)
			if (d->jobs[i]->fate == JOB_RUNNING)
				tool_verbose("%s: process %ld",
				    record_id(d->jobs[i]->rec),
				    (long)d->jobs[i]->handler.pid);
		sort_out(d);
	} while (d->n < started);
}

/*
 * Start and write all that can be; true while the one has made room for the
 * other.
 */
static bool
make_progress(struct dispatch *d)
{
	bool had_room;

	outlet_flush(&d->loop.out);
	start_jobs(d);
	had_room = loop_has_room(&d->loop);
	outlet_flush(&d->loop.out);
	return !had_room && loop_has_room(&d->loop);
}

static const struct expects *
expects(const struct dispatch *d)
{
	return &d->plan->routes->expects;
}

/* The descriptors of the handlers, then those of the jq programs. */
static struct pollfd *
handler_fds(const struct dispatch *d, size_t i)
{
	return loop_fds(&d->loop) + i * HANDLER_FDS;
}

/* The handlers are as many as when we waited. */
static struct pollfd *
expect_fd(const struct dispatch *d, size_t n_jobs, size_t i)
{
	return loop_fds(&d->loop) + n_jobs * HANDLER_FDS + i;
}

static void
watch(struct dispatch *d)
{
	loop_watch(&d->loop, has_room(d) && has_waiting_room(d),
	    d->n * HANDLER_FDS + expects(d)->n);
	for (size_t i = 0; i < d->n; i++)
		handler_watch(&d->jobs[i]->handler, handler_fds(d, i));
	for (size_t i = 0; i < expects(d)->n; i++)
		jq_program_watch(
		    expects(d)->items[i]->program, expect_fd(d, d->n, i));
}

/* The next time limit, of clock_mono_ms. */
static int64_t
next_due(const struct dispatch *d)
{
	int64_t due = INT64_MAX, limit;

	for (size_t i = 0; i < d->n; i++)
		if (d->jobs[i]->fate == JOB_RUNNING &&
		    d->jobs[i]->handler.due_at < due)
			due = d->jobs[i]->handler.due_at;
	for (size_t i = 0; i < expects(d)->n; i++) {
		limit = jq_program_due(expects(d)->items[i]->program);
		due = limit < due ? limit : due;
	}
	return due;
}

/* The answers that are judged, and the next questions. */
static void
step_answers(struct dispatch *d, int64_t now)
{
	for (size_t i = 0; i < expects(d)->n; i++) {
		struct expect *x = expects(d)->items[i];

		if (jq_program_step(
			x->program, expect_fd(d, d->n, i)->revents, now))
			job_conclude(x->asker);
	}
	for (size_t i = 0; i < d->n; i++)
		if (d->jobs[i]->fate == JOB_ANSWERED)
			job_ask(d->jobs[i]);
}

static void
step_handlers(struct dispatch *d)
{
	int64_t now = clock_mono_ms();

	for (size_t i = 0; i < d->n; i++)
		if (d->jobs[i]->fate == JOB_RUNNING &&
		    handler_step(&d->jobs[i]->handler, handler_fds(d, i), now))
			job_finish(d->jobs[i]);
	step_answers(d, now);
	sort_out(d);
}

/* All that runs, and what it has started. */
static size_t
kill_all(struct dispatch *d)
{
	struct family *families = xcalloc(d->n + 1, sizeof *families);
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		if (d->jobs[i]->fate == JOB_RUNNING)
			families[n++] = (struct family){
			    d->jobs[i]->handler.pid, d->jobs[i]->handler.mark};
	family_signal(families, n, SIGKILL);
	free(families);
	return n;
}

static bool
is_over(const struct dispatch *d)
{
	return loop_is_over(&d->loop, d->n, d->n_waiting);
}

static int
run(struct dispatch *d, struct err *e)
{
	int sig;

	for (;;) {
		while (make_progress(d))
			continue;
		if (is_over(d))
			return 0;
		watch(d);
		if (loop_wait(&d->loop, next_due(d), e) == -1)
			return -1;
		step_handlers(d);
		sig = loop_step(&d->loop, d->n, "handlers");
		if (sig != 0) {
			outlet_flush(&d->loop.out);
			return err_set(e, ERR_TEMP,
			    "signal %d again: %zu handlers killed", sig,
			    kill_all(d));
		}
	}
}

static void
release(struct dispatch *d)
{
	for (size_t i = 0; i < d->n; i++)
		job_free(d->jobs[i]);
	for (size_t i = 0; i < d->n_waiting; i++)
		job_free(d->waiting[i]);
	free(d->jobs);
	loop_close(&d->loop);
}

int
handler_loop(const struct job_plan *plan, size_t parallel, struct err *e)
{
	struct dispatch d = {.plan = plan, .max = parallel};
	int r;

	if (loop_open(&d.loop, e) == -1)
		return -1;
	d.jobs = xcalloc(d.max, sizeof(struct job *));
	r = run(&d, e);
	release(&d);
	return r;
}
