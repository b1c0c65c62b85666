#include "mail/compose_param.h"

#include <string.h>

#include "mail/compose_words.h"

enum {
	PLAIN_MAX = 60, /* of a value, on its line */
	PIECE_MAX = 56, /* of an RFC 2231 value */
};

static bool
is_plain(const char *s, size_t n)
{
	if (n == 0 || n > PLAIN_MAX || words_needed(s, n) || s[0] == ' ' ||
	    s[n - 1] == ' ')
		return false;
	return memchr(s, '"', n) == NULL && memchr(s, '\\', n) == NULL;
}

void
param_add(struct buf *out, const char *name, const char *value, size_t n)
{
	buf_addf(out, ";\r\n %s=\"", name);
	for (size_t i = 0; i < n; i++) {
		if (value[i] == '"' || value[i] == '\\')
			buf_addch(out, '\\');
		buf_addch(out, value[i]);
	}
	buf_addch(out, '"');
}

/* attribute-char of RFC 2231 7, some left out that readers stumble over. */
static bool
is_attribute(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

/* How many bytes make a piece of at most max: a character may be cut, they are
 * put together before they are decoded (RFC 2231 3), but no "%XX" is. */
static size_t
piece_fit(const char *s, size_t n, size_t max)
{
	size_t i = 0, used = 0;

	for (; i < n; i++) {
		used += is_attribute((unsigned char)s[i]) ? 1 : 3;
		if (used > max)
			break;
	}
	return i;
}

static void
add_piece(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_attribute((unsigned char)s[i]))
			buf_addch(out, s[i]);
		else
			buf_addf(out, "%%%02X", (unsigned char)s[i]);
}

void
param_add_text(struct buf *out, const char *name, const char *value, size_t n)
{
	static const char charset[] = "UTF-8''";
	size_t room = PIECE_MAX - strlen(charset), taken;

	if (is_plain(value, n)) {
		param_add(out, name, value, n);
		return;
	}
	taken = piece_fit(value, n, room);
	if (taken == n) {
		buf_addf(out, ";\r\n %s*=%s", name, charset);
		add_piece(out, value, n);
		return;
	}
	for (unsigned i = 0; n > 0; i++) {
		buf_addf(
		    out, ";\r\n %s*%u*=%s", name, i, i == 0 ? charset : "");
		add_piece(out, value, taken);
		value += taken;
		n -= taken;
		taken = piece_fit(value, n, PIECE_MAX);
	}
}

void
param_add_words(
    struct buf *out, const char *name, const char *value, size_t n, bool is_jis)
{
	struct words w;
	size_t room = WORDS_MAX - strlen(name) - strlen("=\"\"");

	if (is_plain(value, n)) {
		param_add(out, name, value, n);
		return;
	}
	buf_addf(out, ";\r\n %s=\"", name);
	for (words_begin(&w, value, n, is_jis); w.n > 0; room = WORDS_MAX - 1) {
		words_next(&w, room, out);
		if (w.n > 0)
			buf_addstr(out, "\r\n ");
	}
	buf_addch(out, '"');
}
