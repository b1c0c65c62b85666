#include "mail/compose_words.h"

#include <stdint.h>
#include <string.h>

#include "core/base64.h"
#include "core/utf8.h"
#include "mail/charset.h"

static const char *const starts[] = {
    [WORDS_Q] = "=?UTF-8?Q?",
    [WORDS_B] = "=?UTF-8?B?",
    [WORDS_JIS] = "=?ISO-2022-JP?B?",
};

bool
words_needed(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] >= 0x80 ||
		    (text[i] == '=' && i + 1 < n && text[i + 1] == '?'))
			return true;
	return false;
}

/* May it stand in a Q word of a phrase, which is the strictest place? */
static bool
is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!*+-/ ", c) != NULL);
}

static size_t
q_size(const char *text, size_t n)
{
	size_t size = 0;

	for (size_t i = 0; i < n; i++)
		size += is_plain(text[i]) ? 1 : 3;
	return size;
}

static bool
is_all_jis(const char *text, size_t n)
{
	struct buf space = BUF_INIT;
	bool is = charset_to_iso2022jp(text, n, SIZE_MAX, &space) == n;

	buf_release(&space);
	return is;
}

void
words_begin(struct words *w, const char *text, size_t n, bool is_jis)
{
	w->text = text;
	w->n = n;
	if (is_jis && is_all_jis(text, n))
		w->form = WORDS_JIS;
	else if (q_size(text, n) <= (n + 2) / 3 * 4)
		w->form = WORDS_Q;
	else
		w->form = WORDS_B;
}

size_t
words_size(const struct words *w)
{
	size_t around = strlen(starts[w->form]) + strlen("?="), n = w->n;
	struct buf jis = BUF_INIT;

	if (w->form == WORDS_Q)
		return around + q_size(w->text, w->n);
	if (w->form == WORDS_JIS) {
		charset_to_iso2022jp(w->text, w->n, SIZE_MAX, &jis);
		n = jis.len;
		buf_release(&jis);
	}
	return around + (n + 2) / 3 * 4;
}

static void
add_q(const char *text, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] == ' ')
			buf_addch(out, '_');
		else if (is_plain(text[i]))
			buf_addch(out, text[i]);
		else
			buf_addf(out, "=%02X", (unsigned char)text[i]);
}

/* Whole characters whose Q form is at most max long. */
static size_t
q_fit(const char *text, size_t n, size_t max)
{
	size_t i = 0, used = 0, size;

	for (; i < n; i += size) {
		size = utf8_char(text + i, n - i);
		if (size == 0)
			size = 1; /* not to be: it was checked */
		used += q_size(text + i, size);
		if (used > max)
			break;
	}
	return i;
}

/*
 * Base64 that other words follow does not end in '=': GMime (3.2) takes what
 * comes then for part of the same, and loses it.
 */
static bool
ends_badly(size_t bytes, bool is_last)
{
	return bytes % 3 != 0 && !is_last;
}

/* Less and less, until the end is a good one; false: it never is. */
static bool
fit_jis(const struct words *w, size_t max, struct buf *bytes, size_t *taken)
{
	do {
		buf_reset(bytes);
		*taken = charset_to_iso2022jp(w->text, w->n, max, bytes);
		max = bytes->len - 1;
	} while (*taken > 0 && ends_badly(bytes->len, *taken == w->n));
	return *taken > 0;
}

static size_t
add_jis(const struct words *w, size_t max, struct buf *out)
{
	struct buf bytes = BUF_INIT;
	size_t taken;

	if (!fit_jis(w, max, &bytes, &taken)) {
		buf_reset(&bytes);
		taken = charset_to_iso2022jp(w->text, w->n, max, &bytes);
	}
	base64_encode(bytes.data, bytes.len, out);
	buf_release(&bytes);
	return taken;
}

/* Whole characters of at most max bytes; 0: there is no good end. */
static size_t
b_fit(const char *text, size_t n, size_t max)
{
	size_t taken = utf8_cut(text, n, max);

	while (taken > 0 && ends_badly(taken, taken == n))
		taken = utf8_cut(text, n, taken - 1);
	return taken;
}

void
words_next(struct words *w, size_t max, struct buf *out)
{
	enum words_form form = w->form;
	size_t room = max - strlen(starts[form]) - strlen("?="), taken = 0;

	if (form == WORDS_B) {
		taken = b_fit(w->text, w->n, room / 4 * 3);
		if (taken == 0)
			form = WORDS_Q;
	}
	if (form == WORDS_Q)
		taken = q_fit(w->text, w->n, room);
	buf_addstr(out, starts[form]);
	if (form == WORDS_JIS)
		taken = add_jis(w, room / 4 * 3, out);
	else if (form == WORDS_B)
		base64_encode(w->text, taken, out);
	else
		add_q(w->text, taken, out);
	buf_addstr(out, "?=");
	w->text += taken;
	w->n -= taken;
}
