#include "core/json_text.h"

#include <string.h>

#include "core/json.h"

void
json_text_comma(struct buf *out)
{
	char last = out->len > 0 ? out->data[out->len - 1] : '[';

	if (last != '{' && last != '[')
		buf_addch(out, ',');
}

void
json_text_open(struct buf *out, char bracket)
{
	json_text_comma(out);
	buf_addch(out, bracket);
}

void
json_text_key(struct buf *out, const char *key)
{
	json_text_comma(out);
	buf_addch(out, '"');
	buf_addstr(out, key);
	buf_addstr(out, "\":");
}

static bool
is_plain(unsigned char c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

/* What cannot stand as it is.  How many bytes of s it was. */
static size_t
add_special(struct buf *out, const char *s, size_t n)
{
	static const char named[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
	unsigned char c = (unsigned char)*s;
	const char *name = c != '\0' ? strchr(named, c) : NULL;
	size_t len;

	if (name != NULL) {
		buf_addch(out, '\\');
		buf_addch(out, names[name - named]);
		return 1;
	}
	if (c < ' ' || c == 0x7f) {
		buf_addf(out, "\\u%04x", c);
		return 1;
	}
	len = utf8_char(s, n);
	if (len > 0) {
		buf_add(out, s, len);
		return len;
	}
	buf_addf(out, "\\\\x%02x", c);
	return 1;
}

void
json_text_string(struct buf *out, const char *data, size_t n)
{
	size_t plain;

	buf_addch(out, '"');
	while (n > 0) {
		plain = 0;
		while (plain < n && is_plain((unsigned char)data[plain]))
			plain++;
		buf_add(out, data, plain);
		data += plain;
		n -= plain;
		if (n > 0) {
			plain = add_special(out, data, n);
			data += plain;
			n -= plain;
		}
	}
	buf_addch(out, '"');
}

void
json_text_member(struct buf *out, const char *key, const char *data, size_t n)
{
	json_text_key(out, key);
	json_text_string(out, data, n);
}

void
json_text_member_str(struct buf *out, const char *key, const char *s)
{
	json_text_member(out, key, s, strlen(s));
}

void
json_text_member_int(struct buf *out, const char *key, int64_t n)
{
	json_text_key(out, key);
	buf_addf(out, "%lld", (long long)n);
}

bool
json_text_limit(struct buf *out, size_t start, size_t max)
{
	if (out->len - start <= max)
		return false;
	out->len = start;
	return true;
}
