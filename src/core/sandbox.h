/*
 * Locking a process up before it touches hostile bytes: it can compute, use the
 * memory that it may have and the descriptors that are open, and nothing else.
 *
 *   rlimits    memory, processor time; no new processes, files or core dumps
 *   Landlock   where the kernel has it: no file, no network, no signals out
 *   seccomp    the system calls of src/gen/sandbox.c; opening and asking for
 *              files fails with EACCES, since libraries try that and go on;
 *              anything else kills the process
 */
#ifndef CORE_SANDBOX_H
#define CORE_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

struct sandbox {
	int64_t memory_bytes;
	int64_t cpu_s;
};

/* What of it the kernel has. */
struct sandbox_features {
	int landlock_abi; /* 0: none */
	bool has_seccomp;
};

/*
 * There is no way back.  A kernel that lacks a part of it gets the rest: no
 * mail is refused for that, `mail-store doctor` tells.  false: nothing locks.
 */
bool sandbox_enter(const struct sandbox *how);

struct sandbox_features sandbox_probe(void);

#endif
