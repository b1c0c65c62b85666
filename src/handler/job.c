#include "handler/job.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/json.h"
#include "mail/localenv.h"
#include "mail/record.h"

static const char stage[] = "mail-dispatch";

static void
close_message(struct job *job)
{
	if (job->message != -1)
		close(job->message);
	job->message = -1;
}

static void
set_result(struct job *job, json result)
{
	close_message(job);
	job->result = result;
	job->fate = JOB_DONE;
}

static void
set_failed(
    struct job *job, const char *status, const char *class, const char *reason)
{
	set_result(job, record_result(status, stage, -1, class, reason));
}

/* job->err says why. */
static void
withhold(struct job *job)
{
	close_message(job);
	job->fate = JOB_WITHHELD;
}

static void
not_started(struct job *job, const struct err *why)
{
	job->err = *why;
	err_prefix(&job->err, "%s: not started", record_id(job->rec));
	withhold(job);
}

/* Would its arguments do?  They are made when the attempt is known. */
static bool
words_fit(const struct job_plan *plan, struct job *job)
{
	struct err e = ERR_INIT;
	char **argv = handler_argv(plan->words, job->rec, 0, &e);

	if (argv == NULL)
		set_failed(job, "fail", "handler", e.text);
	handler_argv_free(argv);
	return argv != NULL;
}

static void
open_message(const struct job_plan *plan, struct job *job)
{
	job->message =
	    handler_message(plan->queue, job->rec, plan->form, &job->err);
	if (job->message != -1)
		return;
	if (job->err.class == ERR_DATA)
		set_failed(job, "fail", "storage", job->err.text);
	else
		withhold(job);
}

struct job *
job_new(const struct job_plan *plan, json rec)
{
	struct job *job = xcalloc(1, sizeof *job);
	int r;

	job->fate = JOB_READY;
	job->rec = rec;
	job->result = json_none();
	job->message = -1;
	r = record_check(rec, &job->err);
	if (r == 0)
		r = queue_lease(rec, &job->lease, &job->err);
	if (r == -1) {
		withhold(job);
		return job;
	}
	job->is_leased = r == 1;
	if (words_fit(plan, job))
		open_message(plan, job);
	return job;
}

static void
note_attempt(struct job *job, int64_t attempt)
{
	json lease = json_member(job->rec, "lease", JSON_OBJECT);

	job->attempt = attempt;
	if (json_int(lease, "attempt", 0) == attempt) {
		json_free(lease);
		return;
	}
	lease = json_set(lease, "attempt", json_number((int64_t)attempt));
	job->rec = json_set(job->rec, "lease", lease);
}

static void
note_start(struct job *job, const struct mail_start *start)
{
	struct err e = ERR_INIT;

	if (!start->is_lost) {
		note_attempt(job, start->attempt);
		return;
	}
	err_set(&e, ERR_TEMP, "its lease is over, another may have it");
	not_started(job, &e);
}

static void
start_leases(const struct job_plan *plan, struct job **jobs, size_t n)
{
	struct mail_start *starts = xcalloc(n, sizeof *starts);
	int64_t until = clock_now_ms() + plan->limit_ms + JOB_MARGIN_MS;
	struct err e = ERR_INIT;
	size_t k = 0;
	int r;

	for (size_t i = 0; i < n; i++)
		if (jobs[i]->is_leased)
			starts[k++] = (struct mail_start){
			    .lease = jobs[i]->lease, .until = until};
	r = k > 0 ? queue_start(plan->queue, stage, starts, k, &e) : 0;
	k = 0;
	for (size_t i = 0; i < n; i++) {
		if (!jobs[i]->is_leased)
			continue;
		if (r == -1)
			not_started(jobs[i], &e);
		else
			note_start(jobs[i], &starts[k++]);
	}
	free(starts);
}

static void
start_handler(const struct job_plan *plan, struct job *job)
{
	struct err e = ERR_INIT;
	struct localenv env;
	char **argv;
	int r = -1;

	localenv_make(&env, job->rec, job->attempt);
	argv = handler_argv(plan->words, job->rec, job->attempt, &e);
	if (argv != NULL)
		r = handler_start(&job->handler, argv, env.vars, plan->cwd,
		    job->message, plan->limit_ms, &e);
	handler_argv_free(argv);
	localenv_release(&env);
	if (r == -1) {
		set_failed(job, "retry", "handler", e.text);
		return;
	}
	close_message(job);
	job->fate = JOB_RUNNING;
}

void
job_start(const struct job_plan *plan, struct job **jobs, size_t n)
{
	start_leases(plan, jobs, n);
	for (size_t i = 0; i < n; i++)
		if (jobs[i]->fate == JOB_READY)
			start_handler(plan, jobs[i]);
}

void
job_finish(const struct job_plan *plan, struct job *job)
{
	set_result(job, handler_result(&job->handler, plan->profile));
}

void
job_write(const struct job *job, struct buf *out)
{
	json_dump(
	    json_set(json_copy(job->rec), "result", json_copy(job->result)),
	    out);
}

void
job_free(struct job *job)
{
	close_message(job);
	json_free(job->result);
	json_free(job->rec);
	free(job);
}
