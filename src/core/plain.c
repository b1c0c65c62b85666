#include "core/plain.h"

#include <stdbool.h>
#include <stdint.h>

#include "core/utf8.h"
#include "core/width.h"

enum {
	MARKS_MAX = 4, /* on one character; more are there to be in the way */
};

/* Characters that act, or hide; Unicode's Cc, Cf, Zl, Zp. */
static const struct {
	uint32_t first, last;
} unseen[] = {
    {0x00, 0x1f},
    {0x7f, 0x9f},
    {0xad, 0xad},
    {0x600, 0x605},
    {0x61c, 0x61c},
    {0x6dd, 0x6dd},
    {0x70f, 0x70f},
    {0x890, 0x891},
    {0x8e2, 0x8e2},
    {0x180b, 0x180f},
    {0x200b, 0x200f},
    {0x2028, 0x202e},
    {0x2060, 0x206f},
    {0xfeff, 0xfeff},
    {0xfff0, 0xfffb},
    {0x110bd, 0x110bd},
    {0x110cd, 0x110cd},
    {0x13430, 0x1343f},
    {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a},
    {0xe0000, 0xe0fff},
};

/* Of a well-formed character of n bytes. */
static uint32_t
code_point(const char *s, size_t n)
{
	static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t c = (unsigned char)s[0] & masks[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3f);
	return c;
}

static bool
is_seen(uint32_t c)
{
	for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++)
		if (c >= unseen[i].first && c <= unseen[i].last)
			return false;
	return true;
}

static void
shorten(struct buf *b, size_t len)
{
	b->len = len;
	b->data[len] = '\0';
}

/*
 * Append the first character, or what stands for it.  Its length in s, and how
 * many columns it takes.
 */
static size_t
add_one(struct buf *out, const char *s, size_t n, int *columns)
{
	size_t len = utf8_char(s, n), was = out->len;
	uint32_t c = len > 0 ? code_point(s, len) : 0;

	if (len > 0 && is_seen(c)) {
		buf_add(out, s, len);
		*columns = width_of(c);
		return len;
	}
	if (len > 1)
		buf_addf(out, "\\u{%x}", (unsigned)c);
	else
		buf_addf(out, "\\x%02x", (unsigned char)s[0]);
	*columns = (int)(out->len - was);
	return len > 0 ? len : 1;
}

void
plain_add(struct buf *out, const char *s, size_t n, size_t max)
{
	size_t len, was;
	int columns;

	for (size_t i = 0; i < n; i += len) {
		was = out->len;
		len = add_one(out, s + i, n - i, &columns);
		if (i + len > max) {
			shorten(out, was);
			buf_addstr(out, "...");
			return;
		}
	}
}

int
plain_fit(struct buf *out, const char *s, size_t n, int columns)
{
	size_t cut = out->len, was;
	int used = 0, before_cut = 0, marks = 0, width;

	for (size_t i = 0; i < n;) {
		was = out->len;
		i += add_one(out, s + i, n - i, &width);
		marks = width == 0 ? marks + 1 : 0;
		if (marks > MARKS_MAX) {
			shorten(out, was);
			continue;
		}
		if (used + width > columns) {
			shorten(out, cut);
			if (columns < 1)
				return 0;
			buf_addstr(out, "…");
			return before_cut + 1;
		}
		used += width;
		if (used < columns) { /* an ellipsis has room behind it */
			cut = out->len;
			before_cut = used;
		}
	}
	return used;
}
