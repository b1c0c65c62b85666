#include "core/schema.h"

#include <stdio.h>
#include <string.h>

#include "core/plain.h"
#include "core/schema_hint.h"
#include "core/schema_refs.h"
#include "core/schema_table.h"
#include "core/schema_type.h"

enum {
	KEY_MAX = 64, /* bytes of a key in a path */
};

/* The way to a value. */
struct place {
	const struct place *above; /* NULL: the root */
	const char *key; /* NULL: element index of an array */
	size_t len;
	int index;
};

static void
add_path(const struct place *p, struct buf *out)
{
	if (p->above == NULL)
		return;
	add_path(p->above, out);
	if (p->key == NULL) {
		buf_addf(out, "[%d]", p->index);
		return;
	}
	buf_addch(out, '.');
	plain_add(out, p->key, p->len, KEY_MAX);
}

/* The error at this place; empties reason. */
static int
wrong(const struct place *p, struct buf *reason, struct err *e)
{
	struct buf path = BUF_INIT;

	add_path(p, &path);
	if (path.len == 0)
		buf_addch(&path, '.');
	err_set(e, ERR_TEMP, "%s: %s", path.data, reason->data);
	buf_release(&path);
	buf_release(reason);
	return -1;
}

static int
refuse(const struct schema_row *row, json value, const struct place *p,
    struct err *e)
{
	struct buf reason = BUF_INIT;

	schema_refuse(row, value, &reason);
	return wrong(p, &reason, e);
}

/* The part of its path behind that of row; NULL: it is not below row. */
static const char *
below(const struct schema_row *row, size_t len, const struct schema_row *other)
{
	if (other->path == NULL || strncmp(other->path, row->path, len) != 0)
		return NULL;
	if (len == 0)
		return other->path;
	return other->path[len] == '.' ? other->path + len + 1 : NULL;
}

/* The member of an object; NULL: it may not have one of that name. */
static const struct schema_row *
find_member(const struct schema_row *row, const char *key, size_t key_len)
{
	size_t len = strlen(row->path);
	const char *name;

	if (memchr(key, '.', key_len) != NULL)
		return NULL; /* no "a.b" for b in a */
	for (const struct schema_row *r = row + 1;
	     (name = below(row, len, r)) != NULL; r++)
		if (strlen(name) == key_len && memcmp(name, key, key_len) == 0)
			return r;
	return NULL;
}

/* " engines state" and so on. */
static void
list_members(const struct schema_row *row, struct buf *out)
{
	size_t len = strlen(row->path);
	const char *name;

	for (const struct schema_row *r = row + 1;
	     (name = below(row, len, r)) != NULL; r++)
		if (strchr(name, '.') == NULL)
			buf_addf(out, " %s", name);
}

static int
unknown_key(const struct schema_row *row, const struct place *p, struct err *e)
{
	struct buf names = BUF_INIT, reason = BUF_INIT;
	const char *hint;
	size_t len;

	list_members(row, &names);
	hint = schema_hint(names.data, p->key, p->len, &len);
	buf_addstr(&reason, "unknown key: ");
	if (hint != NULL)
		buf_addf(&reason, "did you mean \"%.*s\"?", (int)len, hint);
	else
		buf_addf(&reason, "must be one of%s", names.data);
	buf_release(&names);
	return wrong(p, &reason, e);
}

static int check_value(const struct schema_row *row, json value,
    const struct place *p, struct err *e);

static int
check_member(const struct schema_row *row, json value, const struct place *p,
    struct err *e)
{
	const struct schema_row *member = row + 1;
	struct buf reason = BUF_INIT;
	const char *bad;

	if (row->type <= SCHEMA_ONE_OR_MORE) {
		member = find_member(row, p->key, p->len);
		if (member == NULL)
			return unknown_key(row, p, e);
	}
	bad = schema_bad_key(row->type, p->key, p->len);
	if (bad != NULL) {
		buf_addstr(&reason, bad);
		return wrong(p, &reason, e);
	}
	return check_value(member, value, p, e);
}

static int
check_repeated(json obj, const struct place *p, struct err *e)
{
	struct place at = {.above = p};
	struct buf reason = BUF_INIT;

	at.key = json_repeated_key(obj, &at.len);
	if (at.key == NULL)
		return 0;
	buf_addstr(&reason, "given twice: remove one of the two");
	return wrong(&at, &reason, e);
}

static int
check_required(const struct schema_row *row, json obj, const struct place *p,
    struct err *e)
{
	size_t len = strlen(row->path);
	struct place at = {.above = p};
	struct buf reason = BUF_INIT;

	for (const struct schema_row *r = row + 1;
	     (at.key = below(row, len, r)) != NULL; r++) {
		if (!r->is_required || strchr(at.key, '.') != NULL ||
		    json_has(obj, at.key))
			continue;
		at.len = strlen(at.key);
		buf_addstr(&reason, "is missing; must be ");
		schema_want(r, &reason);
		return wrong(&at, &reason, e);
	}
	return 0;
}

/* The elements of a list have a row of their own, one of several has not. */
static int
check_element(const struct schema_row *row, json value, const struct place *p,
    struct err *e)
{
	if (row->type != SCHEMA_ONE_OR_MORE)
		return check_value(row + 1, value, p, e);
	if (json_kind(value) != JSON_OBJECT)
		return refuse(row, value, p, e);
	return check_value(row, value, p, e);
}

/* An object or array. */
static int
check_items(const struct schema_row *row, json list, const struct place *p,
    struct err *e)
{
	struct place at = {.above = p};
	int r = 0;

	for (int i = 0, n = json_count(list); r == 0 && i < n; i++) {
		json value = json_glance_at(list, i);

		at.index = i;
		if (json_kind(list) == JSON_OBJECT) {
			at.key = json_key_at(list, i, &at.len);
			r = check_member(row, value, &at, e);
		} else {
			r = check_element(row, value, &at, e);
		}
		json_free(value);
	}
	return r;
}

/* What can be run has a name. */
static int
check_program(json argv, const struct place *p, struct err *e)
{
	struct place at = {.above = p};
	struct buf reason = BUF_INIT;
	json program = json_glance_at(argv, 0);
	bool is_empty = json_string_len(program) == 0;

	json_free(program);
	if (!is_empty)
		return 0;
	buf_addstr(&reason, "must be the program to run, not empty");
	return wrong(&at, &reason, e);
}

static int
check_value(const struct schema_row *row, json value, const struct place *p,
    struct err *e)
{
	enum json_kind kind = json_kind(value);

	if (kind == JSON_OBJECT && schema_is_object(row->type) &&
	    (check_repeated(value, p, e) == -1 ||
		check_items(row, value, p, e) == -1 ||
		check_required(row, value, p, e) == -1))
		return -1;
	if (!schema_fits(row, value))
		return refuse(row, value, p, e);
	if (kind == JSON_ARRAY && check_items(row, value, p, e) == -1)
		return -1;
	return row->type == SCHEMA_COMMAND ? check_program(value, p, e) : 0;
}

int
schema_check(json root, struct err *e)
{
	struct place top = {.above = NULL};

	if (check_value(schema_rows, root, &top, e) == -1)
		return -1;
	return schema_check_refs(root, e);
}

bool
schema_is_secret(const char *path)
{
	const struct schema_row *row = schema_find(path);

	return row != NULL && row->is_secret;
}

/* How often it stands there; of several nobody knows which is meant. */
static int
count_key(json obj, const char *key)
{
	size_t len, n = strlen(key);
	int found = 0;

	for (int i = 0; i < json_count(obj); i++) {
		const char *k = json_key_at(obj, i, &len);

		found += k != NULL && len == n && memcmp(k, key, n) == 0;
	}
	return found;
}

/* Put the member into obj, if it is good.  Consumes and returns obj. */
static json
keep(json obj, json from, const char *path, const char *key)
{
	json value = json_get(from, key);

	if (schema_fits(schema_find(path), value) && count_key(from, key) == 1)
		return json_set(obj, key, value);
	json_free(value);
	return obj;
}

json
schema_salvage(json root)
{
	json kept = keep(json_object(), root, "state", "state");
	json from = json_member(root, "engines", JSON_OBJECT);
	json engines = json_object();

	if (count_key(root, "engines") != 1)
		from = (json_free(from), json_none());
	engines = keep(engines, from, "engines.blobs", "blobs");
	engines = keep(engines, from, "engines.mail", "mail");
	engines = keep(engines, from, "engines.locks", "locks");
	json_free(from);
	return json_set(kept, "engines", engines);
}
