#include "mail/encoded.h"

#include <stdbool.h>
#include <string.h>

#include "core/base64.h"
#include "core/hex.h"
#include "mail/charset_codec.h"

enum {
	ESC = 0x1b,
	LABEL_MAX = 64, /* of the name of a charset, with its language */
};

/* =?charset?encoding?text?= */
struct word {
	struct slice charset; /* without the language */
	char encoding; /* 'b' or 'q' */
	struct slice text;
	size_t size;
};

struct decoding {
	struct buf *out;
	defect_set *defects;
	/* Of the words since the last text, if they have one charset. */
	struct charset_decoder decoder;
	bool is_after_word;
	struct buf bytes; /* of a word */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_8bit(char c)
{
	return (unsigned char)c >= 0x80;
}

/* 8-bit bytes, or escapes: the common case is that there are none. */
static bool
may_need_decoding(struct slice value)
{
	const unsigned char *p = (const unsigned char *)value.data;

	return charset_ascii_span(p, value.len) < value.len ||
	       memchr(p, ESC, value.len) != NULL;
}

struct slice
encoded_raw(struct slice value, const struct charset *hint, struct buf *space,
    defect_set *defects)
{
	const struct charset *cs;
	struct charset_decoder d;

	if (value.len == 0 || !may_need_decoding(value))
		return value;
	cs = charset_guess(value.data, value.len, hint);
	buf_reset(space);
	buf_grow(space, value.len);
	charset_begin(&d, cs);
	charset_add(&d, value.data, value.len, space);
	charset_end(&d, space);
	if (d.n_bad > 0)
		*defects |= DEFECT_BAD_CHARACTERS;
	if (d.n_bad > 0 || cs != charset_utf8())
		*defects |= DEFECT_HEADER_NOT_UTF8;
	return (struct slice){space->data, space->len};
}

static void
trim(struct slice *s)
{
	while (s->len > 0 && is_blank(s->data[s->len - 1]))
		s->len--;
	for (; s->len > 0 && is_blank(s->data[0]); s->len--)
		s->data++;
}

/* No more words follow directly: a character still cut stays so. */
static void
end_words(struct decoding *d)
{
	if (!d->is_after_word)
		return;
	d->is_after_word = false;
	charset_end(&d->decoder, d->out);
	if (d->decoder.n_bad > 0)
		*d->defects |= DEFECT_BAD_CHARACTERS;
}

/* Text without its line ends. */
static void
add_text(struct decoding *d, const char *p, size_t n)
{
	const char *end = p + n, *lf, *to;

	end_words(d);
	for (; (lf = memchr(p, '\n', (size_t)(end - p))) != NULL; p = lf + 1) {
		to = lf > p && lf[-1] == '\r' ? lf - 1 : lf;
		buf_add(d->out, p, (size_t)(to - p));
	}
	buf_add(d->out, p, (size_t)(end - p));
}

static bool
is_token(char c)
{
	return c > ' ' && c <= '~' && strchr("?=\"(),;<>@[]", c) == NULL;
}

/* The beginning of a word, up to its text. */
static bool
parse_head(const char *p, size_t n, struct word *w)
{
	const char *star;
	size_t i = 2;

	while (i < n && i < LABEL_MAX && is_token(p[i]))
		i++;
	if (i == 2 || n - i < 3 || p[i] != '?' || p[i + 2] != '?')
		return false;
	star = memchr(p + 2, '*', i - 2);
	w->charset =
	    (struct slice){p + 2, (star != NULL ? (size_t)(star - p) : i) - 2};
	w->encoding = (char)(p[i + 1] | 0x20);
	w->text = (struct slice){p + i + 3, 0};
	return true;
}

/*
 * Where the text of a word ends: at "?=".  Not one with the beginning of
 * another word in it, so that looking for ends takes linear time.
 */
static bool
parse_text(const char *end, struct word *w)
{
	const char *text = w->text.data, *p = text;

	while ((p = memchr(p, '?', (size_t)(end - p))) != NULL) {
		if (p + 1 < end && p[1] == '=') {
			w->text.len = (size_t)(p - text);
			return true;
		}
		if (p > text && p[-1] == '=')
			return false;
		p++;
	}
	return false;
}

/* Is there a word at p, where "=?" is? */
static bool
parse_word(const char *p, size_t n, struct word *w, defect_set *defects)
{
	if (!parse_head(p, n, w))
		return false;
	if ((w->encoding != 'b' && w->encoding != 'q') ||
	    !parse_text(p + n, w)) {
		*defects |= DEFECT_BAD_ENCODED_WORD;
		return false;
	}
	w->size = (size_t)(w->text.data + w->text.len - p) + 2;
	return true;
}

static void
decode_b(struct decoding *d, struct slice text)
{
	if (!base64_decode_lenient(text.data, text.len, &d->bytes))
		*d->defects |= DEFECT_BAD_ENCODED_WORD;
	charset_add(&d->decoder, d->bytes.data, d->bytes.len, d->out);
}

/* Two digits after the '=' at p? */
static int
hex_byte(const char *p, const char *end)
{
	int high, low;

	if (end - p < 3)
		return -1;
	high = hex_digit(p[1]);
	low = hex_digit(p[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Raw bytes inside a word, which encoded_raw has made UTF-8. */
static const char *
add_raw(struct decoding *d, const char *p, const char *end)
{
	const char *from = p;

	charset_add(&d->decoder, d->bytes.data, d->bytes.len, d->out);
	buf_reset(&d->bytes);
	charset_end(&d->decoder, d->out);
	while (p < end && is_8bit(*p))
		p++;
	buf_add(d->out, from, (size_t)(p - from));
	return p;
}

/* A line end, and the white space after it, inside a word. */
static const char *
skip_fold(const char *p, const char *end)
{
	while (p < end && is_blank(*p))
		p++;
	return p;
}

static void
decode_q(struct decoding *d, struct slice text)
{
	const char *p = text.data, *end = p + text.len;
	int byte;

	buf_grow(&d->bytes, text.len);
	while (p < end) {
		if (is_8bit(*p)) {
			p = add_raw(d, p, end);
		} else if (*p == '\r' || *p == '\n') {
			p = skip_fold(p, end);
		} else if (*p != '=') {
			buf_addch(&d->bytes, *p);
			if (*p++ == '_')
				d->bytes.data[d->bytes.len - 1] = ' ';
		} else if ((byte = hex_byte(p, end)) >= 0) {
			buf_addch(&d->bytes, (char)byte);
			p += 3;
		} else {
			*d->defects |= DEFECT_BAD_ENCODED_WORD;
			buf_addch(&d->bytes, *p++);
		}
	}
	charset_add(&d->decoder, d->bytes.data, d->bytes.len, d->out);
}

static void
add_word(struct decoding *d, const struct word *w, const struct charset *cs)
{
	if (!d->is_after_word || d->decoder.cs != cs) {
		end_words(d);
		charset_begin(&d->decoder, cs);
	}
	d->is_after_word = true;
	buf_reset(&d->bytes);
	if (w->encoding == 'b')
		decode_b(d, w->text);
	else
		decode_q(d, w->text);
}

static bool
is_all_blank(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && is_blank(p[i]))
		i++;
	return i == n;
}

/* Where a word may begin; NULL: nowhere. */
static const char *
find_word(const char *p, const char *end)
{
	for (; (p = memchr(p, '=', (size_t)(end - p))) != NULL; p++)
		if (p + 1 < end && p[1] == '?')
			break;
	return p;
}

static void
decode_words(struct decoding *d, struct slice value)
{
	const char *text = value.data, *p = text, *end = text + value.len;
	const struct charset *cs;
	struct word w;

	while ((p = find_word(p, end)) != NULL) {
		if (!parse_word(p, (size_t)(end - p), &w, d->defects)) {
			p += 2;
			continue;
		}
		cs = charset_find(w.charset.data, w.charset.len);
		if (cs == NULL) {
			*d->defects |= DEFECT_UNKNOWN_CHARSET;
			p += w.size;
			continue;
		}
		if (!d->is_after_word ||
		    !is_all_blank(text, (size_t)(p - text)))
			add_text(d, text, (size_t)(p - text));
		add_word(d, &w, cs);
		text = p += w.size;
	}
	add_text(d, text, (size_t)(end - text));
}

void
encoded_decode(struct slice value, const struct charset *hint, struct buf *out,
    defect_set *defects)
{
	struct decoding d = {.out = out, .defects = defects};
	struct buf space = BUF_INIT;

	trim(&value);
	value = encoded_raw(value, hint, &space, defects);
	if (value.len > 0)
		decode_words(&d, value);
	else
		buf_grow(out, 0);
	buf_release(&d.bytes);
	buf_release(&space);
}
