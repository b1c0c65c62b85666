/* Blob engines round another, for tests: one fails, one says what is done. */
#include <stdlib.h>

#include "core/buf.h"
#include "store/blob_engines.h"
#include "store/wrap.h"

struct blob_wrap {
	struct blobs base;
	struct blobs *inner;
	struct wrap wrap;
};

/* spec is NULL when it could not be read. */
static struct blobs *
wrap(struct state *s, struct wrap how, const char *spec, struct err *e)
{
	struct blobs *inner = spec != NULL ? blobs_open(s, spec, e) : NULL;
	struct blob_wrap *w;

	if (inner == NULL)
		return NULL;
	w = xcalloc(1, sizeof *w);
	w->inner = inner;
	w->wrap = how;
	return &w->base;
}

static struct blobs *
fail_open(struct state *s, const char *rest, struct err *e)
{
	struct wrap how = {.noun = "blob"};
	const char *spec = wrap_fail(&how, "blobs", rest, e);

	return wrap(s, how, spec, e);
}

static struct blobs *
trace_open(struct state *s, const char *rest, struct err *e)
{
	struct wrap how = {.noun = "blob"};
	const char *spec = wrap_trace(&how, rest);

	return wrap(s, how, spec, e);
}

static int
enter(struct blobs *b, const char *call, size_t n, struct err *e)
{
	return wrap_enter(&((struct blob_wrap *)b)->wrap, call, n, e);
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
