/*
 * A user's jq program.  It runs in a process of its own (mailpipe-jq, which is
 * the only one that links libjq), with limits on memory and time, in a sandbox;
 * a program that runs away costs the answer to one question and no more.
 *
 *   idle    ask ----> asked    its question is being sent or worked on
 *   asked   step ---> answered take gives the answer: idle again
 *
 * A process that dies, or takes longer than JQ_TEXT_MS, is replaced when it is
 * next asked.  One that had answered others before may have died of them: it is
 * asked once more in a new process.
 *
 * The order of members is jq's, and numbers beyond 2^53 lose digits.
 */
#ifndef CORE_JQ_H
#define CORE_JQ_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "core/json.h"

enum {
	JQ_START_MS = 20 * 1000, /* to be started, and compile */
	JQ_TEXT_MS = 5 * 1000, /* for one question */
};

struct jq_program;

/*
 * Start it and have it compiled.  NULL: ERR_USAGE, it is no jq program, with
 * what jq says; ERR_TEMP, it could not be started.
 */
struct jq_program *jq_program_open(const char *text, struct err *e);
void jq_program_free(struct jq_program *p);

/* Ask an idle one; the answer is what it makes of v.  Consumes v. */
void jq_program_ask(struct jq_program *p, json v);
/* What to poll, until jq_program_due at the latest (INT64_MAX: never). */
void jq_program_watch(const struct jq_program *p, struct pollfd *fd);
int64_t jq_program_due(const struct jq_program *p);
/* After the poll.  true: the answer is there. */
bool jq_program_step(struct jq_program *p, short revents, int64_t now);
/*
 * The array of its outputs.  JSON_NONE: ERR_DATA, the program failed on this
 * value or took too long; ERR_TEMP, its process cannot be started any more.
 */
json jq_program_take(struct jq_program *p, struct err *e);

/* All of it at once, waiting for the answer: the map.  Consumes v. */
json jq_program_run(struct jq_program *p, json v, struct err *e);

/*
 * The filter: there are outputs, and none of them is false or null.  jq -e
 * looks at the last one only, which makes ".items[] | .ok" a trap.
 */
bool jq_is_truthy(json outputs);

#endif
