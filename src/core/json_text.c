#include "core/json_text.h"

#include <stdint.h>
#include <string.h>

#include "core/json.h"
#include "core/utf8.h"

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

/* Eight bytes at once, by what borrows into a byte's high bit; in doubt no. */
static bool
are_plain(const char *s)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t w, special;

	memcpy(&w, s, sizeof w);
	special = w | (w - ones * ' ') | ((w ^ ones * '"') - ones) |
		  ((w ^ ones * '\\') - ones) | ((w ^ ones * 0x7f) - ones);
	return (special & ones * 0x80) == 0;
}

static size_t
ascii_size(const char *s, size_t n)
{
	size_t i = 0;

	while (n - i >= sizeof(uint64_t) && are_plain(s + i))
		i += sizeof(uint64_t);
	while (i < n && is_plain((unsigned char)s[i]))
		i++;
	return i;
}

/* Most of Japanese text: three bytes, of no range that needs a closer look. */
static bool
is_three_bytes(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;
	uint32_t c = (uint32_t)u[0] << 16 | (uint32_t)u[1] << 8 | u[2];

	return (c & 0xf0c0c0) == 0xe08080 && u[0] != 0xe0 && u[0] != 0xed;
}

/* So many bytes can stand as they are. */
static size_t
plain_size(const char *s, size_t n)
{
	size_t i = 0, len;

	for (;;) {
		i += ascii_size(s + i, n - i);
		while (n - i >= 3 && is_three_bytes(s + i))
			i += 3;
		if (i < n && is_plain((unsigned char)s[i]))
			continue;
		if (i == n || (unsigned char)s[i] < 0x80)
			return i;
		len = utf8_char(s + i, n - i);
		if (len == 0)
			return i;
		i += len;
	}
}

/* The letter after the backslash; 0: it has none. */
static char
escape_of(unsigned char c)
{
	switch (c) {
	case '"':
	case '\\':
		return (char)c;
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	default:
		return '\0';
	}
}

/* A byte that cannot. */
static void
add_special(struct buf *out, unsigned char c)
{
	char escape[2] = {'\\', escape_of(c)};

	if (escape[1] != '\0')
		buf_add(out, escape, sizeof escape);
	else if (c < 0x80)
		buf_addf(out, "\\u%04x", c);
	else
		buf_addf(out, "\\\\x%02x", c);
}

void
json_text_string(struct buf *out, const char *data, size_t n)
{
	size_t plain;

	buf_addch(out, '"');
	for (;;) {
		plain = plain_size(data, n);
		buf_add(out, data, plain);
		if (plain == n)
			break;
		add_special(out, (unsigned char)data[plain]);
		data += plain + 1;
		n -= plain + 1;
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
