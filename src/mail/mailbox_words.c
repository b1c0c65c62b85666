#include "mail/mailbox_words.h"

#include <string.h>

#include "mail/address.h"

/* RFC 5322 atext, '.' and UTF-8 (RFC 6532). */
static bool
is_atom(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.data[i] <= ' ' || s.data[i] == 0x7f ||
		    strchr("()<>[]:;@\\,\"", s.data[i]) != NULL)
			return false;
	return true;
}

static bool
has_control(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.data[i] < ' ' || s.data[i] == 0x7f)
			return true;
	return false;
}

static bool
is_address_word(const struct word *w)
{
	switch (w->kind) {
	case WORD_ATOM:
		return is_atom(w->text);
	case WORD_QUOTED:
	case WORD_LITERAL:
		return !has_control(w->text);
	default:
		return false;
	}
}

static char
last_char(const struct word *w)
{
	return w->text.data[w->text.len - 1];
}

/*
 * May b follow a in one address?  White space is allowed around '@', and around
 * the dots of a domain (RFC 5322 4.4).
 */
static bool
joins(const struct word *a, const struct word *b, bool is_domain)
{
	if (!b->is_apart || a->kind == WORD_AT || b->kind == WORD_AT)
		return true;
	return is_domain && (last_char(a) == '.' || b->text.data[0] == '.');
}

size_t
words_joined(struct words words)
{
	bool is_domain = false;
	size_t n = 1;

	for (; n < words.n; n++) {
		is_domain |= words.at[n - 1].kind == WORD_AT;
		if (!joins(&words.at[n - 1], &words.at[n], is_domain))
			break;
	}
	return n;
}

/* Something, one '@', something. */
static bool
has_two_sides(struct words words)
{
	size_t ats = 0;

	for (size_t i = 0; i < words.n; i++)
		ats += words.at[i].kind == WORD_AT;
	return ats == 1 && words.at[0].kind != WORD_AT &&
	       words.at[words.n - 1].kind != WORD_AT;
}

bool
words_address(struct words words, struct buf *out)
{
	buf_reset(out);
	if (!has_two_sides(words) || words_joined(words) < words.n)
		return false;
	for (size_t i = 0; i < words.n; i++) {
		const struct word *w = &words.at[i];

		if (w->kind != WORD_AT && !is_address_word(w))
			return false;
		if (w->text.len > ADDRESS_MAX - out->len)
			return false;
		buf_add(out, w->text.data, w->text.len);
	}
	return true;
}

void
words_name(struct words words, struct buf *out)
{
	buf_reset(out);
	for (size_t i = 0; i < words.n; i++) {
		const struct word *w = &words.at[i];

		if (w->is_apart && out->len > 0)
			buf_addch(out, ' ');
		if (w->kind == WORD_QUOTED)
			word_unquote(w, out);
		else
			buf_add(out, w->text.data, w->text.len);
	}
}

struct words
words_without_route(struct words words)
{
	size_t i = 0;

	if (words.n == 0 || words.at[0].kind != WORD_AT)
		return words;
	while (i < words.n && words.at[i].kind != WORD_COLON)
		i++;
	if (i < words.n)
		i++;
	return (struct words){words.at + i, words.n - i};
}
