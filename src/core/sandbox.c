#include "core/sandbox.h"

#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gen/sandbox_filter.h" /* made by src/gen/sandbox.c */

/* What is newer than Debian 12's <linux/landlock.h>. */
struct landlock_all {
	uint64_t files;
	uint64_t network; /* since ABI 4 */
	uint64_t scoped; /* since ABI 6 */
};

static int
landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

/* All that an ABI knows is handled, and nothing of it allowed. */
static bool
enter_landlock(int abi)
{
	static const unsigned n_file_rights[] = {0, 13, 14, 15, 15, 16};
	struct landlock_all all = {0};
	size_t size = sizeof all;
	int fd;
	bool ok;

	if (abi == 0)
		return false;
	all.files = (UINT64_C(1) << n_file_rights[abi < 5 ? abi : 5]) - 1;
	if (abi >= 4)
		all.network = 3;
	else
		size = sizeof all.files;
	if (abi >= 6)
		all.scoped = 3;
	else if (abi >= 4)
		size = sizeof all.files + sizeof all.network;
	fd = (int)syscall(SYS_landlock_create_ruleset, &all, size, 0);
	if (fd == -1)
		return false;
	ok = syscall(SYS_landlock_restrict_self, fd, 0) == 0;
	close(fd);
	return ok;
}

static bool
enter_seccomp(void)
{
	struct sock_fprog program = {
	    .len = sizeof sandbox_filter / sizeof *sandbox_filter,
	    /* The kernel only reads it. */
	    .filter = (struct sock_filter *)(uintptr_t)sandbox_filter,
	};

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

static void
limit(int resource, int64_t n)
{
	struct rlimit l = {(rlim_t)n, (rlim_t)n};

	setrlimit((__rlimit_resource_t)resource, &l);
}

static void
enter_limits(const struct sandbox *how)
{
#ifndef __SANITIZE_ADDRESS__ /* it maps terabytes */
	limit(RLIMIT_AS, how->memory_bytes);
#endif
	limit(RLIMIT_CPU, how->cpu_s);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NPROC, 0);
	limit(RLIMIT_FSIZE, 0);
}

bool
sandbox_enter(const struct sandbox *how)
{
	bool is_locked;

	enter_limits(how);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return false;
	is_locked = enter_landlock(landlock_abi());
	return enter_seccomp() || is_locked;
}

struct sandbox_features
sandbox_probe(void)
{
	return (struct sandbox_features){
	    .landlock_abi = landlock_abi(),
	    .has_seccomp = prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != -1,
	};
}
