/* Starting other programs without a shell, and watching over them. */
#ifndef CORE_SPAWN_H
#define CORE_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/err.h"

/* For setrlimit(2); 0: as it is.  No limit can be raised, only lowered. */
struct spawn_limits {
	int64_t memory_bytes; /* of address space */
	int64_t cpu_s; /* SIGXCPU then, SIGKILL a second later */
	int64_t files; /* descriptors */
	int64_t processes; /* of this user, all told */
	int64_t file_bytes; /* of each file written: SIGXFSZ */
	int nice; /* added to ours */
};

struct spawn {
	char *const *argv; /* argv[0] is looked up in PATH when it has no '/' */
	char *const *envp;
	const char *cwd; /* or NULL: ours */
	/* Descriptors for 0, 1 and 2; none other is passed */
	int in, out, err;
	const int *fourth; /* except this one, as 3; or NULL */
	const struct spawn_limits *limits; /* or NULL */
	/*
	 * Its own session and process group: kill(-pid) reaches all that it
	 * starts, a terminal's ^C does not.
	 */
	bool is_own_group;
	bool dies_with_us; /* SIGKILL for it when this process ends */
};

/*
 * Start it; the signals that our programs ignore, catch or block are at their
 * defaults in it.  A file without "#!" is not given to a shell, as execvp(3)
 * would.  The pid, which the caller reaps; -1 (ERR_TEMP) also when the program
 * cannot be executed.
 */
pid_t spawn_start(const struct spawn *s, struct err *e);

/* A pidfd for poll(2); close it.  -1: ERR_TEMP. */
int spawn_pidfd(pid_t pid, struct err *e);

/* Reap a child, waiting for its end.  The status of waitpid(2). */
int spawn_reap(pid_t pid);

enum {
	SPAWN_END_TEXT = 48, /* room for any text of spawn_end_text */
};

/* "exit status 3" or "killed by signal 9 (KILL)".  Returns text. */
char *spawn_end_text(int status, char text[SPAWN_END_TEXT]);

/* Did spawn_start start it, and spawn_reap not reap it yet? */
bool spawn_is_ours(pid_t pid);

/*
 * For a program that watches over children, once and before the first: a
 * descriptor that spawn_next_signal reads, and children that can be reaped
 * although we were started with SIGCHLD ignored.  -1: ERR_TEMP.
 */
int spawn_signal_fd(struct err *e);

/*
 * The next INT, TERM or HUP that was sent to us, 0 when there is none.  What
 * we were started to ignore (nohup) never comes.
 */
int spawn_next_signal(int fd);

/*
 * The same for ends of children, which adopted ones have no pidfd for: a
 * descriptor to poll, and to empty with spawn_child_ended.
 */
int spawn_child_fd(struct err *e);
void spawn_child_ended(int fd);

#endif
