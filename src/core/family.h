/*
 * What the programs that we start leave running: their own children, which
 * become ours when they end (PR_SET_CHILD_SUBREAPER).
 */
#ifndef CORE_FAMILY_H
#define CORE_FAMILY_H

#include <stddef.h>
#include <sys/types.h>

/* From now on orphans among our descendants are ours. */
void family_adopt(void);

/*
 * Reap the adopted ones that have ended, without waiting; who never does this
 * collects zombies.  What spawn_start started is left for spawn_reap.
 */
void family_reap(void);

/* A program of ours, not reaped yet, and all that descends from it. */
struct family {
	pid_t leader; /* of a session and group of its own */
	const char *mark; /* "NAME=value" in its environment, in no other's */
};

/*
 * Send a signal to everything of n families: session and group of the leader,
 * its descendants, and adopted processes with the mark in their environment.
 * SIGKILL is repeated until nothing of them is found alive.  Only what has left
 * all of these behind, or runs as another user, escapes.
 */
void family_signal(const struct family *families, size_t n, int sig);

#endif
