#include "core/json_list.h"

#include <stdlib.h>
#include <string.h>

#include "core/hex.h"

struct json_shared *
json_shared_new(const char *data, size_t len)
{
	struct json_shared *t = xmalloc(sizeof *t + len + 1);

	t->refs = 1;
	t->len = len;
	if (len > 0)
		memcpy(t->data, data, len);
	t->data[len] = '\0';
	return t;
}

struct json_shared *
json_shared_copy(struct json_shared *t)
{
	if (t != NULL)
		t->refs++;
	return t;
}

void
json_shared_free(struct json_shared *t)
{
	if (t != NULL && --t->refs == 0)
		free(t);
}

struct json_list *
json_list_new(enum json_kind kind)
{
	struct json_list *l = xcalloc(1, sizeof *l);

	l->refs = 1;
	l->kind = kind;
	return l;
}

void
json_list_free(struct json_list *l)
{
	if (--l->refs > 0)
		return;
	for (uint32_t i = 0; i < l->n; i++) {
		json_shared_free(l->items[i].key);
		json_free(l->items[i].value);
	}
	free(l->items);
	free(l->sorted);
	json_shared_free(l->source);
	free(l);
}

/*
 * From here on: texts that json_check has found good, so that nothing has to be
 * looked at twice.
 */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind the string whose opening quote is at s[at]. */
static uint32_t
string_end(const char *s, uint32_t at, uint32_t end)
{
	const char *quote = s + at, *slash;

	for (;;) {
		quote = memchr(quote + 1, '"', (size_t)(s + end - quote - 1));
		for (slash = quote; slash[-1] == '\\'; slash--)
			continue;
		/* An even number of them escape each other. */
		if ((quote - slash) % 2 == 0)
			return (uint32_t)(quote + 1 - s);
	}
}

static uint32_t
value_end(const char *s, uint32_t at, uint32_t end)
{
	unsigned depth = 0;

	for (; at < end; at++) {
		switch (s[at]) {
		case '"':
			at = string_end(s, at, end) - 1;
			break;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			if (depth == 0)
				return at; /* of the list around a number */
			depth--;
			break;
		case ',':
		case ' ':
		case '\t':
		case '\r':
		case '\n':
			if (depth == 0)
				return at;
			continue;
		default:
			continue;
		}
		if (depth == 0)
			return at + 1;
	}
	return at;
}

/* The next byte that is neither white space nor, between items, a comma. */
static uint32_t
skip(const char *s, uint32_t at, char also)
{
	while (is_space(s[at]) || s[at] == also)
		at++;
	return at;
}

struct json_item *
json_list_add(struct json_list *l)
{
	if (l->n >= l->room) {
		l->room = l->n < 16 ? 16 : l->n * 2;
		l->items = xrealloc(l->items, l->room, sizeof *l->items);
	}
	l->items[l->n] = (struct json_item){0};
	return &l->items[l->n++];
}

void
json_list_open(struct json_list *l)
{
	const char *s;
	uint32_t at, end;
	struct json_item *item;

	if (l->is_open)
		return;
	l->is_open = true;
	if (l->source == NULL)
		return;
	s = l->source->data;
	end = l->at + l->len - 1; /* the closing bracket */
	for (at = skip(s, l->at + 1, ','); at < end; at = skip(s, at, ',')) {
		item = json_list_add(l);
		if (l->kind == JSON_OBJECT) {
			item->key_at = at + 1;
			at = string_end(s, at, end);
			item->key_len = at - 1 - item->key_at;
			at = skip(s, at, ':');
		}
		item->at = at;
		at = value_end(s, at, end);
		item->len = at - item->at;
	}
}

static unsigned
hex4(const char *s)
{
	unsigned value = 0;

	for (int i = 0; i < 4; i++)
		value = value * 16 + (unsigned)hex_digit(s[i]);
	return value;
}

static char *
put_utf8(char *out, unsigned c)
{
	if (c < 0x80) {
		*out++ = (char)c;
		return out;
	}
	if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*out++ = (char)(0xe0 | c >> 12);
		} else {
			*out++ = (char)(0xf0 | c >> 18);
			*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*out++ = (char)(0x80 | (c & 0x3f));
	return out;
}

/* Write the character of the escape at *s, and move behind it. */
static char *
put_escape(char *out, const char **s)
{
	static const char letters[] = "bfnrt", bytes[] = "\b\f\n\r\t";
	char letter = (*s)[1];
	const char *known = strchr(letters, letter);
	unsigned c;

	if (letter != 'u') {
		*s += 2;
		*out++ = known != NULL ? bytes[known - letters] : letter;
		return out;
	}
	c = hex4(*s + 2);
	*s += 6;
	if (c >= 0xd800 && c <= 0xdbff) { /* the other half follows */
		c = 0x10000 + ((c - 0xd800) << 10) + (hex4(*s + 2) - 0xdc00);
		*s += 6;
	}
	return put_utf8(out, c);
}

/* A string without its quotes.  It never becomes longer. */
static struct json_shared *
decode(const char *s, size_t len)
{
	const char *end = s + len, *slash = memchr(s, '\\', len);
	struct json_shared *t;
	char *out;

	if (slash == NULL)
		return json_shared_new(s, len);
	t = xmalloc(sizeof *t + len + 1);
	t->refs = 1;
	out = t->data;
	for (; slash != NULL; slash = memchr(s, '\\', (size_t)(end - s))) {
		memcpy(out, s, (size_t)(slash - s));
		out += slash - s;
		s = slash;
		out = put_escape(out, &s);
	}
	memcpy(out, s, (size_t)(end - s));
	out += end - s;
	*out = '\0';
	t->len = (size_t)(out - t->data);
	return t;
}

const struct json_shared *
json_item_key(const struct json_list *l, struct json_item *item)
{
	if (item->key == NULL)
		item->key =
		    decode(l->source->data + item->key_at, item->key_len);
	return item->key;
}

json
json_item_value(const struct json_list *l, struct json_item *item)
{
	if (item->value.kind == JSON_NONE)
		item->value = json_slice(l->source, item->at, item->len);
	return json_copy(item->value);
}

static json
slice_list(
    enum json_kind kind, struct json_shared *source, uint32_t at, uint32_t len)
{
	struct json_list *l = json_list_new(kind);

	l->source = json_shared_copy(source);
	l->at = at;
	l->len = len;
	return (json){kind, {.list = l}};
}

json
json_slice(struct json_shared *source, uint32_t at, uint32_t len)
{
	const char *s = source->data + at;

	switch (s[0]) {
	case '{':
		return slice_list(JSON_OBJECT, source, at, len);
	case '[':
		return slice_list(JSON_ARRAY, source, at, len);
	case '"':
		return (json){JSON_STRING, {.text = decode(s + 1, len - 2)}};
	case 't':
		return json_bool(true);
	case 'f':
		return json_bool(false);
	case 'n':
		return json_null();
	default:
		return (json){JSON_NUMBER, {.text = json_shared_new(s, len)}};
	}
}
