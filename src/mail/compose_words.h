/*
 * Encoded words (RFC 2047): text that is not ASCII, in header fields.  Each is
 * at most WORDS_MAX characters and holds whole characters, so that it can be
 * decoded alone.
 */
#ifndef MAIL_COMPOSE_WORDS_H
#define MAIL_COMPOSE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"

enum {
	WORDS_MAX = 75,
	WORDS_LEAST = 34, /* room that any one character fits in */
};

enum words_form {
	WORDS_Q, /* UTF-8; fit for any place (RFC 2047 5) */
	WORDS_B,
	WORDS_JIS, /* ISO-2022-JP, B */
};

struct words {
	const char *text; /* what is to come; borrowed */
	size_t n;
	enum words_form form;
};

/* Can't it stand for itself?  It is not ASCII, or looks like such a word. */
bool words_needed(const char *text, size_t n);

/*
 * Begin: in ISO-2022-JP if that is asked for and has all the characters, else
 * in UTF-8, in whichever form is shorter.
 */
void words_begin(struct words *w, const char *text, size_t n, bool is_jis);

/* How long it is as one word. */
size_t words_size(const struct words *w);

/*
 * Append the next word, of at most max characters (WORDS_LEAST to WORDS_MAX),
 * while w->n is not 0.
 */
void words_next(struct words *w, size_t max, struct buf *out);

#endif
