#include "handler/explain_text.h"

#include <stdbool.h>
#include <string.h>

/* Nothing of a mail may reach a terminal as a control character (C0, C1). */
static size_t
control_length(const char *s, size_t len)
{
	unsigned char c = (unsigned char)s[0];

	if (c < 0x20 || c == 0x7f)
		return 1;
	if (c == 0xc2 && len > 1 && ((unsigned char)s[1] & 0xe0) == 0x80)
		return 2;
	return 0;
}

static void
add_plain(struct buf *out, const char *s, size_t len)
{
	size_t n;

	for (; len > 0; s += n, len -= n) {
		n = control_length(s, len);
		buf_addch(out, n > 0 ? '?' : *s);
		n = n > 0 ? n : 1;
	}
}

/* As one would type it for a shell, where that needs anything. */
static void
add_word(struct buf *out, const char *s, size_t len)
{
	static const char harmless[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	    "@%+=:,./_-";
	size_t n;

	if (len > 0 && strspn(s, harmless) == len) {
		buf_add(out, s, len);
		return;
	}
	buf_addch(out, '\'');
	for (; len > 0; s += n, len -= n) {
		const char *quote = memchr(s, '\'', len);

		n = quote != NULL ? (size_t)(quote - s) : len;
		add_plain(out, s, n);
		if (quote == NULL)
			continue;
		buf_addstr(out, "'\\''");
		n++;
	}
	buf_addch(out, '\'');
}

static void
add_value(struct buf *out, json v)
{
	struct buf text = BUF_INIT;

	if (json_kind(v) == JSON_STRING) {
		add_plain(out, json_string_value(v), json_string_len(v));
		return;
	}
	json_dump(json_copy(v), &text);
	add_plain(out, text.data, text.len);
	buf_release(&text);
}

static void
add_words(struct buf *out, json words)
{
	for (int i = 0; i < json_count(words); i++) {
		json v = json_at(words, i);

		if (i > 0)
			buf_addch(out, ' ');
		if (json_kind(v) == JSON_STRING)
			add_word(out, json_string_value(v), json_string_len(v));
		json_free(v);
	}
}

/* "0 ok, 65 fail"; or with a line for each, "NAME=value". */
static void
add_members(struct buf *out, json obj, const char *between, const char *behind)
{
	size_t len;

	for (int i = 0; i < json_count(obj); i++) {
		json v = json_at(obj, i);
		const char *key = json_key_at(obj, i, &len);

		if (i > 0)
			buf_addstr(out, behind);
		add_plain(out, key, len);
		buf_addstr(out, between);
		add_value(out, v);
		json_free(v);
	}
}

static const char indent[] = "\n                ";

static void
add_row(struct buf *out, const char *key, json v)
{
	buf_addf(out, "  %-13s ", key);
	if (strcmp(key, "argv") == 0)
		add_words(out, v);
	else if (strcmp(key, "env") == 0)
		add_members(out, v, "=", indent);
	else if (json_kind(v) == JSON_OBJECT)
		add_members(out, v, " ", ", ");
	else
		add_value(out, v);
	buf_addch(out, '\n');
}

/* What there is nothing to say about. */
static bool
is_empty(json v)
{
	return json_kind(v) == JSON_NULL ||
	       (json_kind(v) == JSON_OBJECT && json_count(v) == 0);
}

void
explain_text(json explanation, struct buf *out)
{
	size_t len;

	for (int i = 0; i < json_count(explanation); i++) {
		const char *key = json_key_at(explanation, i, &len);
		json v = json_at(explanation, i);

		if (i == 0) {
			add_value(out, v);
			buf_addch(out, '\n');
		} else if (!is_empty(v)) {
			add_row(out, key, v);
		}
		json_free(v);
	}
}
