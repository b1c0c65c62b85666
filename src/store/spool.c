#include "store/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium/utils.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/file.h"
#include "core/id.h"

static void
add_path(struct spool *sp, char *path)
{
	sp->paths = xrealloc(sp->paths, sp->n + 1, sizeof *sp->paths);
	sp->paths[sp->n++] = path;
}

static int
begin_seal(struct spool *sp, struct err *e)
{
	const struct seal_public *public;
	struct seal_data_key key;

	if (state_public(sp->state, &public, e) == -1)
		return -1;
	if (public == NULL)
		return 0;
	seal_data_key(&key, public);
	sp->sealer = xcalloc(1, sizeof *sp->sealer);
	seal_begin(sp->sealer, &key, &sp->out);
	sodium_memzero(&key, sizeof key);
	return 0;
}

int
spool_begin(struct spool *sp, struct state *s, struct err *e)
{
	char *path;

	if (state_check_space(s, e) == -1)
		return -1;
	sp->state = s;
	sp->fd = state_spool_create(s, &path, e);
	if (sp->fd == -1)
		return -1;
	add_path(sp, path);
	return begin_seal(sp, e);
}

/* What is sealed by now. */
static int
flush(struct spool *sp, struct err *e)
{
	int r = 0;

	if (sp->out.len > 0)
		r = file_write(
		    sp->fd, sp->out.data, sp->out.len, -1, sp->paths[0], e);
	buf_reset(&sp->out);
	return r;
}

int
spool_write(struct spool *sp, const void *data, size_t n, struct err *e)
{
	if (sp->sealer != NULL) {
		seal_add(sp->sealer, data, n, &sp->out);
		return flush(sp, e);
	}
	if (!sp->is_begun && seal_is_like(data, n))
		buf_add(&sp->out, seal_escape, SEAL_MAGIC);
	sp->is_begun = sp->is_begun || n > 0;
	if (flush(sp, e) == -1)
		return -1;
	return file_write(sp->fd, data, n, -1, sp->paths[0], e);
}

/* All of the file behind its header; plain, or chunks for u. */
static int
replay_file(const struct spool *sp, off_t at, struct unsealer *u,
    int (*add)(void *ctx, const char *data, size_t n, struct err *e), void *ctx,
    struct err *e)
{
	struct buf out = BUF_INIT;
	char window[16 * 1024];
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = pread(sp->fd, window, sizeof window, at)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			r = err_errno(e, "%s: read", sp->paths[0]);
			break;
		}
		at += n;
		if (u == NULL) {
			r = add(ctx, window, (size_t)n, e);
			continue;
		}
		r = unseal_add(u, window, (size_t)n, &out, e);
		if (r == 0 && out.len > 0)
			r = add(ctx, out.data, out.len, e);
		buf_reset(&out);
	}
	buf_release(&out);
	return r;
}

static int
replay_sealed(const struct spool *sp,
    int (*add)(void *ctx, const char *data, size_t n, struct err *e), void *ctx,
    struct err *e)
{
	struct unsealer u = {0};
	int r = unseal_begin_own(&u, sp->sealer, e);

	if (r == 0)
		r = replay_file(sp, SEAL_HEADER, &u, add, ctx, e);
	unseal_release(&u);
	if (r == 0 && sp->sealer->n > 0)
		r = add(ctx, sp->sealer->chunk, sp->sealer->n, e);
	return r;
}

int
spool_replay(const struct spool *sp,
    int (*add)(void *ctx, const char *data, size_t n, struct err *e), void *ctx,
    struct err *e)
{
	char head[SEAL_MAGIC];
	bool is_escaped = pread(sp->fd, head, sizeof head, 0) == SEAL_MAGIC &&
			  memcmp(head, seal_escape, SEAL_MAGIC) == 0;

	if (sp->sealer != NULL)
		return replay_sealed(sp, add, ctx, e);
	return replay_file(sp, is_escaped ? SEAL_MAGIC : 0, NULL, add, ctx, e);
}

static void
drop_seal(struct spool *sp)
{
	if (sp->sealer != NULL)
		seal_release(sp->sealer);
	free(sp->sealer);
	sp->sealer = NULL;
	buf_release(&sp->out);
}

/* The last chunk, and the header, which now knows size and digest. */
static int
finish_seal(struct spool *sp, struct err *e)
{
	if (sp->sealer == NULL)
		return 0;
	seal_end(sp->sealer, &sp->out);
	if (flush(sp, e) == -1)
		return -1;
	if (lseek(sp->fd, 0, SEEK_SET) == -1)
		return err_errno(e, "%s: seek", sp->paths[0]);
	return file_write(
	    sp->fd, sp->sealer->header, SEAL_HEADER, -1, sp->paths[0], e);
}

int
spool_finish(struct spool *sp, size_t n, struct err *e)
{
	int dir = sp->state->dir, fd = sp->fd, r = finish_seal(sp, e);
	const char *first = sp->paths[0];
	char id[ID_TEXT], *path;

	sp->fd = -1;
	drop_seal(sp);
	if (file_close(fd, first, e) == -1 || r == -1)
		return -1;
	while (sp->n < n) {
		path = xasprintf("spool/%s", id_random(id));
		if (linkat(dir, first, dir, path, 0) == -1) {
			err_errno(e, "%s: link to %s", first, path);
			free(path);
			return -1;
		}
		add_path(sp, path);
	}
	return 0;
}

void
spool_release(struct spool *sp)
{
	if (sp->fd != -1)
		close(sp->fd);
	for (size_t i = 0; i < sp->n; i++) {
		if (i >= sp->n_given)
			unlinkat(sp->state->dir, sp->paths[i], 0);
		free(sp->paths[i]);
	}
	free(sp->paths);
	drop_seal(sp);
	*sp = (struct spool)SPOOL_INIT;
}
