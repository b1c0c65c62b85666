/*
 * The loop of a program that has many records at work at once: its stdin, its
 * stdout, signals and children, which it waits for together with descriptors
 * of the caller's.
 *
 *     loop_open
 *     until loop_is_over: start what can be started, write what is done;
 *         loop_watch, fill loop_fds, loop_wait, look at loop_fds, loop_step
 *     loop_close
 */
#ifndef CORE_LOOP_H
#define CORE_LOOP_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/inlet.h"
#include "core/outlet.h"

struct loop {
	struct inlet in;
	struct outlet out;
	bool is_stopping; /* a signal came: start nothing more */
	struct pollfd *fds; /* the loop's, then those of loop_fds */
	size_t n_fds, fds_max;
	int signals, children;
};

/*
 * From now on nothing that spawn_start starts ends unseen, and the orphans
 * among our descendants are ours.  -1: ERR_TEMP.
 */
int loop_open(struct loop *l, struct err *e);
void loop_close(struct loop *l);

/*
 * Does somebody read what is written?  While much of it waits for a slow
 * reader nothing more is to be started.
 */
bool loop_has_room(const struct loop *l);

/*
 * Nothing runs, nothing that waits will be started, and nothing is left to be
 * written.
 */
bool loop_is_over(const struct loop *l, size_t running, size_t waiting);

/* Before a wait: for stdin too, if wants_input, and n more descriptors. */
void loop_watch(struct loop *l, bool wants_input, size_t n);

/* Those n. */
struct pollfd *loop_fds(const struct loop *l);

/* Wait, until due (of clock_mono_ms, INT64_MAX for never).  -1: ERR_TEMP. */
int loop_wait(struct loop *l, int64_t due, struct err *e);

/*
 * After a wait: reap, read, and note a signal; what names those that still run,
 * for -v.  The number of the second signal, which asks to end at once, or 0.
 */
int loop_step(struct loop *l, size_t running, const char *what);

#endif
