#include "core/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_list.h"
#include "core/utf8.h"

json
json_copy(json v)
{
	if (v.kind == JSON_ARRAY || v.kind == JSON_OBJECT)
		v.of.list->refs++;
	else if (v.kind == JSON_STRING || v.kind == JSON_NUMBER)
		v.of.text->refs++;
	return v;
}

void
json_free(json v)
{
	if (v.kind == JSON_ARRAY || v.kind == JSON_OBJECT)
		json_list_free(v.of.list);
	else if (v.kind == JSON_STRING || v.kind == JSON_NUMBER)
		json_shared_free(v.of.text);
}

json
json_none(void)
{
	return (json){.kind = JSON_NONE};
}

json
json_null(void)
{
	return (json){.kind = JSON_NULL};
}

json
json_bool(bool is_true)
{
	return (json){.kind = is_true ? JSON_TRUE : JSON_FALSE};
}

json
json_number(int64_t n)
{
	char text[32];
	int len = snprintf(text, sizeof text, "%lld", (long long)n);

	return (json){
	    JSON_NUMBER, {.text = json_shared_new(text, (size_t)len)}};
}

json
json_string(const char *s)
{
	return json_stringn(s, strlen(s));
}

json
json_stringn(const char *data, size_t len)
{
	return (json){JSON_STRING, {.text = json_shared_new(data, len)}};
}

json
json_array(void)
{
	return (json){JSON_ARRAY, {.list = json_list_new(JSON_ARRAY)}};
}

json
json_object(void)
{
	return (json){JSON_OBJECT, {.list = json_list_new(JSON_OBJECT)}};
}

json
json_bytes(const char *data, size_t len)
{
	struct buf text = BUF_INIT;
	size_t n;
	json s;

	for (size_t i = 0; i < len; i += n) {
		n = utf8_char(data + i, len - i);
		if (n > 0) {
			buf_add(&text, data + i, n);
			continue;
		}
		buf_addf(&text, "\\x%02x", (unsigned char)data[i]);
		n = 1;
	}
	s = json_stringn(text.data, text.len);
	buf_release(&text);
	return s;
}

/*
 * A copy, for the values to point into.  Line ends can only be white space in
 * it, and must not come out again where a line is a record.
 */
static struct json_shared *
keep(const char *text, size_t len)
{
	struct json_shared *source = json_shared_new(text, len);
	char *p = source->data;

	while ((p = memchr(p, '\n', len - (size_t)(p - source->data))) != NULL)
		*p = ' ';
	return source;
}

int
json_parse(const char *text, size_t len, json *out, struct err *e)
{
	struct json_shared *source;
	uint32_t at = 0, end = (uint32_t)len;

	if (len > INT32_MAX / 2)
		return err_set(e, ERR_DATA, "JSON text of %zu bytes", len);
	if (json_check(text, len, e) == -1)
		return -1;
	while (memchr(" \t\r\n", text[at], 4) != NULL)
		at++;
	while (memchr(" \t\r\n", text[end - 1], 4) != NULL)
		end--;
	source = keep(text + at, end - at);
	*out = json_slice(source, 0, end - at);
	json_shared_free(source);
	return 0;
}

enum json_kind
json_kind(json v)
{
	return v.kind;
}

const char *
json_kind_name(enum json_kind kind)
{
	static const char *const names[] = {
	    [JSON_NONE] = "nothing",
	    [JSON_NULL] = "null",
	    [JSON_FALSE] = "false",
	    [JSON_TRUE] = "true",
	    [JSON_NUMBER] = "a number",
	    [JSON_STRING] = "a string",
	    [JSON_ARRAY] = "an array",
	    [JSON_OBJECT] = "an object",
	};

	return names[kind];
}

bool
json_is_valid(json v)
{
	return v.kind != JSON_NONE;
}

const char *
json_string_value(json v)
{
	return v.kind == JSON_STRING ? v.of.text->data : "";
}

size_t
json_string_len(json v)
{
	return v.kind == JSON_STRING ? v.of.text->len : 0;
}

double
json_number_value(json v)
{
	return v.kind == JSON_NUMBER ? strtod(v.of.text->data, NULL) : 0;
}

/* Every member of a is in b.  Elements are compared by their place. */
static bool
has_all(json a, json b)
{
	bool is_equal = true;

	for (int i = 0, n = json_count(a); is_equal && i < n; i++) {
		json x, y;
		size_t len;

		if (a.kind == JSON_OBJECT) {
			/* Of two with one name the last counts. */
			const char *key = json_key_at(a, i, &len);

			x = json_list_get(a, key, len);
			y = json_list_get(b, key, len);
		} else {
			x = json_at(a, i);
			y = json_at(b, i);
		}
		is_equal = json_equal(x, y);
		json_free(x);
		json_free(y);
	}
	return is_equal;
}

bool
json_equal(json a, json b)
{
	if (a.kind != b.kind)
		return false;
	if (a.kind == JSON_NUMBER)
		return json_number_value(a) == json_number_value(b);
	if (a.kind == JSON_STRING)
		return a.of.text->len == b.of.text->len &&
		       memcmp(a.of.text->data, b.of.text->data,
			   a.of.text->len) == 0;
	if (a.kind == JSON_ARRAY)
		return json_count(a) == json_count(b) && has_all(a, b);
	return a.kind != JSON_OBJECT || (has_all(a, b) && has_all(b, a));
}

const char *
json_strn(json obj, const char *key, size_t *len)
{
	json v = json_get(obj, key);
	const char *s = NULL;

	if (v.kind == JSON_STRING) {
		/* obj keeps a reference, so the text outlives ours. */
		s = v.of.text->data;
		*len = v.of.text->len;
	}
	json_free(v);
	return s;
}

const char *
json_str(json obj, const char *key)
{
	size_t len;
	const char *s = json_strn(obj, key, &len);

	/* A NUL inside would cut it silently. */
	return s != NULL && memchr(s, '\0', len) == NULL ? s : NULL;
}

int64_t
json_int(json obj, const char *key, int64_t fallback)
{
	json v = json_get(obj, key);
	double d = json_number_value(v);

	if (v.kind == JSON_NUMBER && d > -9e15 && d < 9e15)
		fallback = (int64_t)d;
	json_free(v);
	return fallback;
}

bool
json_true(json obj, const char *key)
{
	json v = json_get(obj, key);

	json_free(v);
	return v.kind == JSON_TRUE;
}

json
json_member(json obj, const char *key, enum json_kind kind)
{
	json v = json_get(obj, key);

	if (v.kind == kind)
		return v;
	json_free(v);
	return json_none();
}

bool
json_has(json obj, const char *key)
{
	json v = json_get(obj, key);

	json_free(v);
	return v.kind != JSON_NONE;
}

json
json_set_str(json obj, const char *key, const char *value)
{
	return json_set(obj, key, json_string(value));
}
