#include "store/blob.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "store/blob_engines.h"
#include "store/blob_seal.h"
#include "store/seal_file.h"

static const struct blob_ops *const engines[] = {
    &blob_file_ops,
    &blob_mem_ops,
    &blob_fail_ops,
    &blob_trace_ops,
};

struct blobs *
blobs_open(struct state *s, const char *spec, struct err *e)
{
	const char *colon = strchr(spec, ':');
	struct blobs *b;

	for (size_t i = 0; i < sizeof engines / sizeof *engines; i++) {
		const struct blob_ops *ops = engines[i];

		if (colon == NULL ||
		    strlen(ops->scheme) != (size_t)(colon - spec) ||
		    strncmp(ops->scheme, spec, strlen(ops->scheme)) != 0)
			continue;
		b = ops->open(s, colon + 1, e);
		if (b != NULL) {
			b->ops = ops;
			b->state = s;
		}
		return b;
	}
	err_set(e, ERR_TEMP, "engines.blobs: unknown engine \"%.60s\"", spec);
	return NULL;
}

void
blobs_close(struct blobs *b)
{
	if (b != NULL)
		b->ops->close(b);
}

void
blob_ref(char ref[BLOB_REF], const char *id, int part, int64_t at_ms)
{
	char at[CLOCK_TEXT];

	clock_format(at_ms, at);
	snprintf(ref, BLOB_REF, "file:%.4s/%.2s/%.2s/%.64s.%d", at, at + 5,
	    at + 8, id, part);
}

int
blob_put(struct blobs *b, const struct blob_put *puts, size_t n, struct err *e)
{
	struct blob_sealed s;
	int r, is_sealed;

	if (n == 0)
		return 0;
	is_sealed = blob_seal_begin(&s, b->state, puts, n, e);
	if (is_sealed == -1)
		return -1;
	r = b->ops->put(b, is_sealed ? s.puts : puts, n, e);
	blob_seal_end(&s, r == 0);
	return r;
}

int
blob_read(struct blobs *b, const char *ref, struct err *e)
{
	struct seal_info info;

	return blob_read_info(b, ref, &info, e);
}

int
blob_read_info(
    struct blobs *b, const char *ref, struct seal_info *info, struct err *e)
{
	int fd = b->ops->read(b, ref, e);

	return fd == -1 ? -1 : seal_file_open(b->state, fd, ref, info, e);
}

int
blob_read_stored(struct blobs *b, const char *ref, struct err *e)
{
	return b->ops->read(b, ref, e);
}

int
blob_seal_again(struct blobs *b, const char *ref, const struct seal_public *to,
    struct err *e)
{
	int fd, r;

	if (b->ops->change == NULL)
		return err_set(e, ERR_TEMP,
		    "engines.blobs: \"%s:\" cannot change what it has",
		    b->ops->scheme);
	fd = b->ops->change(b, ref, e);
	if (fd == -1)
		return -1;
	r = seal_file_again(b->state, fd, ref, to, e);
	close(fd);
	return r;
}

int
blob_remove(struct blobs *b, const char *const *refs, size_t n, struct err *e)
{
	return n > 0 ? b->ops->remove(b, refs, n, e) : 0;
}
