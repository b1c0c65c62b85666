#include "core/utf8.h"

#include <stdint.h>
#include <string.h>

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

size_t
utf8_cut(const char *s, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max > 0 && ((unsigned char)s[max] & 0xc0) == 0x80)
		max--;
	return max;
}
