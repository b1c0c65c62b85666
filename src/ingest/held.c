#include "ingest/held.h"

#include "core/base64.h"

void
held_init(struct held *h, size_t inline_max, bool is_inline)
{
	*h = (struct held){.inline_max = inline_max,
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
begin_file(struct held *h, struct lazy_state *state, struct err *e)
{
	if (h->is_inline)
		return err_set(e, ERR_DATA,
		    "larger than the %zu bytes that fit into a line; leave out "
		    "-i",
		    h->inline_max);
	if (lazy_state_open(state, e) == -1 ||
	    spool_begin(&h->spool, &state->state, e) == -1)
		return -1;
	return spool_write(&h->spool, h->head.data, h->head.len, e);
}

int
held_add(struct held *h, struct lazy_state *state, const char *data, size_t n,
    struct err *e)
{
	if (h->spool.n == 0 && h->head.len + n <= h->inline_max) {
		h->size += (int64_t)n;
		buf_add(&h->head, data, n);
		return 0;
	}
	if (h->spool.n == 0 && begin_file(h, state, e) == -1)
		return -1;
	h->size += (int64_t)n;
	return spool_write(&h->spool, data, n, e);
}

int
held_finish(struct held *h, size_t n, struct err *e)
{
	return h->spool.n > 0 ? spool_finish(&h->spool, n, e) : 0;
}

void
held_write(const struct held *h, size_t i, struct buf *out)
{
	if (h->spool.n > 0) {
		/* Hexadecimal digits: nothing to escape. */
		buf_addf(out,
		    "{\"path\":\"%s\",\"size\":%lld,\"temporary\":true}",
		    h->spool.paths[i], (long long)h->size);
		return;
	}
	buf_addstr(out, "{\"base64\":\"");
	base64_encode(h->head.data, h->head.len, out);
	buf_addstr(out, "\"}");
}

void
held_given(struct held *h)
{
	h->spool.n_given++;
}

int
held_replay(const struct held *h,
    int (*add)(void *ctx, const char *data, size_t n, struct err *e), void *ctx,
    struct err *e)
{
	if (h->spool.n > 0)
		return spool_replay(&h->spool, add, ctx, e);
	return add(ctx, h->head.data, h->head.len, e);
}

void
held_release(struct held *h)
{
	buf_release(&h->head);
	spool_release(&h->spool);
}
