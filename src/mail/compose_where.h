/* Errors about members of a record's "mail", by their paths. */
#ifndef MAIL_COMPOSE_WHERE_H
#define MAIL_COMPOSE_WHERE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "core/json.h"

/* "mail.attachments[0].name" */
struct where {
	const char *member; /* NULL: "mail" itself */
	int index; /* -1: not of an array */
	const char *sub; /* NULL: none */
};

/* ERR_DATA.  Always -1. */
int where_wrong(const struct where *w, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* "is a number, must be …" */
int where_kind(const struct where *w, json v, const char *must, struct err *e);

/*
 * Members that nobody knows (those of words, with blanks between, are known)
 * and those that are there twice are ERR_DATA.
 */
int where_members(
    const struct where *w, json obj, const char *words, struct err *e);

/* Text that something is made of; borrowed from the value. */
struct text {
	const char *data; /* NULL: there is none */
	size_t len;
};

/*
 * A string of one line: without control characters (C0, DEL, C1), so that
 * nothing of it can end a header field.  At most max bytes.
 */
int where_line(
    const struct where *w, json v, size_t max, struct text *out, struct err *e);

/* The same of a member; w->sub or w->member is its name.  Absent: no text. */
int where_line_of(const struct where *w, json obj, const char *key, size_t max,
    struct text *out, struct err *e);

/* The same for text from elsewhere. */
int where_clean(const struct where *w, const char *text, struct err *e);

/* Only printable ASCII without blanks? */
bool text_is_token(struct text t);
bool text_is_ascii(struct text t);

#endif
