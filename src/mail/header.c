#include "mail/header.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mail/defect.h"

#define FROM "From "
#define BOM "\xef\xbb\xbf" /* what some programs begin UTF-8 text with */

enum kind {
	KIND_BLANK,
	KIND_CONTINUATION,
	KIND_FIELD,
	KIND_BAD_FIELD,
	KIND_TEXT,
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Where a line of size bytes ends without its LF or CRLF. */
static size_t
without_end(const char *s, size_t size)
{
	if (size == 0 || s[size - 1] != '\n')
		return size;
	size--;
	return size > 0 && s[size - 1] == '\r' ? size - 1 : size;
}

/* The name of a field whose ':' is at s[colon]. */
static struct slice
field_name(const char *s, size_t colon)
{
	while (colon > 0 && is_blank(s[colon - 1]))
		colon--;
	return (struct slice){s, colon};
}

static bool
is_good_name(struct slice name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] <= ' ' || name.data[i] > '~')
			return false;
	return name.len > 0;
}

/* A byte order mark at the very beginning is no part of the first name. */
static size_t
bom_size(const char *s, size_t len)
{
	size_t n = strlen(BOM);

	return len >= n && memcmp(s, BOM, n) == 0 ? n : 0;
}

/* What the line s[0..len), without its line end, is in a header. */
static enum kind
classify(const char *s, size_t len, bool is_first)
{
	size_t bom = is_first ? bom_size(s, len) : 0;
	const char *colon;

	s += bom;
	len -= bom;
	if (len == 0)
		return KIND_BLANK;
	if (is_blank(s[0]))
		return KIND_CONTINUATION;
	if (len > HEADER_NAME_MAX)
		len = HEADER_NAME_MAX + 1;
	colon = memchr(s, ':', len);
	if (colon == NULL)
		return KIND_TEXT;
	if (!is_good_name(field_name(s, (size_t)(colon - s))))
		return KIND_BAD_FIELD;
	return KIND_FIELD;
}

/* "From someone Sat Nov 21 …", but not the field "From : someone". */
static bool
is_from_line(const char *s, size_t len)
{
	size_t i = strlen(FROM);

	if (len < i || memcmp(s, FROM, i) != 0)
		return false;
	while (i < len && is_blank(s[i]))
		i++;
	return i < len && s[i] != ':';
}

static void
end_here(struct header_scan *s, defect_set defect)
{
	s->is_done = true;
	s->defects |= defect;
	if (s->fields > 0)
		return;
	/* What was taken for the beginning of a header was text. */
	if (s->defects & DEFECT_STRAY_CONTINUATION || s->from_size > 0)
		s->size = s->from_size = 0;
	s->defects = DEFECT_NO_HEADER;
}

/* Does such a line begin the body? */
static bool
is_text(const struct header_scan *s, enum kind kind)
{
	return kind == KIND_TEXT || (kind == KIND_BAD_FIELD && s->fields == 0);
}

/* Account for one line of size bytes, its line end included. */
static void
scan_line(struct header_scan *s, const char *line, size_t size)
{
	enum kind kind = classify(line, without_end(line, size), s->size == 0);

	if (is_text(s, kind)) {
		end_here(s, DEFECT_NO_BLANK_LINE);
		return;
	}
	s->size += size;
	if (kind == KIND_BLANK)
		end_here(s, 0);
	else if (kind != KIND_CONTINUATION)
		s->fields++;
	else if (s->fields == 0)
		s->defects |= DEFECT_STRAY_CONTINUATION;
	if (kind == KIND_BAD_FIELD)
		s->defects |= DEFECT_BAD_FIELD_NAME;
}

/*
 * A line of which only the first len bytes are here.  Text is known by them,
 * so that a message of one endless line is not taken for a long header.
 */
static void
scan_part(struct header_scan *s, const char *line, size_t len)
{
	size_t enough = HEADER_NAME_MAX;

	if (s->size == 0 && is_from_line(line, len))
		enough = HEADER_FROM_MAX;
	if (len > enough && is_text(s, classify(line, len, s->size == 0)))
		end_here(s, DEFECT_NO_BLANK_LINE);
}

/* The first line ends at data[size]: is it a "From " line? */
static bool
scan_from(struct header_scan *s, const char *data, size_t size)
{
	if (s->size > 0 || size > HEADER_FROM_MAX ||
	    !is_from_line(data, without_end(data, size)))
		return false;
	s->size = s->from_size = size;
	return true;
}

/* All whole lines are seen, and more will not make the next one whole. */
static void
scan_end(struct header_scan *s, const char *data, size_t len, bool is_cut)
{
	if (is_cut) {
		s->defects |= DEFECT_HEADER_TOO_LONG;
		s->is_done = true;
		return;
	}
	if (len > s->size)
		scan_line(s, data + s->size, len - s->size);
	if (!s->is_done)
		end_here(s, 0);
}

bool
header_scan(struct header_scan *s, const char *data, size_t len, bool is_all)
{
	bool is_cut = len > HEADER_MAX;
	const char *lf;
	size_t size;

	if (is_cut)
		len = HEADER_MAX;
	while (!s->is_done && s->scanned < len) {
		lf = memchr(data + s->scanned, '\n', len - s->scanned);
		if (lf == NULL) {
			s->scanned = len;
			scan_part(s, data + s->size, len - s->size);
			break;
		}
		size = (size_t)(lf - data) + 1 - s->size;
		s->scanned = s->size + size;
		if (!scan_from(s, data, size))
			scan_line(s, data + s->size, size);
	}
	if (!s->is_done && (is_all || is_cut))
		scan_end(s, data, len, is_cut);
	return s->is_done;
}

/* Add a line to the field before it; both are in one buffer. */
static void
continue_field(struct header *h, const char *line, size_t len)
{
	struct slice *value;

	if (h->n == 0 || h->defects & DEFECT_TOO_MANY_FIELDS)
		return;
	value = &h->fields[h->n - 1].value;
	value->len = (size_t)(line + len - value->data);
}

static void
add_field(struct header *h, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	struct header_field *f;

	if (h->n == HEADER_FIELDS_MAX)
		h->defects |= DEFECT_TOO_MANY_FIELDS;
	if (h->n == HEADER_FIELDS_MAX || colon == NULL)
		return;
	if (h->n % 64 == 0)
		h->fields = xrealloc(h->fields, h->n + 64, sizeof *h->fields);
	f = &h->fields[h->n++];
	f->name = field_name(line, (size_t)(colon - line));
	f->value.data = colon + 1;
	f->value.len = (size_t)(line + len - f->value.data);
}

void
header_parse(struct header *h, const char *data, const struct header_scan *s)
{
	const char *line, *lf;
	size_t size, len;

	*h = (struct header){0};
	h->from_line = (struct slice){data, without_end(data, s->from_size)};
	for (size_t pos = s->from_size; pos < s->size; pos += size) {
		line = data + pos;
		lf = memchr(line, '\n', s->size - pos);
		size = lf != NULL ? (size_t)(lf - line) + 1 : s->size - pos;
		len = without_end(line, size);
		if (pos == 0) {
			size_t bom = bom_size(line, len);

			line += bom;
			len -= bom;
		}
		if (len == 0)
			break;
		if (is_blank(line[0]))
			continue_field(h, line, len);
		else
			add_field(h, line, len);
	}
}

void
header_release(struct header *h)
{
	free(h->fields);
	*h = (struct header){0};
}

bool
header_is(const struct header_field *f, const char *name)
{
	return f->name.len == strlen(name) &&
	       strncasecmp(f->name.data, name, f->name.len) == 0;
}

const struct header_field *
header_next(
    const struct header *h, const char *name, const struct header_field *after)
{
	size_t i = after != NULL ? (size_t)(after - h->fields) + 1 : 0;

	for (; i < h->n; i++)
		if (header_is(&h->fields[i], name))
			return &h->fields[i];
	return NULL;
}

void
header_squeeze(struct slice value, struct buf *out)
{
	bool is_apart = false;

	buf_reset(out);
	buf_grow(out, value.len);
	for (size_t i = 0; i < value.len; i++) {
		char c = value.data[i];

		if (is_blank(c) || c == '\n' ||
		    (c == '\r' && i + 1 < value.len &&
			value.data[i + 1] == '\n')) {
			is_apart = out->len > 0;
			continue;
		}
		if (is_apart)
			out->data[out->len++] = ' ';
		is_apart = false;
		out->data[out->len++] = c;
	}
	out->data[out->len] = '\0';
}
