/*
 * Quoted-printable as mail has it (RFC 2045 6.7).  A line is decoded as soon as
 * its bytes come; transfer.pending has those at the end of what came whose
 * meaning the next ones tell: blanks, a CR, an '=' and what follows it.
 */
#include "mail/transfer_decoder.h"

#include <stdbool.h>
#include <string.h>

#include "core/hex.h"

enum {
	/* More blanks than a line may have (RFC 5322 2.1.1) are text, even
	   at its end: otherwise all of them had to be kept. */
	BLANKS_MAX = 998,
	/* How many bytes are looked at together with pending ones. */
	STEP = 256,
};

/* transfer.state: what came ends with more than BLANKS_MAX blanks, decoded. */
enum {
	IN_BLANKS = 1,
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Where the text s[0..n) ends without the blanks that do not count. */
static size_t
without_blanks(const char *s, size_t n)
{
	size_t i = n;

	while (i > 0 && is_blank(s[i - 1]))
		i--;
	return n - i > BLANKS_MAX ? n : i;
}

/* Decode text; there is room for n bytes. */
static void
add_text(struct transfer *t, const char *s, size_t n, struct buf *out)
{
	const char *end = s + n, *equals;
	int high, low;

	while (s < end) {
		if (*s != '=') {
			equals = memchr(s, '=', (size_t)(end - s));
			n = (size_t)((equals != NULL ? equals : end) - s);
			memcpy(out->data + out->len, s, n);
			out->len += n;
			s += n;
			continue;
		}
		high = end - s > 2 ? hex_digit(s[1]) : -1;
		low = high >= 0 ? hex_digit(s[2]) : -1;
		if (low >= 0) {
			out->data[out->len++] = (char)(high << 4 | low);
			s += 3;
		} else {
			t->defects |= DEFECT_BAD_QUOTED_PRINTABLE;
			out->data[out->len++] = *s++;
		}
	}
}

/* A whole line, of which the last end bytes are the line end. */
static void
add_line(
    struct transfer *t, const char *s, size_t n, size_t end, struct buf *out)
{
	size_t text = without_blanks(s, n - end);

	if (text > 0 && s[text - 1] == '=') { /* soft */
		add_text(t, s, text - 1, out);
		return;
	}
	add_text(t, s, text, out);
	memcpy(out->data + out->len, s + n - end, end);
	out->len += end;
}

/* How many bytes at the end of an unfinished line are undecided. */
static size_t
undecided(const char *s, size_t n)
{
	size_t cr = n > 0 && s[n - 1] == '\r';
	size_t i = without_blanks(s, n - cr);

	if (i > 0 && s[i - 1] == '=')
		i--;
	else if (i == n && i > 1 && s[i - 2] == '=' && hex_digit(s[i - 1]) >= 0)
		i -= 2;
	return n - i;
}

/* Bytes of one line.  How many were decoded; the others are undecided. */
static size_t
decode(struct transfer *t, const char *s, size_t n, struct buf *out)
{
	size_t skipped = 0, later;

	buf_grow(out, n);
	if (t->state == IN_BLANKS) {
		while (skipped < n && is_blank(s[skipped]))
			skipped++;
		add_text(t, s, skipped, out);
		if (skipped == n)
			return n;
		t->state = 0;
		s += skipped;
		n -= skipped;
	}
	if (s[n - 1] == '\n') {
		add_line(t, s, n, n > 1 && s[n - 2] == '\r' ? 2 : 1, out);
		return skipped + n;
	}
	later = undecided(s, n);
	add_text(t, s, n - later, out);
	if (later == 0 && is_blank(s[n - 1]))
		t->state = IN_BLANKS;
	return skipped + n - later;
}

/* Go on with the bytes that were undecided.  How many of data were taken. */
static size_t
resume(struct transfer *t, const char *data, size_t n, struct buf *out)
{
	if (n > STEP)
		n = STEP;
	buf_add(&t->pending, data, n);
	buf_shift(&t->pending, decode(t, t->pending.data, t->pending.len, out));
	return n;
}

static void
add(struct transfer *t, const char *data, size_t n, struct buf *out)
{
	const char *lf;
	size_t size, taken;

	for (; n > 0; data += taken, n -= taken) {
		lf = memchr(data, '\n', n);
		size = lf != NULL ? (size_t)(lf - data) + 1 : n;
		if (t->pending.len > 0) {
			taken = resume(t, data, size, out);
			continue;
		}
		taken = size;
		size = decode(t, data, taken, out);
		buf_add(&t->pending, data + size, taken - size);
	}
	buf_grow(out, 0);
	out->data[out->len] = '\0';
}

/* The end is the end of a line. */
static void
end(struct transfer *t, struct buf *out)
{
	buf_grow(out, t->pending.len);
	if (t->pending.len > 0)
		add_line(t, t->pending.data, t->pending.len, 0, out);
	out->data[out->len] = '\0';
	buf_reset(&t->pending);
}

const struct transfer_decoder transfer_quoted_printable = {add, end};
