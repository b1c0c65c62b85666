/* Arrays and objects: looking into them, and changing them. */
#include <stdlib.h>
#include <string.h>

#include "core/json_list.h"

enum {
	/* From so many lookups among so many members on, they are sorted. */
	SORT_LOOKUPS = 64,
	SORT_ITEMS = 32,
};

static bool
is_list(json v)
{
	return v.kind == JSON_ARRAY || v.kind == JSON_OBJECT;
}

int
json_count(json v)
{
	if (!is_list(v))
		return 0;
	json_list_open(v.of.list);
	return (int)v.of.list->n;
}

json
json_at(json v, int i)
{
	if (i < 0 || i >= json_count(v))
		return json_none();
	return json_item_value(v.of.list, &v.of.list->items[i]);
}

json
json_glance_at(json v, int i)
{
	const struct json_item *item;

	if (i < 0 || i >= json_count(v))
		return json_none();
	item = &v.of.list->items[i];
	if (item->value.kind != JSON_NONE)
		return json_copy(item->value);
	return json_slice(v.of.list->source, item->at, item->len);
}

const char *
json_key_at(json obj, int i, size_t *len)
{
	const struct json_shared *key;

	if (obj.kind != JSON_OBJECT || i < 0 || i >= json_count(obj))
		return NULL;
	key = json_item_key(obj.of.list, &obj.of.list->items[i]);
	*len = key->len;
	return key->data;
}

/* Are they the same, as bytes?  Most keys have no escapes to be decoded. */
static bool
is_key(const struct json_list *l, struct json_item *item, const char *key,
    size_t len)
{
	const struct json_shared *decoded;
	const char *raw;

	if (item->key == NULL) {
		raw = l->source->data + item->key_at;
		if (item->key_len == len && memcmp(raw, key, len) == 0 &&
		    memchr(raw, '\\', len) == NULL)
			return true;
		if (item->key_len <= len ||
		    memchr(raw, '\\', item->key_len) == NULL)
			return false;
	}
	decoded = json_item_key(l, item);
	return decoded->len == len && memcmp(decoded->data, key, len) == 0;
}

static int
compare_texts(const struct json_shared *a, const char *key, size_t len)
{
	int r = memcmp(a->data, key, a->len < len ? a->len : len);

	if (r == 0 && a->len != len)
		r = a->len < len ? -1 : 1;
	return r;
}

/* Of two with one name the later one is behind. */
static int
compare_items(const void *a, const void *b, void *list)
{
	struct json_list *l = list;
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	const struct json_shared *key = json_item_key(l, &l->items[k]);
	int r =
	    compare_texts(json_item_key(l, &l->items[i]), key->data, key->len);

	return r != 0 ? r : i < k ? -1 : i > k;
}

static void
sort(struct json_list *l)
{
	l->sorted = xrealloc(NULL, l->n, sizeof *l->sorted);
	for (uint32_t i = 0; i < l->n; i++)
		l->sorted[i] = i;
	qsort_r(l->sorted, l->n, sizeof *l->sorted, compare_items, l);
}

static struct json_item *
find_sorted(struct json_list *l, const char *key, size_t len)
{
	uint32_t low = 0, high = l->n, middle;
	struct json_item *item;

	/* The first that is greater; the last that is not is before it. */
	while (low < high) {
		middle = low + (high - low) / 2;
		item = &l->items[l->sorted[middle]];
		if (compare_texts(json_item_key(l, item), key, len) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	item = &l->items[l->sorted[low - 1]];
	return is_key(l, item, key, len) ? item : NULL;
}

/* NULL: there is none. */
static struct json_item *
find(struct json_list *l, const char *key, size_t len)
{
	json_list_open(l);
	if (l->sorted == NULL && l->n > SORT_ITEMS &&
	    ++l->lookups > SORT_LOOKUPS)
		sort(l);
	if (l->sorted != NULL)
		return find_sorted(l, key, len);
	for (uint32_t i = l->n; i > 0; i--)
		if (is_key(l, &l->items[i - 1], key, len))
			return &l->items[i - 1];
	return NULL;
}

json
json_list_get(json obj, const char *key, size_t len)
{
	struct json_item *item = NULL;

	if (obj.kind == JSON_OBJECT)
		item = find(obj.of.list, key, len);
	return item != NULL ? json_item_value(obj.of.list, item) : json_none();
}

json
json_get(json obj, const char *key)
{
	return json_list_get(obj, key, strlen(key));
}

/* Of many: in their order, equals are neighbours. */
static const struct json_shared *
repeated_of_many(struct json_list *l)
{
	const struct json_shared *key, *before = NULL;

	if (l->sorted == NULL)
		sort(l);
	for (uint32_t i = 0; i < l->n; i++, before = key) {
		key = json_item_key(l, &l->items[l->sorted[i]]);
		if (before != NULL &&
		    compare_texts(before, key->data, key->len) == 0)
			return key;
	}
	return NULL;
}

static const struct json_shared *
repeated_of_few(struct json_list *l)
{
	for (uint32_t i = 0; i < l->n; i++) {
		const struct json_shared *key = json_item_key(l, &l->items[i]);

		for (uint32_t k = 0; k < i; k++)
			if (is_key(l, &l->items[k], key->data, key->len))
				return key;
	}
	return NULL;
}

const char *
json_repeated_key(json obj, size_t *len)
{
	const struct json_shared *key = NULL;
	int n = json_count(obj);

	if (obj.kind == JSON_OBJECT)
		key = n > SORT_ITEMS ? repeated_of_many(obj.of.list)
				     : repeated_of_few(obj.of.list);
	if (key == NULL)
		return NULL;
	*len = key->len;
	return key->data;
}

static struct json_list *
clone(struct json_list *l)
{
	struct json_list *c = json_list_new(l->kind);

	c->source = json_shared_copy(l->source);
	c->at = l->at;
	c->len = l->len;
	c->is_open = true;
	c->n = c->room = l->n;
	c->items = xrealloc(NULL, c->n + 1, sizeof *c->items);
	for (uint32_t i = 0; i < l->n; i++) {
		c->items[i] = l->items[i];
		json_shared_copy(c->items[i].key);
		json_copy(c->items[i].value);
	}
	return c;
}

/* Nobody else sees what is done to it now. */
static struct json_list *
change(json *v)
{
	struct json_list *l = v->of.list;

	json_list_open(l);
	if (l->refs > 1) {
		v->of.list = clone(l);
		json_list_free(l);
		l = v->of.list;
	}
	l->is_changed = true;
	free(l->sorted);
	l->sorted = NULL;
	l->lookups = 0;
	return l;
}

static void
replace(struct json_item *item, json value)
{
	/* It shall be there, where JSON_NONE says "not yet". */
	if (value.kind == JSON_NONE)
		value = json_null();
	json_free(item->value);
	item->value = value;
}

json
json_append(json array, json value)
{
	if (array.kind != JSON_ARRAY) {
		json_free(value);
		return array;
	}
	replace(json_list_add(change(&array)), value);
	return array;
}

json
json_set_at(json array, int i, json value)
{
	if (i >= 0 && i < json_count(array))
		replace(&change(&array)->items[i], value);
	else
		json_free(value);
	return array;
}

json
json_set(json obj, const char *key, json value)
{
	size_t len = strlen(key);
	struct json_list *l;
	struct json_item *item;

	if (obj.kind != JSON_OBJECT) {
		json_free(value);
		return obj;
	}
	l = change(&obj);
	item = find(l, key, len);
	if (item == NULL) {
		item = json_list_add(l);
		item->key = json_shared_new(key, len);
	}
	replace(item, value);
	return obj;
}

json
json_del(json obj, const char *key)
{
	size_t len = strlen(key);
	struct json_list *l;
	uint32_t kept = 0;

	if (obj.kind != JSON_OBJECT || find(obj.of.list, key, len) == NULL)
		return obj;
	l = change(&obj);
	for (uint32_t i = 0; i < l->n; i++) {
		if (is_key(l, &l->items[i], key, len)) {
			json_shared_free(l->items[i].key);
			json_free(l->items[i].value);
		} else {
			l->items[kept++] = l->items[i];
		}
	}
	l->n = kept;
	return obj;
}
