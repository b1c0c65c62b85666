#include "mail/param.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/hex.h"
#include "core/utf8.h"
#include "mail/encoded.h"
#include "mail/param_scan.h"

/* The pieces that one parameter is made of, and what comes of them. */
struct assembly {
	struct param_piece *pieces;
	size_t n;
	struct buf text; /* of one piece */
	struct buf bytes; /* of all, percent signs decoded */
	struct buf value;
	struct buf charset; /* its label */
	bool has_8bit;
	defect_set *defects;
};

/* The characters of a piece: without quoting and line ends. */
static void
unquote(const struct param_piece *p, struct buf *out)
{
	const char *s = p->value.data, *end = s + p->value.len;

	buf_reset(out);
	buf_grow(out, p->value.len);
	for (; s < end; s++) {
		if (*s == '\n' || (*s == '\r' && s + 1 < end && s[1] == '\n'))
			continue;
		if (p->is_quoted && *s == '\\' && s + 1 < end)
			s++;
		out->data[out->len++] = *s;
	}
	out->data[out->len] = '\0';
}

/* Append text with its percent signs decoded. */
static void
add_percent(struct assembly *a, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		int high = -1, low = -1;

		if (c == '%' && text.len - i > 2) {
			high = hex_digit(text.data[i + 1]);
			low = hex_digit(text.data[i + 2]);
		}
		if (high >= 0 && low >= 0) {
			c = (char)(high << 4 | low);
			i += 2;
		} else {
			a->has_8bit |= (unsigned char)c >= 0x80;
			if (c == '%')
				*a->defects |= DEFECT_BAD_PARAMETER;
		}
		buf_addch(&a->bytes, c);
	}
}

/* "charset'language'" before a value: take it off. */
static void
take_charset(struct assembly *a, struct slice *text)
{
	const char *end = text->data + text->len, *second = NULL, *first;

	first = memchr(text->data, '\'', text->len);
	if (first != NULL)
		second = memchr(first + 1, '\'', (size_t)(end - first) - 1);
	if (second == NULL) {
		*a->defects |= DEFECT_BAD_PARAMETER;
		return;
	}
	buf_add(&a->charset, text->data, (size_t)(first - text->data));
	*text = (struct slice){second + 1, (size_t)(end - second) - 1};
}

/*
 * The charset of a value with percent signs.  Where bytes stand in it that are
 * not encoded, its label cannot be trusted.
 */
static const struct charset *
charset_of(struct assembly *a)
{
	const struct charset *cs = NULL;

	if (a->charset.len > 0 && !a->has_8bit) {
		cs = charset_find(a->charset.data, a->charset.len);
		if (cs == NULL)
			*a->defects |= DEFECT_UNKNOWN_CHARSET;
	}
	if (cs == NULL)
		cs = charset_guess(a->bytes.data, a->bytes.len, NULL);
	return cs;
}

static void
decode_percent(struct assembly *a, const struct charset *cs)
{
	struct charset_decoder d;

	charset_begin(&d, cs);
	charset_add(&d, a->bytes.data, a->bytes.len, &a->value);
	charset_end(&d, &a->value);
	if (d.n_bad > 0)
		*a->defects |= DEFECT_BAD_CHARACTERS;
}

/* Encoded words count in any parameter but the one that is no text. */
static bool
has_words(const struct assembly *a)
{
	return strcmp(a->pieces[0].name, "boundary") != 0 && a->bytes.len > 0 &&
	       memmem(a->bytes.data, a->bytes.len, "=?", 2) != NULL;
}

static void
decode(struct assembly *a)
{
	bool is_percent = false;

	for (size_t i = 0; i < a->n; i++) {
		struct slice text;

		unquote(&a->pieces[i], &a->text);
		text = (struct slice){a->text.data, a->text.len};
		if (!a->pieces[i].is_percent) {
			buf_add(&a->bytes, text.data, text.len);
			continue;
		}
		is_percent = true;
		if (i == 0)
			take_charset(a, &text);
		add_percent(a, text);
	}
	if (is_percent)
		decode_percent(a, charset_of(a));
	else if (has_words(a))
		encoded_decode((struct slice){a->bytes.data, a->bytes.len},
		    NULL, &a->value, a->defects);
	else
		buf_add(&a->value, a->bytes.data, a->bytes.len);
}

/* Cut value where it is too long, not within a character. */
static void
cut(struct buf *value, defect_set *defects)
{
	size_t len = utf8_cut(value->data, value->len, PARAM_VALUE_MAX);

	if (len == value->len)
		return;
	*defects |= DEFECT_BAD_PARAMETER;
	value->len = len;
	value->data[len] = '\0';
}

static int
by_section(const void *va, const void *vb)
{
	const struct param_piece *a = va, *b = vb;

	if (a->section != b->section)
		return a->section < b->section ? -1 : 1;
	return a->index < b->index ? -1 : 1;
}

/* In order, the first of each number. */
static void
order_sections(struct assembly *a)
{
	size_t n = 0;

	qsort(a->pieces, a->n, sizeof *a->pieces, by_section);
	for (size_t i = 0; i < a->n; i++) {
		if (n > 0 && a->pieces[i].section == a->pieces[n - 1].section)
			*a->defects |= DEFECT_DUPLICATE_PARAMETER;
		else
			a->pieces[n++] = a->pieces[i];
	}
	a->n = n;
	if (a->pieces[n - 1].section != n - 1)
		*a->defects |= DEFECT_BAD_PARAMETER; /* one is missing */
}

/* The pieces called name in the best of the forms in which it is there. */
static void
choose(struct assembly *a, const struct param_scan *scan, const char *name)
{
	enum param_form form = PARAM_PLAIN;

	for (size_t i = 0; i < scan->n; i++)
		if (scan->pieces[i].form > form &&
		    strcmp(scan->pieces[i].name, name) == 0)
			form = scan->pieces[i].form;
	a->n = 0;
	for (size_t i = 0; i < scan->n; i++)
		if (scan->pieces[i].form == form &&
		    strcmp(scan->pieces[i].name, name) == 0)
			a->pieces[a->n++] = scan->pieces[i];
	if (form == PARAM_SECTION) {
		order_sections(a);
	} else if (a->n > 1) {
		*a->defects |= DEFECT_DUPLICATE_PARAMETER;
		a->n = 1;
	}
}

/* No NUL in what users take for a string. */
static void
replace_nul(struct assembly *a)
{
	struct buf with = a->value;
	const char *from = with.data, *nul, *end;

	if (with.len == 0 || memchr(from, '\0', with.len) == NULL)
		return;
	end = from + with.len;
	*a->defects |= DEFECT_BAD_CHARACTERS;
	a->value = (struct buf)BUF_INIT;
	for (; (nul = memchr(from, '\0', (size_t)(end - from))) != NULL;
	     from = nul + 1) {
		buf_add(&a->value, from, (size_t)(nul - from));
		buf_addstr(&a->value, "\xef\xbf\xbd");
	}
	buf_add(&a->value, from, (size_t)(end - from));
	buf_release(&with);
}

static void
add_param(struct params *p, struct assembly *a, const struct param_scan *scan,
    const char *name)
{
	struct param *param = &p->items[p->n++];

	choose(a, scan, name);
	buf_reset(&a->bytes);
	buf_reset(&a->charset);
	a->has_8bit = false;
	decode(a);
	replace_nul(a);
	cut(&a->value, a->defects);
	param->name = xstrdup(name);
	param->len = a->value.len;
	param->value = buf_detach(&a->value);
}

static void
assemble(struct params *p, const struct param_scan *scan)
{
	struct assembly a = {.defects = &p->defects};

	if (scan->n == 0)
		return;
	a.pieces = xcalloc(scan->n, sizeof *a.pieces);
	p->items = xcalloc(
	    scan->n < PARAM_MAX ? scan->n : PARAM_MAX, sizeof *p->items);
	for (size_t i = 0; i < scan->n; i++) {
		const char *name = scan->pieces[i].name;

		if (params_find(p, name) != NULL)
			continue;
		if (p->n == PARAM_MAX) {
			p->defects |= DEFECT_BAD_PARAMETER;
			break;
		}
		add_param(p, &a, scan, name);
	}
	free(a.pieces);
	buf_release(&a.text);
	buf_release(&a.bytes);
	buf_release(&a.charset);
}

void
params_parse(struct params *p, struct slice value)
{
	struct buf space = BUF_INIT;
	struct param_scan scan;

	*p = (struct params){0};
	value = encoded_raw(value, NULL, &space, &p->defects);
	param_scan(&scan, value);
	p->value = scan.value;
	p->defects |= scan.defects;
	assemble(p, &scan);
	param_scan_release(&scan);
	buf_release(&space);
}

const struct param *
params_find(const struct params *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->items[i].name, name) == 0)
			return &p->items[i];
	return NULL;
}

void
params_release(struct params *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->items[i].name);
		free(p->items[i].value);
	}
	free(p->items);
	free(p->value);
	*p = (struct params){0};
}
