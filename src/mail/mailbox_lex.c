#include "mail/mailbox_lex.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void
lexer_begin(struct lexer *l, struct slice value)
{
	*l = (struct lexer){
	    .p = value.data,
	    .end = value.data + value.len,
	};
}

/* Bytes at p that belong together: what a backslash quotes. */
static size_t
unit(const struct lexer *l, const char *p)
{
	return *p == '\\' && p + 1 < l->end ? 2 : 1;
}

/* A word of n bytes. */
static void
take(struct lexer *l, struct word *w, enum word_kind kind, size_t n)
{
	w->kind = kind;
	w->text = (struct slice){l->p, n};
	w->is_apart = l->is_apart;
	l->p += n;
	l->is_apart = kind == WORD_COMMENT;
	if (kind != WORD_COMMENT)
		l->is_after_at = kind == WORD_AT;
}

/* From an open to the close that belongs to it; where they nest, open is '('.
 */
static bool
take_closed(struct lexer *l, struct word *w, enum word_kind kind, char close)
{
	const char *p = l->p;
	size_t depth = 0;

	for (; p < l->end; p += unit(l, p)) {
		if (p == l->p || (kind == WORD_COMMENT && *p == '('))
			depth++;
		else if (*p == close && --depth == 0)
			break;
	}
	if (p >= l->end) {
		l->has_unclosed = true;
		return false;
	}
	take(l, w, kind, (size_t)(p + 1 - l->p));
	return true;
}

/* Bytes of an encoded word at l->p; 0: there is none. */
static size_t
encoded_word(const struct lexer *l)
{
	const char *p = l->p;
	int marks = 0;

	if (l->end - p < 2 || p[0] != '=' || p[1] != '?')
		return 0;
	for (p++; p < l->end && !is_blank(*p); p++)
		if (*p == '?' && ++marks == 4)
			break;
	if (marks < 4 || l->end - p < 2 || p[1] != '=')
		return 0;
	return (size_t)(p + 2 - l->p);
}

/* Does an atom end at p? */
static bool
is_end(const struct lexer *l, const char *p)
{
	if (is_blank(*p))
		return true;
	switch (*p) {
	case '(':
		return !l->no_comment;
	case '"':
		return !l->no_quoted;
	case '<':
	case '>':
	case '@':
	case ',':
	case ':':
	case ';':
		return true;
	default:
		return false;
	}
}

static void
take_atom(struct lexer *l, struct word *w)
{
	size_t n = encoded_word(l);
	const char *p = l->p + (n > 0 ? n : unit(l, l->p));

	while (p < l->end && !is_end(l, p))
		p += unit(l, p);
	take(l, w, WORD_ATOM, (size_t)(p - l->p));
}

/* A word that has two ends, if it has them. */
static bool
take_pair(struct lexer *l, struct word *w)
{
	switch (*l->p) {
	case '(':
		if (l->no_comment)
			return false;
		l->no_comment = !take_closed(l, w, WORD_COMMENT, ')');
		return !l->no_comment;
	case '"':
		if (l->no_quoted)
			return false;
		l->no_quoted = !take_closed(l, w, WORD_QUOTED, '"');
		return !l->no_quoted;
	case '[':
		if (l->no_literal || !l->is_after_at)
			return false;
		l->no_literal = !take_closed(l, w, WORD_LITERAL, ']');
		return !l->no_literal;
	default:
		return false;
	}
}

/* A word of one character. */
static bool
take_mark(struct lexer *l, struct word *w)
{
	static const struct {
		char c;
		enum word_kind kind;
	} marks[] = {
	    {'@', WORD_AT},
	    {'<', WORD_OPEN},
	    {'>', WORD_CLOSE},
	    {',', WORD_COMMA},
	    {':', WORD_COLON},
	    {';', WORD_SEMICOLON},
	};

	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		if (*l->p != marks[i].c)
			continue;
		take(l, w, marks[i].kind, 1);
		return true;
	}
	return false;
}

bool
lexer_next(struct lexer *l, struct word *w)
{
	for (; l->p < l->end && is_blank(*l->p); l->p++)
		l->is_apart = true;
	if (l->p == l->end)
		return false;
	if (!take_pair(l, w) && !take_mark(l, w))
		take_atom(l, w);
	return true;
}

void
word_unquote(const struct word *w, struct buf *out)
{
	const char *end = w->text.data + w->text.len - 1;

	for (const char *p = w->text.data + 1; p < end; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		buf_addch(out, *p);
	}
}
