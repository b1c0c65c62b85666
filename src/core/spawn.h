/* Starting other programs without a shell. */
#ifndef CORE_SPAWN_H
#define CORE_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/err.h"

struct spawn {
	char *const *argv; /* argv[0] is looked up in PATH when it has no '/' */
	char *const *envp;
	const char *cwd;   /* or NULL: ours */
	int in, out, err;  /* descriptors for 0, 1 and 2; none other is passed */
	/*
	 * Its own session and process group, so that kill(-pid) reaches all
	 * that it started; and SIGKILL for it when we die.
	 */
	bool is_own_group;
};

/*
 * Start it; signals are at their defaults in it.  The pid, which the caller
 * reaps; -1 (ERR_TEMP, errno set) also when the program cannot be executed.
 */
pid_t spawn_start(const struct spawn *s, struct err *e);

/* A pidfd for poll(2); close it.  -1: ERR_TEMP. */
int spawn_pidfd(pid_t pid, struct err *e);

#endif
