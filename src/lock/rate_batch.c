#include "lock/rate_batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lock/rate_seen.h"

enum {
	NO_ENTRY = UINT32_MAX,
};

const char *
rate_kept_name(const char *name, char text[DIGEST_TEXT])
{
	size_t len = strlen(name);
	struct digest d;

	if (len <= RATE_NAME_MAX)
		return name;
	digest_init(&d);
	digest_add(&d, name, len);
	return digest_text(&d, text);
}

void
rate_batch_init(
    struct rate_batch *b, struct rate_engine *engine, size_t most, int64_t now)
{
	*b = (struct rate_batch){.engine = engine, .now = now, .n_places = 64};
	while (b->n_places / 2 < most)
		b->n_places *= 2;
	b->places = xrealloc(NULL, b->n_places, sizeof *b->places);
	memset(b->places, 0xff, b->n_places * sizeof *b->places);
}

void
rate_batch_release(struct rate_batch *b)
{
	free(b->entries);
	free(b->places);
	buf_release(&b->bytes);
}

static int
load(struct rate_batch *b, const struct rate_scope *scope, const char *name,
    struct err *e)
{
	struct rate_engine *engine = b->engine;
	struct rate_entry *entry;

	if (engine->ops->load(engine, name, &b->bytes, e) == -1)
		return -1;
	if (b->n == b->size) {
		b->size = b->size > 0 ? 2 * b->size : 8;
		b->entries = xrealloc(b->entries, b->size, sizeof *b->entries);
	}
	entry = &b->entries[b->n++];
	snprintf(entry->name, sizeof entry->name, "%s", name);
	entry->is_changed = false;
	entry->n_refused = 0;
	rate_rule_read(&entry->state, b->bytes.data, b->bytes.len);
	rate_rule_settle(&entry->state, scope, b->now);
	entry->interval_us = rate_rule_interval_us(
	    rate_rule_per_s(&entry->state, scope, b->now));
	return 0;
}

int
rate_batch_find(struct rate_batch *b, const struct rate_scope *scope,
    uint32_t *at, struct err *e)
{
	char text[DIGEST_TEXT];
	const char *name = rate_kept_name(scope->name, text);
	uint32_t i = (uint32_t)rate_seen_hash(name) & (b->n_places - 1);

	while (b->places[i] != NO_ENTRY) {
		*at = b->places[i];
		if (strcmp(b->entries[*at].name, name) == 0)
			return 0;
		i = (i + 1) & (b->n_places - 1);
	}
	if (load(b, scope, name, e) == -1)
		return -1;
	b->places[i] = *at = b->n - 1;
	return 0;
}

int
rate_batch_store(struct rate_batch *b, uint32_t at, struct err *e)
{
	const struct rate_entry *entry = &b->entries[at];
	struct rate_engine *engine = b->engine;

	buf_reset(&b->bytes);
	rate_rule_write(&entry->state, &b->bytes);
	return engine->ops->store(engine, entry->name, &b->bytes,
	    rate_rule_until(&entry->state, entry->interval_us),
	    rate_rule_slow_until(&entry->state), e);
}
