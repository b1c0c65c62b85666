/*
 * UTF-8 to ISO-2022-JP as it was first meant (RFC 1468): ASCII and JIS X 0208
 * alone, since of what has grown around it (half-width kana, NEC's row 13,
 * IBM's kanji) each receiver reads something else.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/utf8.h"
#include "mail/charset_codec.h"

enum {
	ROW_MIN = 0x21,
	ROW_MAX = 0x74, /* U+51DC and U+7199 are the last ones */
	VENDOR_MIN = 0x29, /* rows that JIS X 0208 leaves empty … */
	VENDOR_MAX = 0x2f, /* … up to here */
	COLUMN_MIN = 0x21,
	COLUMN_MAX = 0x7e,
	SWITCH = 3, /* bytes of an escape */
	SO = 0x0e,
	SI = 0x0f,
	ESC = 0x1b,
};

/*
 * Characters that Windows and JIS see differently at one place, both ways of
 * them: the table, which is CP932's, has but one.
 */
static const struct {
	uint16_t c, jis;
} twins[] = {
    {0x301c, 0x2141}, /* wave dash, full-width tilde */
    {0x2016, 0x2142}, /* double vertical line, parallel to */
    {0x2212, 0x215d}, /* minus sign, full-width hyphen-minus */
    {0x2014, 0x213d}, /* em dash, horizontal bar */
    {0x00a2, 0x2171}, /* cent */
    {0x00a3, 0x2172}, /* pound */
    {0x00ac, 0x224c}, /* not */
};

/* JIS X 0208 by code point; 0: not there.  Filled at first use. */
static uint16_t places[0x10000];

static void
fill_places(void)
{
	for (unsigned row = ROW_MIN; row <= ROW_MAX; row++) {
		if (row >= VENDOR_MIN && row <= VENDOR_MAX)
			continue;
		for (unsigned col = COLUMN_MIN; col <= COLUMN_MAX; col++) {
			unsigned c = charset_jis_cell(row, col);

			if (c >= 0x80 && c < 0x10000 && places[c] == 0)
				places[c] = (uint16_t)(row << 8 | col);
		}
	}
	for (size_t i = 0; i < sizeof twins / sizeof *twins; i++)
		places[twins[i].c] = twins[i].jis;
}

/* The character of n bytes; 0: JIS X 0208 has none such. */
static unsigned
place_of(const char *text, size_t n)
{
	const unsigned char *u = (const unsigned char *)text;

	if (places[0x3042] == 0)
		fill_places();
	if (n == 2)
		return places[(u[0] & 0x1fU) << 6 | (u[1] & 0x3fU)];
	if (n == 3)
		return places[(u[0] & 0x0fU) << 12 | (u[1] & 0x3fU) << 6 |
			      (u[2] & 0x3fU)];
	return 0;
}

static void
switch_to(bool is_jis, bool *was_jis, struct buf *out)
{
	if (is_jis != *was_jis)
		buf_add(out, is_jis ? "\033$B" : "\033(B", SWITCH);
	*was_jis = is_jis;
}

/* An escape of somebody else's would change what follows. */
static bool
is_shift(char c)
{
	return c == ESC || c == SO || c == SI;
}

size_t
charset_to_iso2022jp(const char *text, size_t n, size_t max, struct buf *out)
{
	size_t i = 0, size, used = 0, cost;
	bool was_jis = false;

	for (; i < n; i += size) {
		unsigned jis = 0;
		bool is_jis;

		size = utf8_char(text + i, n - i);
		is_jis = size > 1;
		if (is_jis)
			jis = place_of(text + i, size);
		if (size == 0 || (is_jis && jis == 0) || is_shift(text[i]))
			break;
		cost = (is_jis ? 2U : 1U) + (is_jis != was_jis ? SWITCH : 0U);
		if (used + cost + (is_jis ? SWITCH : 0U) > max)
			break;
		used += cost;
		switch_to(is_jis, &was_jis, out);
		if (is_jis)
			buf_addch(out, (char)(jis >> 8));
		buf_addch(out, is_jis ? (char)(jis & 0xff) : text[i]);
	}
	switch_to(false, &was_jis, out);
	return i;
}
