#include "core/json.h"

#include <stdio.h>
#include <string.h>

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

static size_t
digits(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] >= '0' && s[n] <= '9')
		n++;
	return n;
}

/* RFC 8259 6.  libjq takes what strtod takes, and drops leading zeros. */
static bool
is_number(const char *s, size_t len)
{
	size_t i = len > 0 && s[0] == '-', n;

	n = digits(s + i, len - i);
	if (n == 0 || (n > 1 && s[i] == '0'))
		return false;
	i += n;
	if (i < len && s[i] == '.') {
		i++;
		n = digits(s + i, len - i);
		if (n == 0)
			return false;
		i += n;
	}
	if (i < len && (s[i] == 'e' || s[i] == 'E')) {
		i++;
		i += i < len && (s[i] == '+' || s[i] == '-');
		n = digits(s + i, len - i);
		if (n == 0)
			return false;
		i += n;
	}
	return i == len;
}

static bool
is_literal(const char *s, size_t len)
{
	return (len == 4 && memcmp(s, "true", len) == 0) ||
	       (len == 5 && memcmp(s, "false", len) == 0) ||
	       (len == 4 && memcmp(s, "null", len) == 0) || is_number(s, len);
}

/* Bytes of the string that begins at s; libjq finds out what is wrong in it. */
static size_t
string_size(const char *s, size_t len)
{
	size_t i = 1;

	while (i < len && s[i] != '"')
		i += s[i] == '\\' ? 2 : 1;
	return i + 1;
}

static bool
ends_literal(char c)
{
	return c == '\0' || strchr(" \t\r\n,:[]{}\"", c) != NULL;
}

enum token {
	TOKEN_SPACE,
	TOKEN_SEPARATOR,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_VALUE, /* a string, number or literal */
	TOKEN_BAD,
};

/* What is at s, and how long it is. */
static enum token
next_token(const char *s, size_t len, size_t *n)
{
	*n = 1;
	switch (s[0]) {
	case ' ':
	case '\t':
	case '\r':
	case '\n':
		return TOKEN_SPACE;
	case ',':
	case ':':
		return TOKEN_SEPARATOR;
	case '[':
	case '{':
		return TOKEN_OPEN;
	case ']':
	case '}':
		return TOKEN_CLOSE;
	case '"':
		*n = string_size(s, len);
		return TOKEN_VALUE;
	case '\0':
		return TOKEN_BAD;
	default:
		while (*n < len && !ends_literal(s[*n]))
			++*n;
		return is_literal(s, *n) ? TOKEN_VALUE : TOKEN_BAD;
	}
}

/*
 * What libjq is lax about, and differently so in its versions: depth, literals,
 * NUL; and two values with nothing between, of which it leaks one.
 */
static int
check_text(const char *s, size_t len, struct err *e)
{
	int depth = 0;
	bool is_after_value = false;
	enum token token;
	size_t n;

	for (size_t i = 0; i < len; i += n) {
		token = next_token(s + i, len - i, &n);
		if (token == TOKEN_SPACE)
			continue;
		if (token == TOKEN_BAD ||
		    (is_after_value &&
			(token == TOKEN_VALUE || token == TOKEN_OPEN)))
			return err_set(e, ERR_DATA, "not JSON");
		is_after_value = token == TOKEN_VALUE || token == TOKEN_CLOSE;
		if (token == TOKEN_OPEN && ++depth > JSON_DEPTH_MAX)
			return err_set(e, ERR_DATA,
			    "JSON nested deeper than %d levels",
			    JSON_DEPTH_MAX);
		if (token == TOKEN_CLOSE)
			depth--;
	}
	return 0;
}

int
json_parse(const char *text, size_t len, jv *out, struct err *e)
{
	if (!utf8_valid(text, len))
		return err_set(e, ERR_DATA, "not UTF-8");
	if (len > INT32_MAX / 2)
		return err_set(e, ERR_DATA, "JSON text of %zu bytes", len);
	if (check_text(text, len, e) == -1)
		return -1;
	*out = jv_parse_sized(text, (int)len);
	if (!jv_is_valid(*out)) {
		jv_free(*out);
		return err_set(e, ERR_DATA, "not JSON");
	}
	return 0;
}

void
json_dump(jv v, struct buf *out)
{
	jv s = jv_dump_string(v, 0);

	buf_add(out, jv_string_value(s),
	    (size_t)jv_string_length_bytes(jv_copy(s)));
	jv_free(s);
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
