#include "mail/param_scan.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/utf8.h"

enum {
	PIECES_MAX = 1000, /* "name=value" looked at */
	SECTIONS_MAX = 9999, /* "name*9999" */
};

struct scanner {
	const char *p, *end;
	defect_set *defects;
	/*
	 * After the first '(' or '"' that nothing closes, further ones are
	 * text: so that looking for their ends takes linear time.
	 */
	bool has_comments, has_quotes;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char
to_lower(char c)
{
	if (c >= 'A' && c <= 'Z')
		c = (char)(c - 'A' + 'a');
	return c;
}

/* After the comment that begins at p, with those in it; NULL: it never ends. */
static const char *
comment_end(const char *p, const char *end)
{
	size_t depth = 0;

	for (; p < end; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (*p == '(')
			depth++;
		else if (*p == ')' && --depth == 0)
			return p + 1;
	}
	return NULL;
}

/* The closing quote of the string that begins at p; NULL: there is none. */
static const char *
quote_end(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (*p == '"')
			return p;
	}
	return NULL;
}

/* Is a comment here?  Then skip it. */
static bool
skip_comment(struct scanner *s)
{
	const char *after;

	if (s->p == s->end || *s->p != '(' || !s->has_comments)
		return false;
	after = comment_end(s->p, s->end);
	if (after != NULL) {
		s->p = after;
		return true;
	}
	s->has_comments = false;
	*s->defects |= DEFECT_BAD_PARAMETER;
	return false;
}

static void
skip_blanks(struct scanner *s)
{
	for (;;) {
		if (s->p < s->end && is_blank(*s->p))
			s->p++;
		else if (!skip_comment(s))
			return;
	}
}

static bool
is_name_char(char c)
{
	return !is_blank(c) && strchr("()<>@,;:\\\"/[]?=", c) == NULL &&
	       c != '\0';
}

static bool
is_at(const struct scanner *s, char c)
{
	return s->p < s->end && *s->p == c;
}

/* Does "name=" or "name =" stand here, although no ';' came before it? */
static bool
is_at_name(const struct scanner *s)
{
	const char *p = s->p;

	while (p < s->end && is_name_char(*p))
		p++;
	if (p == s->p || *s->p == '*')
		return false;
	while (p < s->end && is_blank(*p))
		p++;
	return p < s->end && *p == '=';
}

/* What stands before the parameters. */
static char *
scan_value(struct scanner *s)
{
	struct buf value = BUF_INIT;

	buf_grow(&value, 0);
	for (skip_blanks(s); s->p < s->end && *s->p != ';'; skip_blanks(s)) {
		if (value.len > 0 && is_at_name(s))
			break;
		while (s->p < s->end && !is_blank(*s->p) && *s->p != ';' &&
		       (*s->p != '(' || !s->has_comments)) {
			if (value.len <= PARAM_VALUE_MAX && *s->p != '\0')
				buf_addch(&value, to_lower(*s->p));
			s->p++;
		}
	}
	if (value.len > PARAM_VALUE_MAX)
		*s->defects |= DEFECT_BAD_PARAMETER;
	value.len = utf8_cut(value.data, value.len, PARAM_VALUE_MAX);
	value.data[value.len] = '\0';
	return buf_detach(&value);
}

/* "name", "name*", "name*0", "name*0*": take it apart. */
static bool
parse_name(const char *text, size_t len, struct param_piece *p)
{
	const char *star = memchr(text, '*', len), *end = text + len;
	size_t n = star != NULL ? (size_t)(star - text) : len;

	if (n == 0 || n > PARAM_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		p->name[i] = to_lower(text[i]);
	p->name[n] = '\0';
	if (star == NULL)
		return true;
	p->is_percent = end[-1] == '*';
	p->form = PARAM_EXTENDED;
	for (star++; star < end && *star >= '0' && *star <= '9'; star++) {
		p->form = PARAM_SECTION;
		p->section = p->section * 10 + (unsigned)(*star - '0');
		if (p->section > SECTIONS_MAX)
			return false;
	}
	return star + (p->is_percent && p->form == PARAM_SECTION) == end;
}

/* Up to the '=' and what may be around it. */
static bool
scan_name(struct scanner *s, struct param_piece *p)
{
	char text[PARAM_NAME_MAX + 8] = "";
	size_t len = 0;

	do {
		while (s->p < s->end && is_name_char(*s->p)) {
			if (len < sizeof text)
				text[len++] = *s->p;
			s->p++;
		}
		skip_blanks(s);
	} while (len > 0 && is_at(s, '*'));
	if (!is_at(s, '='))
		return false;
	s->p++;
	skip_blanks(s);
	return len > 0 && len < sizeof text && parse_name(text, len, p);
}

/*
 * A value without quotes.  Blanks are part of it, since people forget quotes;
 * not a comment at its end, nor what looks like the next parameter.
 */
static void
scan_unquoted(struct scanner *s, struct param_piece *p)
{
	const char *from = s->p, *end = from;

	while (s->p < s->end && *s->p != ';') {
		if (end > from && is_blank(s->p[-1]) && is_at_name(s))
			break;
		if (skip_comment(s))
			continue;
		if (!is_blank(*s->p))
			end = s->p + 1;
		s->p++;
	}
	p->value = (struct slice){from, (size_t)(end - from)};
}

/* A value in quotes, if they are closed. */
static bool
scan_quoted(struct scanner *s, struct param_piece *p)
{
	const char *close;

	if (!is_at(s, '"') || !s->has_quotes)
		return false;
	close = quote_end(s->p, s->end);
	if (close == NULL) {
		s->has_quotes = false;
		*s->defects |= DEFECT_BAD_PARAMETER;
		s->p++;
		return false;
	}
	p->is_quoted = true;
	p->value = (struct slice){s->p + 1, (size_t)(close - s->p) - 1};
	s->p = close + 1;
	return true;
}

/* The next "name=value"; false: what is here is none. */
static bool
scan_piece(struct scanner *s, struct param_piece *p)
{
	if (!scan_name(s, p))
		return false;
	if (!scan_quoted(s, p))
		scan_unquoted(s, p);
	return p->is_quoted || p->value.len > 0;
}

/* To the next ';', or to what looks like a parameter. */
static void
skip_junk(struct scanner *s)
{
	for (skip_blanks(s); s->p < s->end && *s->p != ';'; skip_blanks(s)) {
		if (is_at_name(s))
			return;
		*s->defects |= DEFECT_BAD_PARAMETER;
		while (s->p < s->end && !is_blank(*s->p) && *s->p != ';')
			s->p++;
	}
}

static void
add_piece(struct param_scan *scan, const struct param_piece *p)
{
	if (scan->n % 16 == 0)
		scan->pieces =
		    xrealloc(scan->pieces, scan->n + 16, sizeof *scan->pieces);
	scan->pieces[scan->n] = *p;
	scan->pieces[scan->n].index = scan->n;
	scan->n++;
}

static void
scan_pieces(struct scanner *s, struct param_scan *scan)
{
	for (skip_blanks(s); s->p < s->end; skip_blanks(s)) {
		struct param_piece p = {.form = PARAM_PLAIN};

		if (*s->p == ';') {
			s->p++;
			continue;
		}
		if (scan->n == PIECES_MAX) {
			*s->defects |= DEFECT_BAD_PARAMETER;
			break;
		}
		if (scan_piece(s, &p))
			add_piece(scan, &p);
		else
			*s->defects |= DEFECT_BAD_PARAMETER;
		skip_junk(s);
	}
}

void
param_scan(struct param_scan *scan, struct slice field)
{
	struct scanner s = {
	    field.data, field.data + field.len, &scan->defects, true, true};

	*scan = (struct param_scan){0};
	scan->value = scan_value(&s);
	scan_pieces(&s, scan);
}

void
param_scan_release(struct param_scan *scan)
{
	free(scan->pieces);
	scan->pieces = NULL;
	scan->n = 0;
}
