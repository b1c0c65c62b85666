/*
 * A cell: a child process in a sandbox (core/sandbox.h) that works on hostile
 * bytes.  Its parent streams inputs to it, one after the other, and gets
 * answers back; it never looks into the bytes itself.  A child that dies takes
 * nothing with it: the parent is told, and may try again with a new one.
 *
 * The child is a fork of the parent and sees its memory as it was then.
 */
#ifndef CORE_CELL_H
#define CORE_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* What the child does. */
struct cell_job {
	/* Before it is locked up: open what is needed.  May be NULL. */
	void (*enter)(void *ctx);
	/* One input. */
	void (*begin)(void *ctx);
	void (*add)(void *ctx, const char *data, size_t n);
	void (*end)(void *ctx);
	void *ctx;
};

enum {
	CELL_ANSWER_MAX = 16 * 1024 * 1024, /* of one answer */
};

/* In the child: an answer, or a piece of one, as both sides have agreed. */
void cell_answer(uint8_t type, uint32_t index, const void *data, size_t n);

/*
 * In the parent: an answer has come.  data is borrowed and not to be trusted.
 * false: it makes no sense, and the child is killed.
 */
typedef bool cell_answered(
    void *ctx, uint8_t type, uint32_t index, const char *data, size_t n);

struct cell;

/* Start the child.  NULL: ERR_TEMP.  job lives as long as the cell. */
struct cell *cell_new(const struct cell_job *job, cell_answered *answered,
    void *ctx, struct err *e);

enum cell_state {
	CELL_DIED = 0, /* this input is lost in it: cell_restart */
	CELL_ALIVE = 1,
	CELL_ERROR = -1, /* *e is set, ERR_TEMP */
};

/* More of the input. */
enum cell_state cell_add(
    struct cell *c, const char *data, size_t n, struct err *e);
/* The input is over; all its answers have come when this returns. */
enum cell_state cell_end(struct cell *c, struct err *e);
/*
 * The answers so far are void: begin again with the first byte.  When no child
 * can be started, the next input tries it again.
 */
enum cell_state cell_restart(struct cell *c, struct err *e);
/* How the last child died, for a diagnostic. */
const char *cell_death(const struct cell *c);

/* End the child. */
void cell_free(struct cell *c);

#endif
