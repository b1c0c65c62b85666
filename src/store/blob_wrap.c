/* Blob engines round another, for tests: one fails, one says what is done. */
#include <errno.h>
#include <stdlib.h>

#include "core/buf.h"
#include "core/tool.h"
#include "store/blob_engines.h"

struct blob_wrap {
	struct blobs base;
	struct blobs *inner;
	const char *name; /* "fail" or "trace" */
	long calls_left; /* until calls fail; -1: never */
};

static struct blobs *
wrap(struct state *s, const char *name, long calls, const char *spec,
    struct err *e)
{
	struct blobs *inner = blobs_open(s, spec[0] != '\0' ? spec : "mem:", e);
	struct blob_wrap *w;

	if (inner == NULL)
		return NULL;
	w = xcalloc(1, sizeof *w);
	w->inner = inner;
	w->name = name;
	w->calls_left = calls;
	return &w->base;
}

static struct blobs *
fail_open(struct state *s, const char *rest, struct err *e)
{
	char *end;
	long n = strtol(rest, &end, 10);

	if (end == rest || (*end != '\0' && *end != ':') || n < 0) {
		err_set(e, ERR_TEMP, "engines.blobs: write fail:N:SPEC");
		return NULL;
	}
	return wrap(s, "fail", n, *end == ':' ? end + 1 : end, e);
}

static struct blobs *
trace_open(struct state *s, const char *rest, struct err *e)
{
	return wrap(s, "trace", -1, rest, e);
}

static int
enter(struct blobs *b, const char *call, size_t n, struct err *e)
{
	struct blob_wrap *w = (struct blob_wrap *)b;

	if (w->calls_left == -1) {
		tool_say("trace: blob %s, %zu", call, n);
		return 0;
	}
	if (w->calls_left == 0) {
		errno = EIO;
		return err_set(e, ERR_TEMP, "fail: blob %s", call);
	}
	w->calls_left--;
	return 0;
}

static int
wrap_put(struct blobs *b, const struct blob_put *puts, size_t n, struct err *e)
{
	if (enter(b, "put", n, e) == -1)
		return -1;
	return blob_put(((struct blob_wrap *)b)->inner, puts, n, e);
}

static int
wrap_read(struct blobs *b, const char *ref, struct err *e)
{
	if (enter(b, "read", 1, e) == -1)
		return -1;
	return blob_read_stored(((struct blob_wrap *)b)->inner, ref, e);
}

static int
wrap_remove(struct blobs *b, const char *const *refs, size_t n, struct err *e)
{
	if (enter(b, "remove", n, e) == -1)
		return -1;
	return blob_remove(((struct blob_wrap *)b)->inner, refs, n, e);
}

static void
wrap_close(struct blobs *b)
{
	blobs_close(((struct blob_wrap *)b)->inner);
	free(b);
}

const struct blob_ops blob_fail_ops = {
    .scheme = "fail",
    .open = fail_open,
    .put = wrap_put,
    .read = wrap_read,
    .remove = wrap_remove,
    .close = wrap_close,
};

const struct blob_ops blob_trace_ops = {
    .scheme = "trace",
    .open = trace_open,
    .put = wrap_put,
    .read = wrap_read,
    .remove = wrap_remove,
    .close = wrap_close,
};
