#include "handler/job.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/json.h"
#include "handler/environ.h"
#include "ledger/sealed.h"
#include "mail/record.h"
#include "queue/begin.h"

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

/* The same of one that was, or should have been, run: it tells of the route. */
static void
set_ended(struct job *job, json result)
{
	const char *name = job->route->name;

	set_result(job, json_set_str(result, "route",
			    name != NULL ? name : MAIL_ROUTE_COMMAND));
}

/* job->err says why. */
static void
withhold(struct job *job)
{
	close_message(job);
	job->fate = JOB_WITHHELD;
}

/* Would its arguments do?  They are made when the attempt is known. */
static bool
words_fit(struct job *job)
{
	struct err e = ERR_INIT;
	char **argv = handler_argv(job->route->words, job->rec, 0, &e);

	if (argv == NULL)
		set_failed(job, "fail", "handler", e.text);
	handler_argv_free(argv);
	return argv != NULL;
}

static void
open_message(const struct job_plan *plan, struct job *job)
{
	job->message =
	    handler_message(plan->queue, job->rec, job->route->form, &job->err);
	/* The secret key has opened the message, but not the record. */
	if (job->message != -1 && sealed_is_record(job->rec))
		set_failed(job, "fail", "storage",
		    "its record is damaged: it is still sealed");
	if (job->message != -1 || job->fate == JOB_DONE)
		return;
	if (job->err.class == ERR_DATA)
		set_failed(job, "fail", "storage", job->err.text);
	else
		withhold(job);
}

/* ERR_TEMP: who has no handler is told so by the record's id. */
static int
find_route(const struct job_plan *plan, struct job *job)
{
	const char *tenant = json_str(job->rec, "tenant");

	job->route = routes_find(plan->routes, tenant, &job->err);
	if (job->route != NULL &&
	    route_open(plan->routes, job->route, &job->err) == 0)
		return 0;
	return err_prefix(&job->err, "%s: not started", record_id(job->rec));
}

struct job *
job_new(const struct job_plan *plan, json rec)
{
	struct job *job = xcalloc(1, sizeof *job);
	int r;

	job->fate = JOB_WAITING;
	job->rec = rec;
	job->answer = job->result = json_none();
	job->message = -1;
	job->handler.message = -1;
	r = record_check(rec, &job->err);
	if (r == 0)
		r = queue_lease(rec, &job->lease, &job->err);
	job->is_leased = r == 1;
	if (r == -1 || find_route(plan, job) == -1)
		withhold(job);
	return job;
}

void
job_prepare(const struct job_plan *plan, struct job *job)
{
	job->fate = JOB_READY;
	if (words_fit(job))
		open_message(plan, job);
}

static void
start_leases(const struct job_plan *plan, struct job **jobs, size_t n)
{
	struct begin *all = xcalloc(n, sizeof *all);
	int64_t from = clock_now_ms() + JOB_MARGIN_MS;

	for (size_t i = 0; i < n; i++)
		all[i] = (struct begin){.rec = &jobs[i]->rec,
		    .lease = jobs[i]->is_leased ? &jobs[i]->lease : NULL,
		    .until = from + jobs[i]->route->limit_ms};
	begin_all(plan->queue, stage, all, n);
	for (size_t i = 0; i < n; i++) {
		jobs[i]->attempt = all[i].attempt;
		if (all[i].err.class == ERR_NONE)
			continue;
		jobs[i]->err = all[i].err;
		withhold(jobs[i]);
	}
	free(all);
}

static int
run_handler(struct job *job, char *const *argv, const char *mark,
    struct localenv *env, int record, struct err *e)
{
	const struct route *route = job->route;
	const struct handler_start how = {
	    .argv = argv,
	    .envp = env->vars,
	    .mark = mark,
	    .cwd = route->cwd,
	    .message = job->message,
	    .record = record,
	    .limit_ms = route->limit_ms,
	    .limits = &route->limits,
	    .keeps_answer = route->expect != NULL,
	};

	job->message = -1;
	return handler_start(&job->handler, &how, e);
}

static void
start_handler(struct job *job)
{
	struct err e = ERR_INIT;
	struct localenv env;
	char *mark = environ_mark(job->rec);
	char **argv;
	int record, r = -1;

	environ_make(&env, job->route, job->rec, job->attempt);
	argv = handler_argv(job->route->words, job->rec, job->attempt, &e);
	record = handler_record(job->rec, &e);
	if (argv != NULL && record != -1)
		r = run_handler(job, argv, mark, &env, record, &e);
	if (record != -1)
		close(record);
	handler_argv_free(argv);
	localenv_release(&env);
	free(mark);
	if (r == -1)
		set_ended(job,
		    record_result("retry", stage, -1, "configuration", e.text));
	else
		job->fate = JOB_RUNNING;
}

void
job_start(const struct job_plan *plan, struct job **jobs, size_t n)
{
	start_leases(plan, jobs, n);
	for (size_t i = 0; i < n; i++)
		if (jobs[i]->fate == JOB_READY)
			start_handler(jobs[i]);
}

/* "exit status 0, but for", the program, and what it has against the answer. */
static void
set_unexpected(struct job *job, const char *what)
{
	struct buf reason = BUF_INIT;
	char end[SPAWN_END_TEXT];

	buf_addf(&reason, "%s, but for %.100s %s",
	    spawn_end_text(job->handler.status, end), job->route->expects,
	    what);
	set_ended(job, handler_result_unexpected(&job->handler, reason.data));
	buf_release(&reason);
}

/* What the handler said, or why that is no answer. */
static void
read_answer(struct job *job)
{
	const struct buf *text = &job->handler.answer;
	struct err e = ERR_INIT;
	char *what;

	if (text->len > HANDLER_ANSWER_MAX) {
		what = xasprintf(
		    "its answer is over %d bytes", HANDLER_ANSWER_MAX);
	} else if (text->len == 0) {
		what = xstrdup("there is no answer");
	} else if (json_parse(text->data, text->len, &job->answer, &e) == -1) {
		what = xasprintf("its answer is no JSON: %s", e.text);
	} else {
		job->fate = JOB_ANSWERED;
		return;
	}
	set_unexpected(job, what);
	free(what);
}

void
job_finish(struct job *job)
{
	json result = handler_result(&job->handler, job->route->profile);

	if (job->route->expect != NULL &&
	    strcmp(json_str(result, "status"), "ok") == 0) {
		json_free(result);
		read_answer(job);
		return;
	}
	set_ended(job, result);
}

void
job_ask(struct job *job)
{
	struct expect *x = job->route->expect;

	if (x->asker != NULL)
		return;
	x->asker = job;
	jq_program_ask(x->program, job->answer);
	job->answer = json_none();
}

void
job_conclude(struct job *job)
{
	struct expect *x = job->route->expect;
	struct err e = ERR_INIT;
	json outputs = jq_program_take(x->program, &e);

	x->asker = NULL;
	if (!json_is_valid(outputs))
		set_unexpected(job, e.text);
	else if (jq_is_truthy(outputs))
		set_ended(
		    job, handler_result(&job->handler, job->route->profile));
	else
		set_unexpected(job, "its answer is not true");
	json_free(outputs);
}

void
job_write(const struct job *job, struct buf *out)
{
	json_dump(
	    json_set(json_copy(job->rec), "result", json_copy(job->result)),
	    out);
}

void
job_write_back(const struct job *job, struct buf *out)
{
	json_dump(json_copy(job->rec), out);
}

void
job_free(struct job *job)
{
	close_message(job);
	handler_release(&job->handler);
	json_free(job->answer);
	json_free(job->result);
	json_free(job->rec);
	free(job);
}
