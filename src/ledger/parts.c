#include "ledger/parts.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "mail/record.h"

const struct parts_kind parts_kinds[PARTS_KINDS] = {
    {"message", "parts", "message.parts", 1},
    {"mail", "attachments", "mail.attachments", PARTS_ATTACHMENT},
};

json
parts_list(json rec, const struct parts_kind *kind)
{
	json section = json_member(rec, kind->section, JSON_OBJECT);
	json list = json_member(section, kind->list, JSON_ARRAY);

	json_free(section);
	return list;
}

int
parts_number(const char *ref, const char *id)
{
	const char *name = strrchr(ref, '/');
	size_t n = strlen(id);

	if (name == NULL || strncmp(name + 1, id, n) != 0 ||
	    name[n + 1] != '.' || name[n + 2] < '0' || name[n + 2] > '9' ||
	    strlen(name + n + 2) > 5)
		return -1;
	return (int)strtol(name + n + 2, NULL, 10);
}

/* *list is those of this kind, changed; false: none has the member. */
static int
change_list(const struct parts_kind *kind, json *list, const char *member,
    part_fn *fn, void *ctx, bool *is_changed, struct err *e)
{
	int r = 0;

	for (int i = 0, n = json_count(*list); r == 0 && i < n; i++) {
		struct parts_place at = {kind->path, i, kind->first + i};
		json part = json_at(*list, i);

		if (!json_has(part, member)) {
			json_free(part);
			continue;
		}
		r = fn(ctx, &at, &part, e);
		*list = json_set_at(*list, i, part);
		*is_changed = true;
	}
	return r;
}

int
parts_change(
    json *rec, const char *member, part_fn *fn, void *ctx, struct err *e)
{
	json out = json_copy(*rec);
	int r = 0;

	for (int i = 0; r == 0 && i < PARTS_KINDS; i++) {
		const struct parts_kind *kind = &parts_kinds[i];
		json list = parts_list(out, kind);
		bool is_changed = false;

		r = change_list(kind, &list, member, fn, ctx, &is_changed, e);
		if (is_changed)
			out = json_set(out, kind->section,
			    json_set(json_get(out, kind->section), kind->list,
				list));
		else
			json_free(list);
	}
	if (r == 0) {
		json_free(*rec);
		*rec = out;
	} else {
		json_free(out);
	}
	return r;
}

static int
refuse(void *ctx, const struct parts_place *at, json *part, struct err *e)
{
	(void)ctx;
	(void)at;
	(void)part;
	(void)e;
	return -1;
}

bool
parts_have_content(json rec)
{
	static const char *const members[] = {"content", "base64", "path"};
	struct err none = ERR_INIT;
	json copy = json_copy(rec);
	bool is_found = false;

	/* "path" and "base64" are known in what is to be sent only. */
	for (size_t i = 0; !is_found && i < (json_has(rec, "mail") ? 3 : 1);
	     i++)
		is_found =
		    parts_change(&copy, members[i], refuse, NULL, &none) == -1;
	json_free(copy);
	return is_found;
}

static bool
has_blobs_behind(const char *record, size_t len, const char *list)
{
	static const char blob[] = "\"blob\":{";
	const char *end = record + len, *s;

	/* Within a string its quotes would be escaped. */
	s = memmem(record, len, list, strlen(list));
	return s != NULL &&
	       memmem(s, (size_t)(end - s), blob, strlen(blob)) != NULL;
}

bool
parts_may_have_blobs(const char *record, size_t len)
{
	return has_blobs_behind(record, len, "\"parts\":[") ||
	       has_blobs_behind(record, len, "\"attachments\":[");
}

/* The references in parts, as the keys of an object. */
static int
add_ref(void *ctx, const struct parts_place *at, json *part, struct err *e)
{
	json *refs = ctx;
	json blob = json_member(*part, "blob", JSON_OBJECT);
	const char *ref = json_str(blob, "ref");

	(void)at;
	(void)e;
	if (ref != NULL)
		*refs = json_set(*refs, ref, json_bool(true));
	json_free(blob);
	return 0;
}

static json
part_refs(json rec)
{
	struct err none = ERR_INIT;
	json refs = json_object();

	rec = json_is_valid(rec) ? json_copy(rec) : json_object();
	parts_change(&rec, "blob", add_ref, &refs, &none);
	json_free(rec);
	return refs;
}

/* Of a part of this mail: nobody else's, whatever a record says. */
static bool
is_own(const char *ref, const char *id)
{
	return parts_number(ref, id) > 0;
}

int
parts_orphans(json rec, json row, const char *id,
    int (*fn)(void *ctx, const char *ref, struct err *e), void *ctx,
    struct err *e)
{
	json refs = part_refs(rec), known = part_refs(row);
	size_t len;
	int r = 0;

	for (int i = 0; r == 0 && i < json_count(refs); i++) {
		const char *ref = json_key_at(refs, i, &len);

		if (!json_has(known, ref) && is_own(ref, id))
			r = fn(ctx, ref, e);
	}
	json_free(refs);
	json_free(known);
	return r;
}
