#include "mail/compose_field.h"

#include <string.h>

void
field_begin(struct field *f, struct buf *out, const char *name, bool is_jis)
{
	f->out = out;
	f->line = out->len;
	f->is_jis = is_jis;
	buf_addstr(out, name);
	buf_addch(out, ':');
	f->begin = out->len;
}

static size_t
column(const struct field *f)
{
	return f->out->len - f->line;
}

static void
fold(struct field *f)
{
	buf_addstr(f->out, "\r\n");
	f->line = f->out->len;
}

/* White space and a word. */
static void
add_piece(struct field *f, const char *piece, size_t n)
{
	if (column(f) + n > FIELD_LINE && column(f) > 0)
		fold(f);
	buf_add(f->out, piece, n);
}

void
field_word(struct field *f, const char *word, size_t n)
{
	if (column(f) + 1 + n > FIELD_LINE)
		fold(f);
	buf_addch(f->out, ' ');
	buf_add(f->out, word, n);
}

/* Two words that would be one on a line of their own go there, unless the
   field's name would stay alone. */
static bool
wants_line(const struct field *f, const struct words *w)
{
	size_t size = words_size(w);

	return column(f) > 0 && f->out->len != f->begin && size <= WORDS_MAX &&
	       column(f) + 1 + size > FIELD_LINE;
}

void
field_coded(struct field *f, const char *text, size_t n)
{
	struct words w;
	size_t room;

	words_begin(&w, text, n, f->is_jis);
	if (wants_line(f, &w))
		fold(f);
	while (w.n > 0) {
		if (column(f) + 1 + WORDS_LEAST > FIELD_LINE)
			fold(f);
		room = FIELD_LINE - column(f) - 1;
		buf_addch(f->out, ' ');
		words_next(&w, room < WORDS_MAX ? room : WORDS_MAX, f->out);
		if (w.n > 0)
			fold(f);
	}
}

static size_t
span(const char *text, size_t n, bool is_blank)
{
	size_t i = 0;

	while (i < n && (text[i] == ' ') == is_blank)
		i++;
	return i;
}

/* Blanks and the word behind them. */
static size_t
piece_size(const char *text, size_t n)
{
	size_t blanks = span(text, n, true);

	return blanks + span(text + blanks, n - blanks, false);
}

/* Readers drop blanks at either end, and a line has an end. */
static bool
must_be_coded(const char *text, size_t n, size_t at, size_t size)
{
	return words_needed(text + at, size) || size > FIELD_WORD_MAX ||
	       (at == 0 && text[0] == ' ') ||
	       (at + size == n && text[n - 1] == ' ');
}

/* [from, to) is to be encoded; empty: nothing. */
static void
find_coded(const char *text, size_t n, size_t *from, size_t *to)
{
	size_t size, word, before = 0;

	*from = *to = n;
	for (size_t i = 0; i < n; i += size) {
		size = piece_size(text + i, n - i);
		word = i + span(text + i, size, true);
		/* Blanks at the end go with the word before them. */
		if (i == 0 || word == n)
			word = before;
		before = word;
		if (!must_be_coded(text, n, i, size))
			continue;
		if (*from == n)
			*from = word;
		*to = i + size;
	}
}

/* Pieces; the first one of a field has a blank before it. */
static void
add_pieces(struct field *f, const char *text, size_t n, bool is_first)
{
	size_t i = 0, size;

	if (is_first && n > 0) {
		i = piece_size(text, n);
		field_word(f, text, i);
	}
	for (; i < n; i += size) {
		size = piece_size(text + i, n - i);
		add_piece(f, text + i, size);
	}
}

void
field_text(struct field *f, const char *text, size_t n)
{
	size_t from, to, before;

	find_coded(text, n, &from, &to);
	if (from == n) {
		add_pieces(f, text, n, true);
		return;
	}
	/* The one blank before them is field_coded's; more are coded too. */
	for (before = from; before > 0 && text[before - 1] == ' '; before--)
		continue;
	if (from > 0)
		from = before + 1;
	add_pieces(f, text, before, true);
	field_coded(f, text + from, to - from);
	add_pieces(f, text + to, n - to, false);
}

void
field_end(struct field *f)
{
	fold(f);
}

void
field_line(struct buf *out, const char *name, const char *text)
{
	struct field f;

	field_begin(&f, out, name, false);
	field_word(&f, text, strlen(text));
	field_end(&f);
}
