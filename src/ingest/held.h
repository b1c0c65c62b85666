/*
 * Bytes on their way into a record: inline while they are few, else in a spool
 * file.  The record's "content", mail-record(5).
 */
#ifndef INGEST_HELD_H
#define INGEST_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "store/spool.h"
#include "store/state.h"

/* The state directory, opened when it is first needed. */
struct lazy_state {
	struct state state;
	bool is_open;
};

struct held {
	struct buf head; /* all of it, until it is too much */
	size_t inline_max;
	bool is_inline; /* and nothing else will do */
	int64_t size;
	struct spool spool;
};

void held_init(struct held *h, size_t inline_max, bool is_inline);
/* ERR_DATA: too large for a line; else ERR_TEMP. */
int held_add(struct held *h, struct lazy_state *state, const char *data,
    size_t n, struct err *e);
/* All is there; n records will have it. */
int held_finish(struct held *h, size_t n, struct err *e);
/* The value of "content" for record i, appended as JSON text. */
void held_write(const struct held *h, size_t i, struct buf *out);
/* One record more was given away. */
void held_given(struct held *h);
/* Give all of it to add again, from the first byte, before held_finish. */
int held_replay(const struct held *h,
    int (*add)(void *ctx, const char *data, size_t n, struct err *e), void *ctx,
    struct err *e);
void lazy_state_close(struct lazy_state *state);

/* Removes the files that were not given away. */
void held_release(struct held *h);

#endif
