#include "mail/dsn.h"

#include <string.h>

enum {
	DIGITS_MAX = 3, /* of subject and detail */
};

/* How many digits there are at s, one to three; else 0. */
static size_t
number(const char *s, const char *end)
{
	size_t n = 0;

	while (s + n < end && s[n] >= '0' && s[n] <= '9')
		n++;
	return n <= DIGITS_MAX ? n : 0;
}

size_t
dsn_length(const char *text, size_t len)
{
	const char *s = text, *end = text + len;
	size_t n;

	if (len < 2 || memchr("245", s[0], 3) == NULL || s[1] != '.')
		return 0;
	s += 2;
	n = number(s, end);
	if (n == 0 || s + n == end || s[n] != '.')
		return 0;
	s += n + 1;
	n = number(s, end);
	if (n == 0 || (s + n < end && memchr(" \t\n\v\f\r", s[n], 6) == NULL))
		return 0;
	return (size_t)(s + n - text);
}
