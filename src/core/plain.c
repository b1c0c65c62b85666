#include "core/plain.h"

#include <stdbool.h>
#include <stdint.h>

#include "core/json.h"
#include "core/utf8.h"

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

void
plain_add(struct buf *out, const char *s, size_t n, size_t max)
{
	size_t len;

	for (size_t i = 0; i < n; i += len) {
		uint32_t c;

		len = utf8_char(s + i, n - i);
		if (i + (len > 0 ? len : 1) > max) {
			buf_addstr(out, "...");
			return;
		}
		c = len > 0 ? code_point(s + i, len) : 0;
		if (len > 0 && is_seen(c))
			buf_add(out, s + i, len);
		else if (len > 1)
			buf_addf(out, "\\u{%x}", (unsigned)c);
		else
			buf_addf(out, "\\x%02x", (unsigned char)s[i]);
		if (len == 0)
			len = 1;
	}
}
