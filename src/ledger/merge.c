#include "ledger/merge.h"

#include <stdbool.h>
#include <string.h>

#include "ledger/parts.h"
#include "mail/record.h"

static bool
has_object(json obj, const char *key)
{
	json v = json_get(obj, key);

	json_free(v);
	return json_kind(v) == JSON_OBJECT;
}

static json
merge_message(json put, json stored)
{
	static const char *const keys[] = {"blob", "digest", "size"};

	if (!has_object(stored, "blob"))
		return put;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		json v = json_get(stored, keys[i]);

		if (json_is_valid(v))
			put = json_set(put, keys[i], v);
	}
	return put;
}

/* An object, whatever stands in either record. */
static json
merge_part(json put, json stored)
{
	json part = json_object();

	if (json_kind(put) == JSON_OBJECT || json_kind(stored) == JSON_OBJECT) {
		json_free(part);
		part = json_copy(json_kind(put) == JSON_OBJECT ? put : stored);
	}
	if (!has_object(stored, "blob"))
		return json_del(part, "blob");
	return json_set(part, "blob", json_get(stored, "blob"));
}

/* Elements of the stored record's parts that have a blob. */
static int
count_blobs(json parts)
{
	int n = 0;

	for (int i = 0; i < json_count(parts); i++) {
		json part = json_at(parts, i);

		n += has_object(part, "blob");
		json_free(part);
	}
	return n;
}

static json
merge_message_parts(json put, json stored)
{
	const struct parts_kind *kind = &parts_kinds[0];
	json were = parts_list(stored, kind), are = parts_list(put, kind);
	json merged, message;

	if (count_blobs(were) == 0) {
		json_free(were);
		json_free(are);
		return put;
	}
	merged = json_array();
	for (int i = 0; i < json_count(were); i++) {
		json was = json_at(were, i), is = json_at(are, i);

		merged = json_append(merged, merge_part(is, was));
		json_free(was);
		json_free(is);
	}
	message = json_member(put, "message", JSON_OBJECT);
	if (!json_is_valid(message))
		message = json_object();
	json_free(were);
	json_free(are);
	return json_set(put, "message", json_set(message, "parts", merged));
}

/* K of an attachment's own blob, or -1. */
static int
own_number(json part, const char *id)
{
	json blob = json_member(part, "blob", JSON_OBJECT);
	const char *ref = json_str(blob, "ref");
	int k = ref != NULL ? parts_number(ref, id) : -1;

	json_free(blob);
	return k;
}

/* The blob under this number; JSON_NONE. */
static json
blob_numbered(json list, int k, const char *id)
{
	json blob = json_none();

	for (int i = 0; i < json_count(list); i++) {
		json part = json_at(list, i);

		if (own_number(part, id) == k) {
			json_free(blob);
			blob = json_get(part, "blob");
		}
		json_free(part);
	}
	return blob;
}

/* Unlike parts, they are what somebody wrote, and may have been changed. */
static json
merge_attachments(json put, json stored)
{
	const struct parts_kind *kind = &parts_kinds[1];
	json were = parts_list(stored, kind), are = parts_list(put, kind);
	const char *id = record_id(put);

	for (int i = 0; i < json_count(are); i++) {
		json part = json_at(are, i), blob = json_none();
		int k = own_number(part, id);

		if (k != -1)
			blob = blob_numbered(were, k, id);
		if (json_is_valid(blob))
			are = json_set_at(are, i, json_set(part, "blob", blob));
		else
			json_free(part);
	}
	json_free(were);
	if (json_count(are) == 0) {
		json_free(are);
		return put;
	}
	return json_set(put, kind->section,
	    json_set(json_get(put, kind->section), kind->list, are));
}

json
merge_parts(json put, json stored)
{
	return merge_attachments(merge_message_parts(put, stored), stored);
}

int
merge_blobs(struct merge_text stored, struct merge_text put, struct buf *out,
    struct err *e)
{
	json was, is;

	if (memmem(stored.data, stored.len, "\"blob\"", 6) == NULL)
		return 0;
	if (json_parse(stored.data, stored.len, &was, e) == -1)
		return -1;
	if (json_parse(put.data, put.len, &is, e) == -1) {
		json_free(was);
		return -1;
	}
	is = merge_parts(merge_message(is, was), was);
	json_free(was);
	json_dump(is, out);
	return 1;
}
