/*
 * What engines round another have in common, which are for tests:
 * "fail:N:SPEC" fails from its Nth call on, "trace:SPEC" says each on stderr.
 */
#ifndef STORE_WRAP_H
#define STORE_WRAP_H

#include <stddef.h>

#include "core/err.h"

struct wrap {
	const char *noun; /* "lock" */
	long calls_left; /* until calls fail; -1: never, but say each */
};

/*
 * Read what follows the scheme; key is the engine's in the configuration,
 * "locks".  The spec of the engine inside, which is "mem:" unless rest says
 * another; NULL: ERR_TEMP, rest is not "N:SPEC".
 */
const char *wrap_fail(
    struct wrap *w, const char *key, const char *rest, struct err *e);
const char *wrap_trace(struct wrap *w, const char *rest);

/* Before a call about n things.  -1: it is to fail, ERR_TEMP and errno EIO. */
int wrap_enter(struct wrap *w, const char *call, size_t n, struct err *e);

#endif
