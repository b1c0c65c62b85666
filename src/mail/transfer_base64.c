/*
 * Base64 as mail has it (RFC 2045 6.8).  transfer.state is the number of
 * characters of a group that are in transfer.bits, or AFTER_PADDING.
 */
#include "mail/transfer_decoder.h"

#include <stdint.h>

enum {
	AFTER_PADDING = 4, /* and the next group has not begun */
};

enum {
	/* Values of a character beyond the 64: */
	BLANK = 64,
	PADDING = 65,
	OTHER = 66,
	NOT_DATA = 64 | 128, /* their bits */
};

/* What each byte means; made once. */
static uint8_t values[256];

static void
make_values(void)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz"
				       "0123456789+/";

	if (values[0] == OTHER)
		return;
	for (size_t i = 0; i < sizeof values; i++)
		values[i] = OTHER;
	for (size_t i = 0; i < 64; i++)
		values[(unsigned char)alphabet[i]] = (uint8_t)i;
	values[' '] = values['\t'] = values['\r'] = values['\n'] = BLANK;
	values['='] = PADDING;
}

static void
put(struct buf *out, uint32_t byte)
{
	out->data[out->len++] = (char)(byte & 0xff);
}

/* The bytes of a group that ends with count characters. */
static void
end_group(struct transfer *t, unsigned count, struct buf *out)
{
	if (count == 1)
		t->defects |= DEFECT_BAD_BASE64;
	else if (count == 2)
		put(out, t->bits >> 4);
	if (count < 3)
		return;
	t->bits <<= 6 * (4 - count);
	put(out, t->bits >> 16);
	put(out, t->bits >> 8);
	if (count == 4)
		put(out, t->bits);
}

static void
add_value(struct transfer *t, uint8_t value, struct buf *out)
{
	if (t->state == AFTER_PADDING) {
		t->defects |= DEFECT_BAD_BASE64; /* more than one encoding */
		t->state = 0;
	}
	t->bits = t->bits << 6 | value;
	if (++t->state < 4)
		return;
	end_group(t, 4, out);
	t->state = 0;
}

static void
add_other(struct transfer *t, uint8_t value, struct buf *out)
{
	if (value == BLANK)
		return;
	if (value == OTHER || t->state == 0)
		t->defects |= DEFECT_BAD_BASE64;
	if (value == OTHER)
		return;
	if (t->state != AFTER_PADDING)
		end_group(t, t->state, out);
	t->state = AFTER_PADDING;
}

/* Whole groups without anything between.  How many bytes were taken. */
static size_t
add_groups(const unsigned char *s, size_t n, struct buf *out)
{
	char *to = out->data + out->len;
	const unsigned char *from = s, *end = s + n;
	uint32_t a, b, c, d, bits;

	for (; end - from >= 4; from += 4) {
		a = values[from[0]];
		b = values[from[1]];
		c = values[from[2]];
		d = values[from[3]];
		if ((a | b | c | d) & NOT_DATA)
			break;
		bits = a << 18 | b << 12 | c << 6 | d;
		*to++ = (char)(bits >> 16);
		*to++ = (char)(bits >> 8 & 0xff);
		*to++ = (char)(bits & 0xff);
	}
	out->len = (size_t)(to - out->data);
	return (size_t)(from - s);
}

static void
add(struct transfer *t, const char *data, size_t n, struct buf *out)
{
	const unsigned char *s = (const unsigned char *)data;
	size_t i = 0;
	uint8_t value;

	make_values();
	buf_grow(out, n / 4 * 3 + 6);
	while (i < n) {
		if (t->state == 0)
			i += add_groups(s + i, n - i, out);
		if (i == n)
			break;
		value = values[s[i++]];
		if (value & NOT_DATA)
			add_other(t, value, out);
		else
			add_value(t, value, out);
	}
	out->data[out->len] = '\0';
}

static void
end(struct transfer *t, struct buf *out)
{
	buf_grow(out, 2);
	if (t->state != AFTER_PADDING)
		end_group(t, t->state, out);
	out->data[out->len] = '\0';
}

const struct transfer_decoder transfer_base64 = {add, end};
