/*
 * The words of a list of addresses (RFC 5322 3.2): atoms, quoted strings,
 * comments, domain literals and the characters between them.  One pass, and
 * nothing is refused:
 *
 *   - a '(', '"' or '[' that nothing closes is a character like others
 *   - '[' begins a literal after '@' only: names have brackets as well
 *   - an encoded word is one atom, whatever is in it (RFC 2047)
 *
 * The value is UTF-8 (encoded_raw): in other charsets the bytes of characters
 * may look like those of the syntax.
 */
#ifndef MAIL_MAILBOX_LEX_H
#define MAIL_MAILBOX_LEX_H

#include <stdbool.h>

#include "core/buf.h"
#include "mail/header.h"

enum word_kind {
	WORD_ATOM, /* dots are in it; so is what has no place elsewhere */
	WORD_QUOTED, /* its text has the quotes */
	WORD_LITERAL, /* its text has the brackets */
	WORD_COMMENT, /* its text has the parentheses */
	WORD_AT,
	WORD_OPEN, /* '<' */
	WORD_CLOSE, /* '>' */
	WORD_COMMA,
	WORD_COLON,
	WORD_SEMICOLON,
};

struct word {
	enum word_kind kind;
	bool is_apart; /* white space or a comment is before it */
	struct slice text; /* as it came */
};

struct lexer {
	const char *p, *end; /* what is to come */
	bool is_apart, is_after_at;
	/* From p on there is none that ends. */
	bool no_comment, no_quoted, no_literal;
	bool has_unclosed; /* so there was one that did not */
};

void lexer_begin(struct lexer *l, struct slice value);

/* The next word; false: no more.  It borrows from the value. */
bool lexer_next(struct lexer *l, struct word *w);

/*
 * Append what is between the two ends of a quoted string or comment, quoted
 * pairs undone.
 */
void word_unquote(const struct word *w, struct buf *out);

#endif
