#include "ingest/content.h"

#include <errno.h>
#include <unistd.h>

#include "core/base64.h"

void
content_init(struct content *c, size_t inline_max, bool is_inline)
{
	*c = (struct content){.inline_max = inline_max,
	    .is_inline = is_inline,
	    .spool = SPOOL_INIT};
}

static int
lazy_state_open(struct lazy_state *state, struct err *e)
{
	if (state->is_open)
		return 0;
	if (state_open(&state->state, e) == -1) {
		state_close(&state->state);
		return -1;
	}
	state->is_open = true;
	return 0;
}

void
lazy_state_close(struct lazy_state *state)
{
	if (state->is_open)
		state_close(&state->state);
	state->is_open = false;
}

/* It has outgrown a line: what was kept so far goes first. */
static int
begin_file(struct content *c, struct lazy_state *state, struct err *e)
{
	if (c->is_inline)
		return err_set(e, ERR_DATA,
		    "larger than the %zu bytes that fit into a line; leave out "
		    "-i",
		    c->inline_max);
	if (lazy_state_open(state, e) == -1 ||
	    spool_begin(&c->spool, &state->state, e) == -1)
		return -1;
	return spool_write(&c->spool, c->head.data, c->head.len, e);
}

int
content_add(struct content *c, struct lazy_state *state, const char *data,
    size_t n, struct err *e)
{
	if (c->spool.n == 0 && c->head.len + n <= c->inline_max) {
		c->size += (int64_t)n;
		buf_add(&c->head, data, n);
		return 0;
	}
	if (c->spool.n == 0 && begin_file(c, state, e) == -1)
		return -1;
	c->size += (int64_t)n;
	return spool_write(&c->spool, data, n, e);
}

int
content_finish(struct content *c, size_t n, struct err *e)
{
	return c->spool.n > 0 ? spool_finish(&c->spool, n, e) : 0;
}

void
content_write(const struct content *c, size_t i, struct buf *out)
{
	if (c->spool.n > 0) {
		/* Hexadecimal digits: nothing to escape. */
		buf_addf(out,
		    "{\"path\":\"%s\",\"size\":%lld,\"temporary\":true}",
		    c->spool.paths[i], (long long)c->size);
		return;
	}
	buf_addstr(out, "{\"base64\":\"");
	base64_encode(c->head.data, c->head.len, out);
	buf_addstr(out, "\"}");
}

void
content_given(struct content *c)
{
	c->spool.n_given++;
}

static int
replay_file(const struct content *c,
    int (*add)(void *ctx, const char *data, size_t n, struct err *e), void *ctx,
    struct err *e)
{
	char window[16 * 1024];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(c->spool.fd, window, sizeof window, at)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_errno(e, "%s: read", c->spool.paths[0]);
		if (add(ctx, window, (size_t)n, e) == -1)
			return -1;
		at += n;
	}
	return 0;
}

int
content_replay(const struct content *c,
    int (*add)(void *ctx, const char *data, size_t n, struct err *e), void *ctx,
    struct err *e)
{
	if (c->spool.n > 0)
		return replay_file(c, add, ctx, e);
	return add(ctx, c->head.data, c->head.len, e);
}

void
content_release(struct content *c)
{
	buf_release(&c->head);
	spool_release(&c->spool);
}
