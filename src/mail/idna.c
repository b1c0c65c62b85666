#include "mail/idna.h"

#include <stdint.h>
#include <string.h>

#include "core/utf8.h"

enum {
	LABEL_MAX = 63, /* RFC 1035 2.3.4 */
	/* Of Punycode, RFC 3492 5. */
	BASE = 36,
	T_MIN = 1,
	T_MAX = 26,
	SKEW = 38,
	DAMP = 700,
	BIAS = 72,
	FIRST = 0x80,
};

/* Characters that need no mapping and compose with nothing. */
static const struct {
	uint32_t first, last;
} plain[] = {
    {'-', '-'},
    {'0', '9'},
    {'a', 'z'},
    {0xdf, 0xf6},
    {0xf8, 0xff},
    {0x3ac, 0x3ce},
    {0x430, 0x45f},
    {0x3005, 0x3007},
    {0x3041, 0x3096},
    {0x309d, 0x309e},
    {0x30a1, 0x30fe},
    {0x3400, 0x4dbf},
    {0x4e00, 0x9fff},
    {0xac00, 0xd7a3},
};

static bool
is_plain(uint32_t c)
{
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
		if (c >= plain[i].first && c <= plain[i].last)
			return true;
	return false;
}

/* The character at s, which has n bytes. */
static uint32_t
code_point(const char *s, size_t n)
{
	static const unsigned char lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t c = (unsigned char)s[0] & lead[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s[i] & 0x3fU);
	return c;
}

static uint32_t
adapt(uint32_t delta, uint32_t n, bool is_first)
{
	uint32_t k = 0;

	delta = is_first ? delta / DAMP : delta / 2;
	for (delta += delta / n; delta > (BASE - T_MIN) * T_MAX / 2; k += BASE)
		delta /= BASE - T_MIN;
	return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

static void
add_digit(uint32_t d, struct buf *out)
{
	buf_addch(out, (char)(d < 26 ? 'a' + d : '0' + (d - 26)));
}

/* A number of as many digits as it needs. */
static void
add_delta(uint32_t delta, uint32_t bias, struct buf *out)
{
	uint32_t t;

	for (uint32_t k = BASE;; k += BASE) {
		t = k <= bias ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias;
		if (delta < t)
			break;
		add_digit(t + (delta - t) % (BASE - t), out);
		delta = (delta - t) / (BASE - t);
	}
	add_digit(delta, out);
}

/* The least of the characters from c on. */
static uint32_t
next_of(const uint32_t *label, size_t n, uint32_t c)
{
	uint32_t least = UINT32_MAX;

	for (size_t i = 0; i < n; i++)
		if (label[i] >= c && label[i] < least)
			least = label[i];
	return least;
}

/* RFC 3492 6.3; at most LABEL_MAX characters, so that nothing overflows. */
static void
add_punycode(const uint32_t *label, size_t n, struct buf *out)
{
	uint32_t c = FIRST, delta = 0, bias = BIAS, basic = 0, done, next;

	for (size_t i = 0; i < n; i++)
		if (label[i] < FIRST) {
			buf_addch(out, (char)label[i]);
			basic++;
		}
	if (basic > 0)
		buf_addch(out, '-');
	for (done = basic; done < n; delta++, c++) {
		next = next_of(label, n, c);
		delta += (next - c) * (done + 1);
		c = next;
		for (size_t i = 0; i < n; i++) {
			delta += label[i] < c;
			if (label[i] != c)
				continue;
			add_delta(delta, bias, out);
			bias = adapt(delta, done + 1, done == basic);
			delta = 0;
			done++;
		}
	}
}

static bool
add_label(const char *s, size_t n, struct buf *out)
{
	uint32_t label[LABEL_MAX];
	size_t len = 0, size, start = out->len;
	bool is_ascii = true;

	for (size_t i = 0; i < n; i += size) {
		size = utf8_char(s + i, n - i);
		if (size == 0 || len == LABEL_MAX)
			return false;
		label[len++] = code_point(s + i, size);
		is_ascii &= size == 1;
	}
	if (is_ascii) {
		buf_add(out, s, n);
		return len > 0;
	}
	for (size_t i = 0; i < len; i++)
		if (!is_plain(label[i]))
			return false;
	if (label[0] == '-' || label[len - 1] == '-')
		return false;
	buf_addstr(out, "xn--");
	add_punycode(label, len, out);
	return out->len - start <= LABEL_MAX;
}

/* Length of the separator at s; 0: there is none. */
static size_t
separator(const char *s, size_t n)
{
	static const char ideographic[] = "\xe3\x80\x82";

	if (n > 0 && s[0] == '.')
		return 1;
	return n >= 3 && memcmp(s, ideographic, 3) == 0 ? 3 : 0;
}

bool
idna_to_ascii(const char *domain, size_t n, struct buf *out)
{
	size_t start = out->len, from = 0, size;

	for (size_t i = 0; i <= n; i += size > 0 ? size : 1) {
		size = separator(domain + i, n - i);
		if (size == 0 && i < n)
			continue;
		if (!add_label(domain + from, i - from, out)) {
			out->len = start;
			return false;
		}
		if (i < n)
			buf_addch(out, '.');
		from = i + size;
	}
	return true;
}
