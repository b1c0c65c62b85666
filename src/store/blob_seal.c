#include "store/blob_seal.h"

#include <errno.h>
#include <sodium/utils.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/buf.h"
#include "store/seal_file.h"
#include "store/spool.h"

/* Bytes in memory. */
static void
seal_data(
    const struct seal_public *public, struct blob_put *put, struct buf *sealed)
{
	struct seal_data_key key;
	struct seal_info info;
	struct err bad = ERR_INIT;
	const char *content = put->data;
	size_t n = put->len, before;

	if (seal_look(content, n < SEAL_HEADER ? n : SEAL_HEADER, &info,
		&bad) == -1 ||
	    info.kind == SEAL_SEALED)
		return;
	before = info.kind == SEAL_ESCAPED ? SEAL_MAGIC : 0;
	seal_data_key(&key, public);
	seal_bytes(&key, content + before, n - before, sealed);
	sodium_memzero(&key, sizeof key);
	put->data = sealed->data;
	put->len = sealed->len;
}

static int
copy_from(struct spool *sp, int fd, off_t at, const char *name, struct err *e)
{
	char window[65536];
	ssize_t n;

	while ((n = pread(fd, window, sizeof window, at)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_errno(e, "%s: read", name);
		if (spool_write(sp, window, (size_t)n, e) == -1)
			return -1;
		at += n;
	}
	return 0;
}

/* A spool file of somebody who had no key: another takes its place. */
static int
copy_sealed(
    struct blob_sealed *s, size_t i, int fd, enum seal_kind kind, struct err *e)
{
	off_t at = kind == SEAL_ESCAPED ? SEAL_MAGIC : 0;
	struct spool sp = SPOOL_INIT;
	int r = spool_begin(&sp, s->state, e);

	if (r == 0)
		r = copy_from(&sp, fd, at, s->puts[i].spool, e);
	if (r == 0)
		r = spool_finish(&sp, 1, e);
	if (r == 0) {
		s->plain[i] = xstrdup(s->puts[i].spool);
		s->made[i] = xstrdup(sp.paths[0]);
		s->puts[i].spool = s->made[i];
		sp.n_given = 1;
	}
	spool_release(&sp);
	return r;
}

static int
seal_spool(struct blob_sealed *s, size_t i, struct err *e)
{
	const char *name = s->puts[i].spool;
	int fd = state_spool_open(s->state, name, e), r;
	struct seal_info info;

	/* Gone because an earlier run did it?  The engine knows. */
	if (fd == -1 && errno == ENOENT) {
		err_clear(e);
		return 0;
	}
	if (fd == -1)
		return -1;
	r = seal_file_look(fd, name, &info, e);
	if (r == 0 && info.kind != SEAL_SEALED)
		r = copy_sealed(s, i, fd, info.kind, e);
	close(fd);
	return r;
}

int
blob_seal_begin(struct blob_sealed *s, struct state *state,
    const struct blob_put *puts, size_t n, struct err *e)
{
	const struct seal_public *public = NULL;
	int r = 0;

	*s = (struct blob_sealed){.state = state, .n = n};
	if (!seal_is_configured(&state->config))
		return 0;
	if (state_public(state, &public, e) == -1)
		return -1;
	if (public == NULL)
		return 0;
	s->puts = xcalloc(n, sizeof *s->puts);
	s->bytes = xcalloc(n, sizeof *s->bytes);
	s->made = xcalloc(n, sizeof *s->made);
	s->plain = xcalloc(n, sizeof *s->plain);
	for (size_t i = 0; r == 0 && i < n; i++) {
		s->puts[i] = puts[i];
		if (puts[i].spool != NULL)
			r = seal_spool(s, i, e);
		else
			seal_data(public, &s->puts[i], &s->bytes[i]);
	}
	if (r == 0)
		return 1;
	blob_seal_end(s, false);
	return -1;
}

void
blob_seal_end(struct blob_sealed *s, bool is_put)
{
	for (size_t i = 0; s->puts != NULL && i < s->n; i++) {
		char *over = is_put ? s->plain[i] : s->made[i];

		if (over != NULL)
			unlinkat(s->state->dir, over, 0);
		buf_release(&s->bytes[i]);
		free(s->made[i]);
		free(s->plain[i]);
	}
	free(s->puts);
	free(s->bytes);
	free(s->made);
	free(s->plain);
	*s = (struct blob_sealed){0};
}
