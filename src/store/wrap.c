#include "store/wrap.h"

#include <errno.h>
#include <stdlib.h>

#include "core/tool.h"

static const char *
spec_of(const char *rest)
{
	return rest[0] != '\0' ? rest : "mem:";
}

const char *
wrap_fail(struct wrap *w, const char *key, const char *rest, struct err *e)
{
	char *end;
	long n = strtol(rest, &end, 10);

	if (end == rest || (*end != '\0' && *end != ':') || n < 0) {
		err_set(e, ERR_TEMP, "engines.%s: write fail:N:SPEC", key);
		return NULL;
	}
	w->calls_left = n;
	return spec_of(*end == ':' ? end + 1 : end);
}

const char *
wrap_trace(struct wrap *w, const char *rest)
{
	w->calls_left = -1;
	return spec_of(rest);
}

int
wrap_enter(struct wrap *w, const char *call, size_t n, struct err *e)
{
	if (w->calls_left == -1) {
		tool_say("trace: %s %s, %zu", w->noun, call, n);
		return 0;
	}
	if (w->calls_left == 0) {
		errno = EIO;
		return err_set(e, ERR_TEMP, "fail: %s %s", w->noun, call);
	}
	w->calls_left--;
	return 0;
}
