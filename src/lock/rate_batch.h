/*
 * The scopes that one transaction asks for: each is read once, found by its
 * name, and written once.
 */
#ifndef LOCK_RATE_BATCH_H
#define LOCK_RATE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/id.h"
#include "lock/rate_engines.h"
#include "lock/rate_rules.h"

struct rate_entry {
	char name[RATE_NAME_MAX + 1];
	struct rate_state state;
	int64_t interval_us;
	bool is_changed;
	int64_t n_refused;
};

struct rate_batch {
	struct rate_engine *engine;
	int64_t now;
	bool is_slow; /* some scope is: look at those without limits, too */
	struct rate_entry *entries;
	uint32_t n, size;
	uint32_t *places;
	uint32_t n_places; /* a power of two */
	struct buf bytes;
};

/* For at most so many scopes. */
void rate_batch_init(
    struct rate_batch *b, struct rate_engine *engine, size_t most, int64_t now);
void rate_batch_release(struct rate_batch *b);

/* Its place among entries, which is read when it is the first of its name. */
int rate_batch_find(struct rate_batch *b, const struct rate_scope *scope,
    uint32_t *at, struct err *e);

/* Write the one at that place. */
int rate_batch_store(struct rate_batch *b, uint32_t at, struct err *e);

/* The name under which a scope is kept: name, or text. */
const char *rate_kept_name(const char *name, char text[DIGEST_TEXT]);

#endif
