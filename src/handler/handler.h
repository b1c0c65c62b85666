/*
 * Handlers: other people's programs, each run for one record with its message
 * on stdin, and what their end means for the record.
 *
 *   running   until it ends or its time limit is over
 *   ending    SIGTERM was sent to its family; it ends, or 5 s go by
 *   killed    SIGKILL was sent to its family
 *   over      reaped, its output read; what it left running in the background
 *             is left alone, except after a time-out
 *
 * Its family is all that descends from it (core/family.h), wherever it went.  A
 * handler in "ending" whose own process is gone stays there until its family
 * has closed the output as well: what it started gets the same 5 s.
 */
#ifndef HANDLER_HANDLER_H
#define HANDLER_HANDLER_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/err.h"
#include "core/json.h"
#include "core/spawn.h"
#include "handler/profile.h"
#include "mail/form.h"
#include "queue/queue.h"

enum {
	HANDLER_KEPT = 2048, /* bytes of output kept of either end */
	HANDLER_GRACE_MS = 5000, /* from SIGTERM to SIGKILL */
	HANDLER_FDS = 3, /* descriptors to poll for each */
	HANDLER_ANSWER_MAX = 1024 * 1024, /* of an answer that is kept whole */
};

/* The first and the last bytes of what came out of it. */
struct handler_output {
	char head[HANDLER_KEPT];
	char tail[HANDLER_KEPT]; /* a ring, of what came after head */
	uint64_t bytes; /* all that came */
};

void handler_output_add(struct handler_output *o, const char *data, size_t len);

/*
 * Append head and tail, "\n[...]\n" between them where bytes are missing, cut
 * at UTF-8 characters.  true: bytes are missing.
 */
bool handler_output_text(const struct handler_output *o, struct buf *text);

enum handler_phase {
	HANDLER_RUNNING,
	HANDLER_ENDING,
	HANDLER_KILLED,
	HANDLER_OVER,
};

struct handler {
	enum handler_phase phase;
	pid_t pid; /* and its group */
	int pidfd; /* -1: its process has ended */
	int out; /* its stdout, and stderr as well; -1: at their end */
	int err; /* its stderr, when the answer is kept; -1: at its end */
	int message; /* ours, to see how much of it was read */
	char *mark; /* in the environment of its family */
	int64_t limit_ms;
	int64_t started_at, ended_at, due_at; /* monotonic milliseconds */
	bool is_timed_out;
	int status; /* of waitpid(2), when it is over */
	uint64_t unread; /* bytes of the message, when it is over */
	struct handler_output output;
	bool keeps_answer;
	struct buf
	    answer; /* its stdout alone; one byte over the maximum: cut */
};

/* How to start one. */
struct handler_start {
	char *const *argv; /* argv[0] is looked up in PATH */
	char *const *envp;
	const char *mark; /* of envp, as core/family.h wants it */
	const char *cwd; /* or NULL */
	int message; /* its stdin; it belongs to the handler from now on */
	int record; /* its descriptor 3 */
	int64_t limit_ms;
	const struct spawn_limits *limits;
	bool keeps_answer;
};

/*
 * Start it in a session of its own.  ERR_TEMP: it was not started, for example
 * because there is no such program.
 */
int handler_start(
    struct handler *h, const struct handler_start *how, struct err *e);

/* What is left when it is over, and its result made. */
void handler_release(struct handler *h);

/* What to poll; descriptors of -1 are for poll(2) to skip. */
void handler_watch(const struct handler *h, struct pollfd fds[HANDLER_FDS]);

/*
 * After the poll: read its output, look at its end and at its limit.  true: it
 * is over.  Call it again at h->due_at (INT64_MAX: never) at the latest.
 */
bool handler_step(
    struct handler *h, const struct pollfd fds[HANDLER_FDS], int64_t now);

/*
 * The "result" of a handler that is over: status by its profile, class
 * "handler" or "time-out", reason with the first line of its output, and
 * "detail":{"output","output_bytes","output_cut","duration_ms","signal","dsn",
 * "unread_bytes"}.
 */
json handler_result(const struct handler *h, const struct profile *profile);

/* The same when it exited 0, but its answer was not what was expected. */
json handler_result_unexpected(const struct handler *h, const char *reason);

/*
 * Replace {tenant} {id} {sender} {recipient} {attempt} in all words but the
 * first; what is missing in the record is empty.  The new words, ending with
 * NULL, for handler_argv_free.  NULL: ERR_DATA, a value made a word begin with
 * '-', which the handler would read as an option.  Does not consume rec.
 */
char **handler_argv(
    char *const *words, json rec, int64_t attempt, struct err *e);
void handler_argv_free(char **argv);

/*
 * The message of a record in the form asked for: a descriptor on a file, at its
 * start, for the caller to close.  -1 as queue_open_message; ERR_DATA also for
 * an envelope that cannot stand in a header.  Does not consume rec.
 */
int handler_message(
    struct queue *q, json rec, enum mail_form form, struct err *e);

/*
 * The record as a line, in a file without a name that nobody can change any
 * more.  The descriptor, or -1: ERR_TEMP.  Does not consume rec.
 */
int handler_record(json rec, struct err *e);

#endif
