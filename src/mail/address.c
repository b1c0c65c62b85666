#include "mail/address.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"

/* What local(8) lets pass into the environment. */
static const char shell_safe[] = "1234567890!@%-_=+:,./"
				 "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

char *
address_clean(const char *s, size_t len, struct err *e)
{
	for (; len > 0 && is_blank(s[0]); len--)
		s++;
	while (len > 0 && is_blank(s[len - 1]))
		len--;
	if (len > 1 && s[0] == '<' && s[len - 1] == '>') {
		s++;
		len -= 2;
	}
	if (len > ADDRESS_MAX) {
		err_set(e, ERR_USAGE, "an address of %zu bytes, at most %d",
		    len, ADDRESS_MAX);
		return NULL;
	}
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)s[i] >= ' ' && s[i] != 0x7f)
			continue;
		err_set(e, ERR_USAGE, "a control character in an address");
		return NULL;
	}
	return xstrndup(s, len);
}

/* "a b"@example.com as the MTA has it inside: a b@example.com. */
static char *
unquote(const char *s)
{
	struct buf out = BUF_INIT;
	const char *p;

	if (s[0] != '"')
		return xstrdup(s);
	for (p = s + 1; *p != '\0' && *p != '"'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		buf_addch(&out, *p);
	}
	if (*p == '\0') {
		buf_release(&out);
		return xstrdup(s); /* not a quoted string */
	}
	buf_addstr(&out, p + 1);
	return buf_detach(&out);
}

static bool
is_sanitised(const char *safe, const char *full)
{
	size_t n = strlen(safe);

	if (strlen(full) != n || memcmp(safe, full, n) == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (safe[i] != full[i] &&
		    (safe[i] != '_' || strchr(shell_safe, full[i]) != NULL))
			return false;
	return true;
}

bool
address_is_sanitised(const char *safe, const char *full)
{
	char *plain;
	bool is;

	if (is_sanitised(safe, full))
		return true;
	plain = unquote(full);
	is = is_sanitised(safe, plain);
	free(plain);
	return is;
}

static bool
is_dot_atom(const char *s, size_t len)
{
	char before = '.';

	for (size_t i = 0; i < len; before = s[i++])
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f ||
		    strchr("()<>@,;:\\\"[]", s[i]) != NULL ||
		    (s[i] == '.' && before == '.'))
			return false;
	return before != '.';
}

static bool
is_quoted(const char *s, size_t len)
{
	return len >= 2 && s[0] == '"' && s[len - 1] == '"';
}

void
address_quote(struct buf *out, const char *address)
{
	const char *at = strrchr(address, '@');
	size_t len = at != NULL ? (size_t)(at - address) : strlen(address);

	if (len == 0 || is_dot_atom(address, len) || is_quoted(address, len)) {
		buf_addstr(out, address);
		return;
	}
	buf_addch(out, '"');
	for (size_t i = 0; i < len; i++) {
		if (address[i] == '"' || address[i] == '\\')
			buf_addch(out, '\\');
		buf_addch(out, address[i]);
	}
	buf_addch(out, '"');
	buf_addstr(out, address + len);
}
