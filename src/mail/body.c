#include "mail/body.h"

#include <string.h>

#include "core/utf8.h"

void
body_begin(struct body *b, const char *label)
{
	b->declared = NULL;
	b->is_begun = false;
	if (label != NULL)
		b->declared = charset_find(label, strlen(label));
	if (label != NULL && b->declared == NULL)
		b->defects |= DEFECT_UNKNOWN_CHARSET;
	if (b->text.len > 0 && b->text.data[b->text.len - 1] != '\n')
		buf_addch(&b->text, '\n');
	b->is_there = true;
}

/* Whole lines, so that no character is cut; all when there is no line end. */
static size_t
whole_lines(const char *data, size_t n)
{
	const char *lf = memrchr(data, '\n', n);

	return lf != NULL ? (size_t)(lf - data) + 1 : n;
}

/*
 * What is declared is believed, but not that 8-bit text is ASCII or UTF-8 when
 * it is not.
 */
static const struct charset *
choose(const struct body *b, const char *data, size_t n)
{
	if (b->declared != NULL && b->declared != charset_utf8())
		return b->declared;
	return charset_guess(data, whole_lines(data, n), NULL);
}

static void
cut(struct body *b)
{
	b->text.len = utf8_cut(b->text.data, b->text.len, BODY_MAX);
	b->defects |= DEFECT_TEXT_CUT;
}

/* CR LF becomes LF, in what was added after from. */
static void
unify_lines(struct buf *text, size_t from)
{
	size_t n = from;

	if (from > 0 && text->data[from - 1] == '\r')
		n = --from;
	if (memchr(text->data + from, '\r', text->len - from) == NULL)
		return;
	for (size_t i = from; i < text->len; i++)
		if (text->data[i] != '\r' || i + 1 == text->len ||
		    text->data[i + 1] != '\n')
			text->data[n++] = text->data[i];
	text->len = n;
}

void
body_add(struct body *b, const char *data, size_t n)
{
	size_t len = b->text.len;

	if (n == 0 || b->defects & DEFECT_TEXT_CUT)
		return;
	if (!b->is_begun) {
		const struct charset *cs = choose(b, data, n);

		if (b->declared != NULL && cs != b->declared)
			b->defects |= DEFECT_BAD_CHARACTERS;
		charset_begin(&b->decoder, cs);
		b->is_begun = true;
	}
	charset_add(&b->decoder, data, n, &b->text);
	if (b->text.len > len)
		unify_lines(&b->text, len);
	if (b->text.len > BODY_MAX)
		cut(b);
}

void
body_end(struct body *b)
{
	if (!b->is_begun)
		return;
	charset_end(&b->decoder, &b->text);
	if (b->decoder.n_bad > 0)
		b->defects |= DEFECT_BAD_CHARACTERS;
	if (b->text.len > BODY_MAX)
		cut(b);
}

void
body_release(struct body *b)
{
	buf_release(&b->text);
}
