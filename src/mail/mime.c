#include "mail/mime.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "mail/defect.h"
#include "mail/mime_part.h"
#include "mail/mime_stack.h"

enum {
	/* The longest line that can be a boundary, with its line end: RFC 5322
	   2.1.1.  Its blanks are not ours to keep. */
	LINE_MAX_SIZE = 1000,
};

/*
 * Bytes go through three stages.  What may be the line of a boundary is kept in
 * line until that is known (settle_line).  Other lines of a header are kept in
 * head until header_scan finds its end; what it took that is not header goes
 * back to line, for there may be new boundaries now.  All else is content.
 */
struct mime {
	struct mime_stack stack;
	struct buf line; /* the beginning of a line */
	bool is_inside; /* the next byte is not the first of its line */
	bool is_in_header;
	struct buf head;
	struct header_scan scan;
	size_t n_parts;
	defect_set defects;
	/* Of the message itself: */
	struct buf root_head;
	struct header_scan root_scan;
	struct header root;
};

struct mime *
mime_new(const struct mime_events *events, void *ctx)
{
	struct mime *m = xcalloc(1, sizeof *m);

	mime_stack_init(&m->stack, events, ctx);
	m->is_in_header = true;
	return m;
}

/* A part needs no header: it is odd only when text is where it should be. */
static defect_set
inner_defects(const struct mime *m, const struct header *h)
{
	defect_set defects = m->scan.defects | h->defects;
	bool has_text = m->scan.size == 0 && m->head.len > 0;

	if (!(defects & DEFECT_NO_HEADER))
		return defects;
	defects &= ~DEFECT_NO_HEADER;
	return has_text ? defects | DEFECT_NO_BLANK_LINE : defects;
}

static const char *
default_type(const struct mime_stack *s)
{
	if (s->depth > 0 && s->levels[s->depth - 1].is_digest)
		return "message/rfc822"; /* RFC 2046 5.1.5 */
	return "text/plain";
}

/* Make a leaf of what would hold parts and cannot.  Why not. */
static defect_set
limit_part(const struct mime *m, struct mime_part *part, struct slice boundary)
{
	defect_set defects = 0;

	if (!part->is_multipart && !part->is_message)
		return 0;
	if (part->is_multipart && boundary.len == 0)
		defects |= DEFECT_NO_BOUNDARY;
	else if (m->stack.depth + 1 == MIME_DEPTH_MAX ||
		 (part->is_message && m->stack.n_messages == MIME_MESSAGES_MAX))
		defects |= DEFECT_TOO_DEEP;
	else if (part->is_message && m->n_parts + 1 == MIME_PARTS_MAX)
		defects |= DEFECT_TOO_MANY_PARTS;
	if (defects != 0)
		part->is_multipart = part->is_message = false;
	return defects;
}

static void
open_part(struct mime *m, const struct header *h)
{
	struct mime_part part = {.index = m->n_parts};
	struct slice boundary = {"", 0};

	m->defects |= mime_part_read(&part, h, default_type(&m->stack));
	if (part.is_multipart)
		boundary = mime_part_boundary(&part);
	m->defects |= limit_part(m, &part, boundary);
	if (!part.is_multipart)
		boundary.len = 0;
	m->n_parts++;
	mime_stack_push(&m->stack, &part, boundary);
	m->is_in_header = part.is_message;
	mime_part_release(&part);
}

/* The header of the message itself stays. */
static void
begin_root(struct mime *m)
{
	size_t size = m->scan.size;

	m->root_head = m->head;
	m->root_scan = m->scan;
	m->head = (struct buf)BUF_INIT;
	buf_add(&m->head, m->root_head.data + size, m->root_head.len - size);
	header_parse(&m->root, m->root_head.data, &m->scan);
	m->root.defects |= m->scan.defects;
	m->defects |= m->root.defects;
	open_part(m, &m->root);
}

static void
begin_inner(struct mime *m)
{
	struct header h;

	header_parse(&h, m->head.data, &m->scan);
	m->defects |= inner_defects(m, &h);
	mime_stack_content(&m->stack, m->head.data, m->scan.size);
	open_part(m, &h);
	header_release(&h);
	buf_shift(&m->head, m->scan.size);
}

/* The header's end is found; the bytes after it stay in head. */
static void
begin_part(struct mime *m)
{
	if (m->n_parts == 0)
		begin_root(m);
	else
		begin_inner(m);
	m->scan = (struct header_scan){0};
}

/*
 * Begin the part whose header is whole, and the message in it, and so on.  What
 * is not header goes back to line: it is one line at most that may be a
 * boundary.  (There is more only where a header turned out to be text, and such
 * a part has no boundary.)
 */
static void
scan_header(struct mime *m, bool is_all)
{
	struct buf spare = m->line;

	buf_grow(&m->head, 0);
	while (m->is_in_header &&
	       header_scan(&m->scan, m->head.data, m->head.len, is_all))
		begin_part(m);
	if (m->is_in_header)
		return;
	m->line = m->head;
	m->head = spare;
}

/* Bytes of a line, or of many, that is no boundary. */
static void
add_plain(struct mime *m, const char *data, size_t n)
{
	m->is_inside = data[n - 1] != '\n';
	if (!m->is_in_header) {
		mime_stack_content(&m->stack, data, n);
		return;
	}
	buf_add(&m->head, data, n);
	scan_header(m, false);
}

/* A boundary ends headers, parts within its multipart, and begins the next. */
static void
add_boundary(
    struct mime *m, const struct mime_boundary *b, const char *data, size_t n)
{
	if (m->is_in_header) {
		scan_header(m, true);
		mime_stack_content(&m->stack, m->line.data, m->line.len);
		buf_reset(&m->line);
	}
	if (mime_stack_pop(&m->stack, b->level + 1))
		m->defects |= DEFECT_UNCLOSED_MULTIPART;
	if (b->is_close)
		mime_stack_pop(&m->stack, b->level);
	mime_stack_content(&m->stack, data, n);
	m->is_inside = false;
	m->is_in_header = !b->is_close && m->n_parts < MIME_PARTS_MAX;
	if (!b->is_close && !m->is_in_header)
		m->defects |= DEFECT_TOO_MANY_PARTS;
}

/* May a line that begins so be a boundary? */
static bool
may_be_boundary(const struct mime *m, const char *line, size_t n)
{
	return m->stack.n_multiparts > 0 && line[0] == '-' &&
	       (n == 1 || line[1] == '-');
}

/* A line, or what there is of it when it is long or the last one. */
static void
add_line(struct mime *m, const char *line, size_t n)
{
	bool is_short =
	    n < LINE_MAX_SIZE || (n == LINE_MAX_SIZE && line[n - 1] == '\n');
	struct mime_boundary b;

	if (is_short && may_be_boundary(m, line, n) &&
	    mime_stack_find(&m->stack, line, n, &b))
		add_boundary(m, &b, line, n);
	else
		add_plain(m, line, n);
}

/* Is the line kept in part, since more of it is needed to know what it is? */
static bool
is_undecided(const struct mime *m)
{
	return m->line.data[m->line.len - 1] != '\n' &&
	       m->line.len < LINE_MAX_SIZE &&
	       may_be_boundary(m, m->line.data, m->line.len);
}

/* Pass on the line that was kept.  is_all: no more of it will come. */
static void
settle_line(struct mime *m, bool is_all)
{
	struct buf line;

	while (m->line.len > 0 && (is_all || !is_undecided(m))) {
		line = m->line;
		m->line = (struct buf)BUF_INIT;
		add_line(m, line.data, line.len);
		buf_release(&line);
	}
}

/* Take what may be a boundary.  How many bytes were taken. */
static size_t
take_line(struct mime *m, const char *data, size_t n)
{
	const char *lf;

	if (n > LINE_MAX_SIZE - m->line.len)
		n = LINE_MAX_SIZE - m->line.len;
	lf = memchr(data, '\n', n);
	if (lf != NULL)
		n = (size_t)(lf - data) + 1;
	if (lf != NULL && m->line.len == 0)
		add_line(m, data, n);
	else
		buf_add(&m->line, data, n);
	settle_line(m, false);
	return n;
}

/* How far it is to a line that may be a boundary. */
static size_t
content_size(const struct mime *m, const char *data, size_t n)
{
	const char *end = data + n, *line = data;

	if (m->stack.n_multiparts == 0)
		return n;
	for (;;) {
		line = memchr(line, '\n', (size_t)(end - line));
		if (line == NULL || ++line == end)
			return n;
		if (may_be_boundary(m, line, (size_t)(end - line)))
			return (size_t)(line - data);
	}
}

/* A line of a header, which is never kept beyond HEADER_MAX. */
static size_t
header_line_size(const struct mime *m, const char *data, size_t n)
{
	size_t room = HEADER_MAX + 1 - m->head.len;
	const char *lf;

	if (n > room)
		n = room;
	lf = memchr(data, '\n', n);
	return lf != NULL ? (size_t)(lf - data) + 1 : n;
}

static size_t
take_plain(struct mime *m, const char *data, size_t n)
{
	n = m->is_in_header ? header_line_size(m, data, n)
			    : content_size(m, data, n);
	add_plain(m, data, n);
	settle_line(m, false);
	return n;
}

void
mime_add(struct mime *m, const char *data, size_t n)
{
	size_t taken;

	for (; n > 0; data += taken, n -= taken) {
		if (m->line.len > 0 ||
		    (!m->is_inside && may_be_boundary(m, data, n)))
			taken = take_line(m, data, n);
		else
			taken = take_plain(m, data, n);
	}
}

void
mime_end(struct mime *m)
{
	settle_line(m, true);
	while (m->is_in_header) {
		scan_header(m, true);
		settle_line(m, true);
	}
	mime_stack_flush(&m->stack);
	if (mime_stack_pop(&m->stack, 0))
		m->defects |= DEFECT_UNCLOSED_MULTIPART;
}

const struct header *
mime_header(const struct mime *m)
{
	return &m->root;
}

defect_set
mime_defects(const struct mime *m)
{
	return m->defects;
}

size_t
mime_header_size(const struct mime *m)
{
	return m->root_scan.size;
}

size_t
mime_from_size(const struct mime *m)
{
	return m->root_scan.from_size;
}

void
mime_free(struct mime *m)
{
	if (m == NULL)
		return;
	mime_stack_release(&m->stack);
	header_release(&m->root);
	buf_release(&m->root_head);
	buf_release(&m->head);
	buf_release(&m->line);
	free(m);
}
