/*
 * The parts that are open, from the root inwards: their boundaries, and who
 * gets the bytes that come.  For mail/mime.c.
 */
#ifndef MAIL_MIME_STACK_H
#define MAIL_MIME_STACK_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/mime.h"

struct mime_level {
	size_t index; /* of the part */
	size_t path_len;
	size_t children; /* so far */
	bool has_content; /* a leaf or a message */
	bool is_message;
	bool is_digest;
	size_t boundary_len; /* 0: no multipart */
	char boundary[MIME_BOUNDARY_MAX];
};

struct mime_stack {
	const struct mime_events *events;
	void *ctx;
	struct mime_level *levels; /* there is room for some */
	size_t depth;
	size_t n_multiparts, n_messages;
	char path[MIME_PATH_TEXT]; /* of the last level */
	/*
	 * A line end, or a CR that may begin one: it belongs to the boundary if
	 * one follows.  The parts that it is content of are those below
	 * held_depth.
	 */
	char held[2];
	size_t n_held, held_depth;
};

/* The line of a boundary. */
struct mime_boundary {
	size_t level; /* of its multipart */
	bool is_close;
};

void mime_stack_init(
    struct mime_stack *s, const struct mime_events *events, void *ctx);
void mime_stack_release(struct mime_stack *s);

/*
 * Open a part inside the last one (there is room) and say so; fills in its path
 * and parent.  boundary: of a multipart, else empty.
 */
void mime_stack_push(
    struct mime_stack *s, struct mime_part *part, struct slice boundary);

/* Content of every open part that has content. */
void mime_stack_content(struct mime_stack *s, const char *data, size_t n);

/* No boundary follows: the line end held back is content. */
void mime_stack_flush(struct mime_stack *s);

/*
 * End the parts from level depth on, the last one first.  true: there was a
 * multipart among them.
 */
bool mime_stack_pop(struct mime_stack *s, size_t depth);

/*
 * Is the line, with or without its line end, a boundary of an open multipart?
 * Of the innermost one, if there are several.
 */
bool mime_stack_find(const struct mime_stack *s, const char *line, size_t n,
    struct mime_boundary *b);

#endif
