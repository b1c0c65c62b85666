/* The charset of bytes of which nobody says it. */
#include <stdint.h>
#include <string.h>

#include "mail/charset_codec.h"

enum {
	ESC = 0x1b,
	CHUNK = 1024,
};

/* How well bytes fit a charset. */
struct fit {
	bool is_good; /* every byte has its place */
	size_t likely; /* characters that Japanese text is made of */
	size_t unlikely; /* those that other bytes would become */
};

static bool
has_8bit(const char *data, size_t n)
{
	return charset_ascii_span((const unsigned char *)data, n) < n;
}

/* Can all of it be decoded? */
static bool
is_good(const struct charset *cs, const char *data, size_t n)
{
	struct charset_decoder d;
	struct buf text = BUF_INIT;
	size_t k;

	charset_begin(&d, cs);
	for (; n > 0 && d.n_bad == 0; data += k, n -= k) {
		k = n < CHUNK ? n : CHUNK;
		buf_reset(&text);
		charset_add(&d, data, k, &text);
	}
	charset_end(&d, &text);
	buf_release(&text);
	return d.n_bad == 0;
}

/* Escapes to Japanese sets: no other text has them. */
static bool
has_jis(const char *data, size_t n)
{
	const char *p = data, *end = data + n;

	for (; (p = memchr(p, ESC, (size_t)(end - p))) != NULL; p++) {
		if (end - p < 3)
			return false;
		if (p[1] == '$' && strchr("@B(", p[2]) != NULL && p[2] != '\0')
			return true;
		if (p[1] == '(' && (p[2] == 'I' || p[2] == 'J'))
			return true;
	}
	return false;
}

static bool
is_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Kana, punctuation, circled digits, kanji of the first level, by JIS row. */
static bool
is_common_row(unsigned row)
{
	return (row >= 0x21 && row <= 0x25) || row == 0x2d ||
	       (row >= 0x30 && row <= 0x4f);
}

/* Characters that stand together. */
struct run {
	size_t count;
	size_t common; /* of them are frequent in Japanese */
	size_t narrow; /* of them are half-width kana */
	bool is_beside_letter;
};

/*
 * In Japanese such characters come in runs; in Latin text a byte with its
 * eighth bit set mostly stands alone between letters, and makes a "kanji" with
 * the next.
 */
static void
add_run(struct fit *f, const struct run *run)
{
	size_t common = run->common;

	if (run->count >= 3) /* each hiragana of EUC-JP looks like two */
		common += run->narrow / 3;
	if (run->count == 1 && run->is_beside_letter)
		f->unlikely++;
	else if (run->count > 0 && common * 2 >= run->count - run->narrow)
		f->likely += common;
	else
		f->unlikely += run->count;
}

/* What a charset makes of the bytes at p: their size, 0: nothing; the row. */
typedef size_t character_fn(
    const unsigned char *p, const unsigned char *end, unsigned *row);

static size_t
sjis_character(const unsigned char *p, const unsigned char *end, unsigned *row)
{
	unsigned lead = p[0];

	*row = 0;
	if (lead >= 0xa1 && lead <= 0xdf)
		return 1; /* half-width kana */
	if (end - p < 2 || charset_cell(&charset_cp932, lead, p[1]) == 0)
		return 0;
	*row = (lead - (lead < 0xa0 ? 0x71 : 0xb1)) * 2 + 1 + (p[1] >= 0x9f);
	return 2;
}

static bool
is_high(unsigned char c)
{
	return c >= 0xa1 && c <= 0xfe;
}

static size_t
euc_character(const unsigned char *p, const unsigned char *end, unsigned *row)
{
	*row = 0x25;
	if (end - p < 2 || !is_high(p[1]))
		return 0;
	if (p[0] == 0x8e)
		return 2; /* half-width kana */
	if (p[0] == 0x8f)
		return end - p > 2 && is_high(p[2]) ? 3 : 0;
	if (!is_high(p[0]) || charset_jis_cell(p[0] & 0x7f, p[1] & 0x7f) == 0)
		return 0;
	*row = p[0] & 0x7f;
	return 2;
}

static struct fit
fit(const char *data, size_t n, character_fn *character)
{
	const unsigned char *begin = (const unsigned char *)data, *p = begin;
	const unsigned char *end = p + n;
	struct fit f = {.is_good = true};

	while (p < end) {
		struct run run = {.count = 0};
		size_t size;
		unsigned row;

		p += charset_ascii_span(p, (size_t)(end - p));
		run.is_beside_letter = p > begin && is_letter(p[-1]);
		for (; p < end && *p >= 0x80; p += size) {
			size = character(p, end, &row);
			if (size == 0)
				return (struct fit){.is_good = false};
			run.count++;
			run.common += is_common_row(row);
			run.narrow += row == 0;
		}
		run.is_beside_letter |= p < end && is_letter(*p);
		add_run(&f, &run);
	}
	return f;
}

static bool
looks_japanese(const struct fit *f)
{
	return f->is_good && f->likely > f->unlikely;
}

static const struct charset *
guess_8bit(const char *data, size_t n)
{
	struct fit sjis = fit(data, n, sjis_character);
	struct fit euc = fit(data, n, euc_character);

	if (looks_japanese(&euc) &&
	    (!looks_japanese(&sjis) || euc.likely >= sjis.likely))
		return &charset_all[CHARSET_EUC_JP];
	if (looks_japanese(&sjis))
		return &charset_all[CHARSET_SHIFT_JIS];
	return &charset_all[CHARSET_WINDOWS_1252];
}

const struct charset *
charset_guess(const char *data, size_t n, const struct charset *hint)
{
	const struct charset *jis = &charset_all[CHARSET_ISO_2022_JP];

	if (has_8bit(data, n) && is_good(charset_utf8(), data, n))
		return charset_utf8();
	if (n > 0 && has_jis(data, n))
		return jis;
	if (!has_8bit(data, n))
		return charset_utf8();
	/* ISO-2022-JP without escapes is not even that. */
	if (hint != NULL && hint != jis && is_good(hint, data, n))
		return hint;
	return guess_8bit(data, n);
}
