/* What is behind a json; for core/json*.c only. */
#ifndef CORE_JSON_LIST_H
#define CORE_JSON_LIST_H

#include "core/json.h"

struct json_shared {
	unsigned refs;
	size_t len;
	char data[]; /* and a NUL */
};

/* One element or member. */
struct json_item {
	/* In the list's source, with escapes; key has no quotes. */
	uint32_t key_at, key_len, at, len;
	struct json_shared *key; /* decoded; NULL: not yet, or no member */
	json value; /* JSON_NONE: not yet */
};

struct json_list {
	unsigned refs;
	enum json_kind kind;
	/* As it was parsed: a slice of source, which may be NULL. */
	struct json_shared *source;
	uint32_t at, len;
	bool is_open; /* items are there */
	bool is_changed; /* the slice is no longer what it says */
	struct json_item *items;
	uint32_t n, room;
	/* Items by key, once many were looked for among many. */
	uint32_t *sorted;
	uint32_t lookups;
};

struct json_shared *json_shared_new(const char *data, size_t len);
struct json_shared *json_shared_copy(struct json_shared *t);
void json_shared_free(struct json_shared *t);

struct json_list *json_list_new(enum json_kind kind);
void json_list_free(struct json_list *l);

/* Find its items, unless that was done. */
void json_list_open(struct json_list *l);

/* One more, empty. */
struct json_item *json_list_add(struct json_list *l);

/* A member whose key may hold NUL. */
json json_list_get(json obj, const char *key, size_t len);

/* Decode what was not asked for yet. */
const struct json_shared *json_item_key(
    const struct json_list *l, struct json_item *item);
json json_item_value(const struct json_list *l, struct json_item *item);

/* The value of a slice of source, which holds one value and nothing more. */
json json_slice(struct json_shared *source, uint32_t at, uint32_t len);

#endif
