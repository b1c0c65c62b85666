/*
 * Header fields as they are written: folded where white space is, at FIELD_LINE
 * characters if there is any, never inside a word (RFC 5322 2.1.1 and 2.2.3).
 */
#ifndef MAIL_COMPOSE_FIELD_H
#define MAIL_COMPOSE_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "mail/compose_words.h"

enum {
	FIELD_LINE = 76, /* the limit of lines with encoded words, RFC 2047 2 */
	FIELD_WORD_MAX = 900, /* so that no line has over 998 */
};

struct field {
	struct buf *out;
	size_t begin; /* behind its name */
	size_t line; /* where its last line begins */
	bool is_jis; /* ISO-2022-JP is wanted */
};

/* "Name:" */
void field_begin(
    struct field *f, struct buf *out, const char *name, bool is_jis);

/* A space and a word of at most FIELD_WORD_MAX bytes, which is not changed. */
void field_word(struct field *f, const char *word, size_t n);

/* Encoded words for all of the text. */
void field_coded(struct field *f, const char *text, size_t n);

/*
 * Text without structure (RFC 5322 2.2.1), which has no control characters:
 * encoded from the first word that must be to the last.
 */
void field_text(struct field *f, const char *text, size_t n);

void field_end(struct field *f);

/* All of it. */
void field_line(struct buf *out, const char *name, const char *text);

#endif
