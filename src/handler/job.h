/*
 * A record on its way through a handler: message opened, lease started, handler
 * run, result written into the record.
 */
#ifndef HANDLER_JOB_H
#define HANDLER_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"
#include "handler/handler.h"
#include "queue/queue.h"

enum {
	/* A lease outlives the limit by this: kill, settle, a slow disk. */
	JOB_MARGIN_MS = 30 * 1000,
};

/* What all jobs of a run have in common. */
struct job_plan {
	struct queue *queue;
	char *const *words; /* COMMAND ARG..., with placeholders */
	const char *cwd; /* or NULL */
	enum mail_form form;
	const struct handler_profile *profile;
	int64_t limit_ms;
};

enum job_fate {
	JOB_READY, /* to be started */
	JOB_RUNNING, /* its handler is to be watched */
	JOB_DONE, /* its record has a result */
	JOB_WITHHELD, /* err says why; its record must not be passed on */
};

struct job {
	enum job_fate fate;
	json rec;
	json result; /* when it is done */
	bool is_leased;
	struct mail_lease lease;
	int64_t attempt; /* 0 without a lease */
	int message; /* -1: closed */
	struct handler handler;
	struct err err;
};

/*
 * Get all that can be had before anything is started.  Consumes rec.  What can
 * never work is done, with a result "fail"; what is no record for us (ERR_DATA)
 * or cannot be read now (ERR_TEMP) is withheld.
 */
struct job *job_new(const struct job_plan *plan, json rec);

/*
 * Start n ready jobs: one write for all their leases, then the handlers.  A
 * lost lease, or one that could not be started, withholds its job.  A handler
 * that could not be started is a result "retry".
 */
void job_start(const struct job_plan *plan, struct job **jobs, size_t n);

/* Its handler is over: make the result. */
void job_finish(const struct job_plan *plan, struct job *job);

/* Append the line of a record that is done. */
void job_write(const struct job *job, struct buf *out);

void job_free(struct job *job);

#endif
