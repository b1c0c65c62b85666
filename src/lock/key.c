#include "lock/key.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mail/record.h"

enum {
	PART_MAX = 300, /* bytes of a part of a key */
};

static void
add_digest(struct buf *out, const char *s, size_t len)
{
	char text[DIGEST_TEXT];
	struct digest d;

	digest_init(&d);
	digest_add(&d, s, len);
	buf_addf(out, "%%b2%s", digest_text(&d, text) + strlen("b2:"));
}

/* ':' and a part, which no other part's text can be taken for. */
static void
add_part(struct buf *out, const char *s, size_t len, bool is_lower)
{
	size_t start;

	buf_addch(out, ':');
	start = out->len;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (is_lower && c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (c <= ' ' || c == 0x7f || c == ':' || c == '%')
			buf_addf(out, "%%%02X", c);
		else
			buf_addch(out, (char)c);
		if (out->len - start > PART_MAX) {
			out->len = start;
			add_digest(out, s, len);
			return;
		}
	}
}

static void
add_tenant(json rec, const char *kind, struct buf *out)
{
	buf_addf(out, "%s:%s", json_str(rec, "tenant"), kind);
}

static void
add_recipient(json rec, bool is_lower, struct buf *out)
{
	json envelope = json_member(rec, "envelope", JSON_OBJECT);
	size_t len = 0;
	const char *to = json_strn(envelope, "to", &len);

	add_part(out, to != NULL ? to : "", len, is_lower);
	json_free(envelope);
}

void
lock_key(json rec, struct buf *out)
{
	size_t len = 0;
	const char *s = json_strn(rec, "key", &len);

	if (json_has(rec, "mail") && s != NULL) {
		add_tenant(rec, "out", out);
		add_part(out, s, len, false);
		add_recipient(rec, false, out);
		return;
	}
	s = json_strn(rec, "fingerprint", &len);
	if (!json_has(rec, "mail") && s != NULL) {
		add_tenant(rec, "in", out);
		add_recipient(rec, true, out);
		/* Its colon is no separator: it comes last. */
		buf_addf(out, ":%.*s", len < PART_MAX ? (int)len : 0, s);
		if (len >= PART_MAX)
			add_digest(out, s, len);
		return;
	}
	add_tenant(rec, "id", out);
	s = record_id(rec);
	add_part(out, s, strlen(s), false);
}

void
lock_key_text(json rec, const char *text, size_t len, struct buf *out)
{
	add_tenant(rec, "key", out);
	add_part(out, text, len, false);
}

static void canonical(json v, const char *in, struct digest *d);

static void
add_text(struct digest *d, const char *s)
{
	digest_add(d, s, strlen(s));
}

/* Members that say when and as what it was composed, not what it says. */
static bool
is_left_out(const char *in, const char *key)
{
	static const char *const of_mail[] = {"id", "message_id", "date", NULL};
	static const char *const of_fields[] = {"message-id", "date", NULL};
	/* Where bytes were put, which differs each time. */
	static const char *const of_bytes[] = {
	    "ref", "path", "temporary", NULL};
	const char *const *words = NULL;

	if (strcmp(in, "mail") == 0)
		words = of_mail;
	else if (strcmp(in, "headers") == 0)
		words = of_fields;
	else if (strcmp(in, "blob") == 0 || strcmp(in, "content") == 0)
		words = of_bytes;
	for (; words != NULL && *words != NULL; words++)
		if (strcasecmp(*words, key) == 0)
			return true;
	return false;
}

struct member {
	const char *key;
	size_t len;
	int at;
};

static int
by_key(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	size_t n = x->len < y->len ? x->len : y->len;
	int r = memcmp(x->key, y->key, n);

	if (r != 0)
		return r;
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return x->at - y->at;
}

static void
canonical_object(json v, const char *in, struct digest *d)
{
	int n = json_count(v);
	struct member *all = xcalloc((size_t)n + 1, sizeof *all);

	for (int i = 0; i < n; i++) {
		all[i].key = json_key_at(v, i, &all[i].len);
		all[i].at = i;
	}
	qsort(all, (size_t)n, sizeof *all, by_key);
	add_text(d, "{");
	for (int i = 0; i < n; i++) {
		json value;

		if (is_left_out(in, all[i].key))
			continue;
		canonical(json_stringn(all[i].key, all[i].len), "", d);
		value = json_at(v, all[i].at);
		canonical(value, all[i].key, d);
	}
	add_text(d, "}");
	free(all);
}

/* {"name":"Date",…} in headers that are a list. */
static bool
is_left_out_field(json field, const char *in)
{
	const char *name = json_str(field, "name");

	return strcmp(in, "headers") == 0 && name != NULL &&
	       is_left_out(in, name);
}

static void
canonical_array(json v, const char *in, struct digest *d)
{
	int n = json_count(v);

	add_text(d, "[");
	for (int i = 0; i < n; i++) {
		json item = json_at(v, i);

		if (is_left_out_field(item, in))
			json_free(item);
		else
			canonical(item, "", d);
	}
	add_text(d, "]");
}

/*
 * Into the digest: a value that stands under the key in.  Depth is that of a
 * record's JSON.  Consumes v.
 */
static void
canonical(json v, const char *in, struct digest *d)
{
	struct buf text = BUF_INIT;

	if (json_kind(v) == JSON_OBJECT) {
		canonical_object(v, in, d);
	} else if (json_kind(v) == JSON_ARRAY) {
		canonical_array(v, in, d);
	} else if (json_kind(v) == JSON_STRING) {
		/* Decoded, with its length: escapes do not matter. */
		buf_addf(&text, "s%zu:", json_string_len(v));
		digest_add(d, text.data, text.len);
		digest_add(d, json_string_value(v), json_string_len(v));
	} else {
		json_dump(json_copy(v), &text);
		buf_addch(&text, ',');
		digest_add(d, text.data, text.len);
	}
	buf_release(&text);
	json_free(v);
}

char *
lock_content(json rec, char text[DIGEST_TEXT])
{
	json mail = json_get(rec, "mail");
	struct digest d;

	text[0] = '\0';
	if (!json_is_valid(mail))
		return text;
	digest_init(&d);
	canonical(mail, "mail", &d);
	return digest_text(&d, text);
}

int64_t
lock_delivery(json rec)
{
	json lease = json_member(rec, "lease", JSON_OBJECT);
	int64_t n = json_int(lease, "deliveries", 0);

	json_free(lease);
	return n;
}
