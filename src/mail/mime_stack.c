#include "mail/mime_stack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"

enum {
	LEVELS = 8, /* allocated at once: more than most mails have */
};

void
mime_stack_init(
    struct mime_stack *s, const struct mime_events *events, void *ctx)
{
	s->events = events;
	s->ctx = ctx;
	s->levels = NULL;
	s->depth = s->n_multiparts = s->n_messages = 0;
	s->n_held = s->held_depth = 0;
}

void
mime_stack_release(struct mime_stack *s)
{
	free(s->levels);
}

/* Room for one more. */
static struct mime_level *
next_level(struct mime_stack *s)
{
	if (s->depth % LEVELS == 0)
		s->levels =
		    xrealloc(s->levels, s->depth + LEVELS, sizeof *s->levels);
	return &s->levels[s->depth];
}

/* The path of the next part, in s->path.  Its length. */
static size_t
next_path(struct mime_stack *s)
{
	struct mime_level *parent;
	size_t len;
	int n;

	if (s->depth == 0) {
		memcpy(s->path, "1", 2);
		return 1;
	}
	parent = &s->levels[s->depth - 1];
	len = parent->path_len;
	n = snprintf(
	    s->path + len, sizeof s->path - len, ".%zu", ++parent->children);
	return len + (size_t)n;
}

void
mime_stack_push(
    struct mime_stack *s, struct mime_part *part, struct slice boundary)
{
	struct mime_level *l = next_level(s);

	part->parent =
	    s->depth > 0 ? s->levels[s->depth - 1].index : part->index;
	l->index = part->index;
	l->path_len = next_path(s);
	l->children = 0;
	l->has_content = !part->is_multipart;
	l->is_message = part->is_message;
	l->is_digest = part->is_multipart &&
		       strcmp(part->type.value, "multipart/digest") == 0;
	l->boundary_len = boundary.len;
	if (boundary.len > 0)
		memcpy(l->boundary, boundary.data, boundary.len);
	s->depth++;
	s->n_multiparts += boundary.len > 0;
	s->n_messages += part->is_message;
	memcpy(part->path, s->path, l->path_len + 1);
	s->events->begin(s->ctx, part);
}

static void
send_content(
    const struct mime_stack *s, size_t depth, const char *data, size_t n)
{
	if (n == 0)
		return;
	for (size_t i = 0; i < depth; i++)
		if (s->levels[i].has_content)
			s->events->content(s->ctx, s->levels[i].index, data, n);
}

void
mime_stack_flush(struct mime_stack *s)
{
	send_content(s, s->held_depth, s->held, s->n_held);
	s->n_held = 0;
}

/* How many bytes at the end of the data may belong to a boundary. */
static size_t
line_end(const char *data, size_t n)
{
	if (data[n - 1] == '\r')
		return 1;
	if (data[n - 1] != '\n')
		return 0;
	return n > 1 && data[n - 2] == '\r' ? 2 : 1;
}

void
mime_stack_content(struct mime_stack *s, const char *data, size_t n)
{
	size_t keep;

	if (n == 0)
		return;
	if (n == 1 && data[0] == '\n' && s->n_held == 1 && s->held[0] == '\r') {
		s->held[s->n_held++] = '\n';
		return;
	}
	mime_stack_flush(s);
	keep = s->n_multiparts > 0 ? line_end(data, n) : 0;
	send_content(s, s->depth, data, n - keep);
	memcpy(s->held, data + n - keep, keep);
	s->n_held = keep;
	s->held_depth = s->depth;
}

bool
mime_stack_pop(struct mime_stack *s, size_t depth)
{
	bool had_multipart = false;
	struct mime_level *l;

	while (s->depth > depth) {
		l = &s->levels[--s->depth];
		had_multipart |= l->boundary_len > 0;
		s->n_multiparts -= l->boundary_len > 0;
		s->n_messages -= l->is_message;
		s->events->end(s->ctx, l->index);
	}
	if (s->held_depth > depth)
		s->held_depth = depth;
	return had_multipart;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
find_exact(
    const struct mime_stack *s, const char *text, size_t n, size_t *level)
{
	const struct mime_level *l;

	for (size_t i = s->depth; i > 0; i--) {
		l = &s->levels[i - 1];
		if (l->boundary_len != n || memcmp(l->boundary, text, n) != 0)
			continue;
		*level = i - 1;
		return true;
	}
	return false;
}

bool
mime_stack_find(const struct mime_stack *s, const char *line, size_t n,
    struct mime_boundary *b)
{
	while (n > 0 && is_blank(line[n - 1]))
		n--;
	if (n <= 2 || memcmp(line, "--", 2) != 0)
		return false;
	b->is_close = false;
	if (find_exact(s, line + 2, n - 2, &b->level))
		return true;
	b->is_close = true;
	return n > 4 && memcmp(line + n - 2, "--", 2) == 0 &&
	       find_exact(s, line + 2, n - 4, &b->level);
}
