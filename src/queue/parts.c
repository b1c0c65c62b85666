#include "queue/parts.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "mail/mime.h"
#include "mail/record.h"

int
parts_change(
    json *rec, const char *member, part_fn *fn, void *ctx, struct err *e)
{
	json message = json_member(*rec, "message", JSON_OBJECT);
	json parts = json_member(message, "parts", JSON_ARRAY);
	int n = json_count(parts);
	bool is_changed = false;
	int r = 0;

	for (int i = 0; r == 0 && i < n; i++) {
		json part = json_at(parts, i);

		if (!json_has(part, member)) {
			json_free(part);
			continue;
		}
		r = fn(ctx, (size_t)i, &part, e);
		parts = json_set_at(parts, i, part);
		is_changed = true;
	}
	if (r == 0 && is_changed) {
		message = json_set(message, "parts", parts);
		*rec = json_set(*rec, "message", message);
		return 0;
	}
	json_free(parts);
	json_free(message);
	return r;
}

struct taking {
	struct queue *q;
	const char *id;
	int64_t at;
	struct deposits *out;
};

static int
take_part(void *ctx, size_t index, json *part, struct err *e)
{
	struct taking *t = ctx;
	struct deposits *out = t->out;
	json content = json_member(*part, "content", JSON_OBJECT);
	struct deposit *d;
	json blob;
	int r;

	if (index >= MIME_PARTS_MAX) {
		json_free(content);
		return err_set(e, ERR_DATA, "%s: more than %d parts", t->id,
		    MIME_PARTS_MAX);
	}
	if (out->n % 16 == 0)
		out->all = xrealloc(out->all, out->n + 16, sizeof *out->all);
	d = &out->all[out->n++];
	deposit_init(d, t->q, t->id, (int)index + 1, t->at);
	r = deposit_take(d, t->q, content, json_has(*part, "digest"), &blob, e);
	json_free(content);
	if (r == -1)
		return err_prefix(e, "%s: message.parts[%zu]", t->id, index);
	*part = json_set(json_del(*part, "content"), "blob", blob);
	return 0;
}

int
parts_take(
    struct queue *q, json *rec, int64_t at, struct deposits *out, struct err *e)
{
	/* The id is the record's own, which is changed. */
	char *id = xstrdup(record_id(*rec));
	struct taking t = {.q = q, .id = id, .at = at, .out = out};
	int r = parts_change(rec, "content", take_part, &t, e);

	free(id);
	return r;
}

void
parts_release(struct deposits *d)
{
	for (size_t i = 0; i < d->n; i++)
		deposit_release(&d->all[i]);
	free(d->all);
	*d = (struct deposits){0};
}

static int
refuse(void *ctx, size_t index, json *part, struct err *e)
{
	(void)ctx;
	(void)index;
	(void)part;
	(void)e;
	return -1;
}

bool
parts_have_content(json rec)
{
	struct err none = ERR_INIT;

	return parts_change(&rec, "content", refuse, NULL, &none) == -1;
}

bool
parts_may_have_blobs(const char *record, size_t len)
{
	static const char parts[] = "\"parts\":[", blob[] = "\"blob\":{";
	const char *end = record + len, *s;

	/* Within a string its quotes would be escaped. */
	s = memmem(record, len, parts, strlen(parts));
	return s != NULL &&
	       memmem(s, (size_t)(end - s), blob, strlen(blob)) != NULL;
}

/* The references in parts, as the keys of an object. */
static int
add_ref(void *ctx, size_t index, json *part, struct err *e)
{
	json *refs = ctx;
	json blob = json_member(*part, "blob", JSON_OBJECT);
	const char *ref = json_str(blob, "ref");

	(void)index;
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

/* "file:YYYY/MM/DD/ID.K" with K > 0: nobody else's, whatever a record says. */
static bool
is_own(const char *ref, const char *id)
{
	const char *name = strrchr(ref, '/');
	size_t n = strlen(id);

	return name != NULL && strncmp(name + 1, id, n) == 0 &&
	       name[n + 1] == '.' && strcmp(name + n + 2, "0") != 0;
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
