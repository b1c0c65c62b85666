/*
 * Uuencode (POSIX uuencode): a "begin MODE NAME" line, lines of a length
 * character and groups of four, an "end" line.  transfer.pending has the
 * beginning of a line that is not whole.
 */
#include "mail/transfer_decoder.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum state {
	BEFORE,
	INSIDE,
	AFTER,
};

enum {
	/* What counts of a line: more than 63 bytes make. */
	LINE_BYTES = 128,
};

#define BEGIN "begin "

static bool
is_begin(const char *s, size_t n)
{
	size_t i = strlen(BEGIN), digits = 0;

	if (n < i || memcmp(s, BEGIN, i) != 0)
		return false;
	for (; i < n && s[i] >= '0' && s[i] <= '7'; i++)
		digits++;
	return (digits == 3 || digits == 4) && i < n && s[i] == ' ';
}

/* The value of character i; those that are missing were blanks once. */
static uint32_t
value(struct transfer *t, const char *s, size_t n, size_t i)
{
	if (i >= n || s[i] < ' ' || s[i] > '`') {
		t->defects |= DEFECT_BAD_UUENCODE;
		return 0;
	}
	return ((uint32_t)s[i] - ' ') & 63;
}

/* The group at s[i]. */
static uint32_t
group(struct transfer *t, const char *s, size_t n, size_t i, size_t left)
{
	uint32_t bits = value(t, s, n, i) << 18 | value(t, s, n, i + 1) << 12;

	if (left > 1)
		bits |= value(t, s, n, i + 2) << 6;
	if (left > 2)
		bits |= value(t, s, n, i + 3);
	return bits;
}

static void
add_data(struct transfer *t, const char *s, size_t n, struct buf *out)
{
	static const char zeros[63];
	size_t left = value(t, s, n, 0), size;
	uint32_t bits;
	char bytes[3];

	for (size_t i = 1; left > 0 && i < n; i += 4) {
		bits = group(t, s, n, i, left);
		bytes[0] = (char)(bits >> 16);
		bytes[1] = (char)(bits >> 8 & 0xff);
		bytes[2] = (char)(bits & 0xff);
		size = left < 3 ? left : 3;
		buf_add(out, bytes, size);
		left -= size;
	}
	buf_add(out, zeros, left);
	if (left > 0)
		t->defects |= DEFECT_BAD_UUENCODE;
}

/* A line, or its first LINE_BYTES. */
static void
add_line(struct transfer *t, const char *s, size_t n, struct buf *out)
{
	while (n > 0 && (s[n - 1] == '\n' || s[n - 1] == '\r'))
		n--;
	if (t->state == BEFORE && is_begin(s, n))
		t->state = INSIDE;
	else if (t->state != INSIDE || n == 0)
		return;
	else if (n == 3 && memcmp(s, "end", 3) == 0)
		t->state = AFTER;
	else
		add_data(t, s, n, out);
}

static void
add(struct transfer *t, const char *data, size_t n, struct buf *out)
{
	const char *lf;
	size_t size, room;

	for (; n > 0; data += size, n -= size) {
		lf = memchr(data, '\n', n);
		size = lf != NULL ? (size_t)(lf - data) + 1 : n;
		room = LINE_BYTES - t->pending.len;
		buf_add(&t->pending, data, size < room ? size : room);
		if (lf == NULL)
			continue;
		add_line(t, t->pending.data, t->pending.len, out);
		buf_reset(&t->pending);
	}
}

static void
end(struct transfer *t, struct buf *out)
{
	add_line(t, t->pending.data, t->pending.len, out);
	buf_reset(&t->pending);
	if (t->state != AFTER)
		t->defects |= DEFECT_BAD_UUENCODE;
}

const struct transfer_decoder transfer_uuencode = {add, end};
