/*
 * A record on its way through a handler:
 *
 *   waiting    checked, its route known; its handler may have no room yet
 *   ready      its message is open; nothing was started
 *   running    its lease is started, its handler runs
 *   answered   the handler exited well; its answer is to be looked at
 *   done       it has a result
 *   withheld   err says why
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
#include "handler/route.h"
#include "queue/queue.h"

enum {
	/* A lease outlives the limit by this: kill, settle, a slow disk. */
	JOB_MARGIN_MS = 30 * 1000,
};

/* What all jobs of a run have in common. */
struct job_plan {
	struct queue *queue;
	struct routes *routes;
};

enum job_fate {
	JOB_WAITING,
	JOB_READY,
	JOB_RUNNING,
	JOB_ANSWERED,
	JOB_DONE,
	JOB_WITHHELD, /* its record must not be passed on */
};

struct job {
	enum job_fate fate;
	json rec;
	size_t line_len; /* of the line that it came as */
	struct route *route;
	json answer; /* of the handler, when it is looked at */
	json result; /* when it is done */
	bool is_leased;
	struct mail_lease lease;
	int64_t attempt; /* 0 without a lease */
	int message; /* -1: closed, or the handler's */
	struct handler handler;
	struct err err;
};

/*
 * Find out what is to be done with a record, without touching anything.
 * Consumes rec.  Waiting, or withheld: it is no record for us (ERR_DATA), or
 * there is no handler for it (ERR_TEMP).
 */
struct job *job_new(const struct job_plan *plan, json rec);

/*
 * Get all that can be had before anything is started: ready.  What can never
 * work is done, with a result "fail"; what cannot be read now is withheld.
 */
void job_prepare(const struct job_plan *plan, struct job *job);

/*
 * Start n ready jobs: one write for all their leases, then the handlers.  A
 * lost lease, or one that could not be started, withholds its job.  A handler
 * that could not be started is a result "retry".
 */
void job_start(const struct job_plan *plan, struct job **jobs, size_t n);

/* Its handler is over: done, or answered. */
void job_finish(struct job *job);

/* Have its answer looked at, unless the program is busy with another's. */
void job_ask(struct job *job);
/* The program has come to a conclusion: done. */
void job_conclude(struct job *job);

/* Append the line of a record: with its result, or as it came. */
void job_write(const struct job *job, struct buf *out);
void job_write_back(const struct job *job, struct buf *out);

void job_free(struct job *job);

#endif
