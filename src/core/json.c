#include "core/json.h"

#include <stdio.h>
#include <string.h>

enum {
	LONG_STRING = 1024,
};

static void
nomem(void *data)
{
	(void)data;
	xnomem();
}

/*
 * Make libjq's own allocations exit 75 instead of aborting.  A constructor, so
 * that a program without JSON need not load libjq, a third of its start.
 */
__attribute__((constructor)) static void
init(void)
{
	jv_nomem_handler(nomem, NULL);
}

size_t
utf8_char(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n;
	unsigned char low = 0x80, high = 0xbf;

	if (len == 0)
		return 0;
	if (u[0] < 0x80)
		return 1;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;
	n = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	if (u[0] == 0xe0)
		low = 0xa0;
	else if (u[0] == 0xed)
		high = 0x9f; /* no surrogates */
	else if (u[0] == 0xf0)
		low = 0x90;
	else if (u[0] == 0xf4)
		high = 0x8f;
	if (len < n || u[1] < low || u[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (u[i] < 0x80 || u[i] > 0xbf)
			return 0;
	return n;
}

bool
utf8_valid(const char *s, size_t len)
{
	size_t n;

	for (size_t i = 0; i < len; i += n) {
		/* Runs of ASCII, eight bytes at a time. */
		for (uint64_t w; len - i >= sizeof w; i += sizeof w) {
			memcpy(&w, s + i, sizeof w);
			if (w & 0x8080808080808080U)
				break;
		}
		if (i == len)
			break;
		n = utf8_char(s + i, len - i);
		if (n == 0)
			return false;
	}
	return true;
}

/* The string before s[at], which is behind its closing quote; without escapes.
 */
static bool
string_before(const char *s, size_t *at, const char **string, size_t *len)
{
	const char *quote;

	if (*at < 2 || s[*at - 1] != '"')
		return false;
	quote = memrchr(s, '"', *at - 1);
	if (quote == NULL)
		return false;
	*string = quote + 1;
	*len = (size_t)(s + *at - 1 - *string);
	*at = (size_t)(quote - s);
	return memchr(*string, '\\', *len) == NULL &&
	       (*at == 0 || s[*at - 1] != '\\');
}

static bool
char_before(const char *s, size_t *at, char c)
{
	return *at > 0 && s[--*at] == c;
}

/* text is JSON. */
static bool
find_long_end(const char *text, size_t len, struct json_end *end)
{
	size_t at = len;

	if (!char_before(text, &at, '}') || !char_before(text, &at, '}') ||
	    !string_before(text, &at, &end->string, &end->string_len) ||
	    end->string_len < LONG_STRING || !char_before(text, &at, ':') ||
	    !string_before(text, &at, &end->name, &end->name_len) ||
	    !char_before(text, &at, '{') || !char_before(text, &at, ':') ||
	    !string_before(text, &at, &end->key, &end->key_len) ||
	    !char_before(text, &at, ','))
		return false;
	end->rest = at;
	return true;
}

/* What stands before the end, without it. */
static jv
parse_rest(const char *text, const struct json_end *end)
{
	struct buf rest = BUF_INIT;
	jv object;

	buf_add(&rest, text, end->rest);
	buf_addch(&rest, '}');
	object = jv_parse_sized(rest.data, (int)rest.len);
	buf_release(&rest);
	return object;
}

static int
check_parsed(jv value, jv *out, struct err *e)
{
	*out = value;
	if (jv_is_valid(value))
		return 0;
	jv_free(value);
	return err_set(e, ERR_DATA, "not JSON");
}

static int
check_size(const char *text, size_t len, struct err *e)
{
	if (len > INT32_MAX / 2)
		return err_set(e, ERR_DATA, "JSON text of %zu bytes", len);
	return json_check(text, len, e);
}

int
json_parse(const char *text, size_t len, jv *out, struct err *e)
{
	if (check_size(text, len, e) == -1)
		return -1;
	return check_parsed(jv_parse_sized(text, (int)len), out, e);
}

static bool
is_called(const char *text, size_t len, const char *name)
{
	return len == strlen(name) && memcmp(text, name, len) == 0;
}

int
json_parse_end(const char *text, size_t len, const char *key, const char *name,
    jv *out, struct json_end *end, struct err *e)
{
	struct json_end found;

	*end = (struct json_end){0};
	if (check_size(text, len, e) == -1)
		return -1;
	if (!find_long_end(text, len, &found) ||
	    !is_called(found.key, found.key_len, key) ||
	    !is_called(found.name, found.name_len, name))
		return check_parsed(jv_parse_sized(text, (int)len), out, e);
	if (check_parsed(parse_rest(text, &found), out, e) == -1)
		return -1;
	/* Of two the last one counts. */
	if (jv_get_kind(*out) == JV_KIND_OBJECT)
		*out = json_del(*out, key);
	*end = found;
	return 0;
}

static jv
get(jv obj, const char *key)
{
	if (jv_get_kind(obj) != JV_KIND_OBJECT)
		return jv_invalid();
	return jv_object_get(jv_copy(obj), jv_string(key));
}

const char *
json_strn(jv obj, const char *key, size_t *len)
{
	jv v = get(obj, key);
	const char *s = NULL;

	if (jv_get_kind(v) == JV_KIND_STRING) {
		/* obj keeps a reference, so the text outlives ours. */
		s = jv_string_value(v);
		*len = (size_t)jv_string_length_bytes(jv_copy(v));
	}
	jv_free(v);
	return s;
}

const char *
json_str(jv obj, const char *key)
{
	size_t len;
	const char *s = json_strn(obj, key, &len);

	/* A NUL inside would cut it silently. */
	return s != NULL && memchr(s, '\0', len) == NULL ? s : NULL;
}

int64_t
json_int(jv obj, const char *key, int64_t fallback)
{
	jv v = get(obj, key);
	double d;

	if (jv_get_kind(v) == JV_KIND_NUMBER) {
		d = jv_number_value(v);
		if (d > -9e15 && d < 9e15)
			fallback = (int64_t)d;
	}
	jv_free(v);
	return fallback;
}

bool
json_true(jv obj, const char *key)
{
	jv v = get(obj, key);
	bool is_true = jv_get_kind(v) == JV_KIND_TRUE;

	jv_free(v);
	return is_true;
}

jv
json_member(jv obj, const char *key, jv_kind kind)
{
	jv v = get(obj, key);

	if (jv_get_kind(v) == kind)
		return v;
	jv_free(v);
	return jv_invalid();
}

bool
json_has(jv obj, const char *key)
{
	jv v = get(obj, key);
	bool has = jv_is_valid(v);

	jv_free(v);
	return has;
}

jv
json_set(jv obj, const char *key, jv value)
{
	return jv_object_set(obj, jv_string(key), value);
}

jv
json_set_str(jv obj, const char *key, const char *value)
{
	return jv_object_set(obj, jv_string(key), jv_string(value));
}

jv
json_del(jv obj, const char *key)
{
	return jv_object_delete(obj, jv_string(key));
}

jv
json_bytes(const char *data, size_t len)
{
	struct buf text = BUF_INIT;
	size_t n;
	jv s;

	for (size_t i = 0; i < len; i += n) {
		n = utf8_char(data + i, len - i);
		if (n > 0) {
			buf_add(&text, data + i, n);
			continue;
		}
		buf_addf(&text, "\\x%02x", (unsigned char)data[i]);
		n = 1;
	}
	s = jv_string_sized(text.data != NULL ? text.data : "", (int)text.len);
	buf_release(&text);
	return s;
}
