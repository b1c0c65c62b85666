#include "mail/compose_text.h"

#include <stdint.h>
#include <string.h>

#include "core/base64.h"
#include "mail/charset.h"

enum {
	LINE_7BIT = 78,
	LINE_QP = 76,
};

void
base64_lines(const char *data, size_t n, struct buf *out)
{
	size_t take;

	buf_grow(out, n / 3 * 4 + n / BASE64_LINE * 2 + 8);
	for (; n > 0; data += take, n -= take) {
		take = n < BASE64_LINE ? n : BASE64_LINE;
		base64_encode(data, take, out);
		buf_add(out, "\r\n", 2);
	}
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Where the line at s ends; the end when nothing ends it. */
static const char *
line_end(const char *s, const char *end, bool has_cr)
{
	const char *lf;

	if (has_cr) {
		while (s < end && *s != '\n' && *s != '\r')
			s++;
		return s;
	}
	lf = memchr(s, '\n', (size_t)(end - s));
	return lf != NULL ? lf : end;
}

/* Line ends as they are on the wire. */
static void
normalise(const char *s, size_t n, struct buf *out)
{
	const char *end = s + n, *stop;
	bool has_cr = memchr(s, '\r', n) != NULL;

	buf_grow(out, n + n / 16 + 2);
	while (s < end) {
		stop = line_end(s, end, has_cr);
		buf_add(out, s, (size_t)(stop - s));
		buf_add(out, "\r\n", 2);
		s = stop + 1;
		if (stop < end && *stop == '\r' && s < end && *s == '\n')
			s++;
	}
}

/* What decides about the encoding. */
struct look {
	size_t coded; /* bytes that take three in quoted-printable */
	size_t longest; /* line */
	bool has_mark; /* a line that could be changed on the way */
	bool has_from;
};

/* clang-format off */
#define N8 0, 0, 0, 0, 0, 0, 0, 0
#define N16 N8, N8
#define C8 1, 1, 1, 1, 1, 1, 1, 1
#define C32 C8, C8, C8, C8
/* Control characters, '=' and what is beyond ASCII: asked of every byte. */
static const unsigned char coded_bytes[256] = {
    C8, 1, 0, 1, 1, 1, 1, 1, 1, C8, C8,
    N16, N8, 0, 0, 0, 0, 0, 1, 0, 0, /* '=' */
    N16, N16,
    N16, N8, 0, 0, 0, 0, 0, 0, 0, 1,
    C32, C32, C32, C32};
/* clang-format on */

static bool
is_coded(char c)
{
	return coded_bytes[(unsigned char)c] != 0;
}

static bool
is_from(const char *s, size_t n)
{
	return n >= 5 && memcmp(s, "From ", 5) == 0;
}

/* A line without its end. */
static void
look_at_line(struct look *l, const char *s, size_t n)
{
	size_t coded = 0;

	if (n > l->longest)
		l->longest = n;
	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		coded += coded_bytes[(unsigned char)s[i]];
	l->coded += coded;
	l->has_from |= is_from(s, n);
	l->has_mark |=
	    s[0] == '.' || is_from(s, n) || s[n - 1] == ' ' || s[n - 1] == '\t';
}

static struct look
look_at(const char *s, size_t n)
{
	struct look l = {0};
	const char *end = s + n, *lf;

	for (; s < end; s = lf + 1) {
		lf = memchr(s, '\n', (size_t)(end - s));
		look_at_line(&l, s, (size_t)(lf - s) - 1);
	}
	return l;
}

static void
add_coded(unsigned char c, struct buf *out)
{
	static const char digits[] = "0123456789ABCDEF";
	const char triple[] = {'=', digits[c >> 4], digits[c & 15]};

	buf_add(out, triple, sizeof triple);
}

/* So many bytes that are themselves. */
static size_t
plain_run(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && !is_coded(s[i]))
		i++;
	return i;
}

/* A line without its end, in lines of at most LINE_QP characters. */
static void
add_qp_line(const char *s, size_t n, struct buf *out)
{
	size_t col = 0, run;

	for (size_t i = 0; i < n; i += run) {
		char c = s[i];
		bool is_last = i + 1 == n;
		bool coded =
		    is_coded(c) || ((c == ' ' || c == '\t') && is_last);

		run = 1;
		if (col + (coded ? 3 : 1) > (is_last ? LINE_QP : LINE_QP - 1)) {
			buf_add(out, "=\r\n", 3);
			col = 0;
		}
		coded |= col == 0 && (c == '.' || is_from(s + i, n - i));
		if (coded) {
			add_coded((unsigned char)c, out);
			col += 3;
			continue;
		}
		/* The last one of a line has rules of its own. */
		if (!is_last)
			run = plain_run(
			    s + i, least(n - 1 - i, LINE_QP - 1 - col));
		buf_add(out, s + i, run);
		col += run;
	}
	buf_add(out, "\r\n", 2);
}

static void
add_qp(const char *s, size_t n, struct buf *out)
{
	const char *end = s + n, *lf;

	buf_grow(out, n + n / 2);
	for (; s < end; s = lf + 1) {
		lf = memchr(s, '\n', (size_t)(end - s));
		add_qp_line(s, (size_t)(lf - s) - 1, out);
	}
}

static void
add_fields(struct buf *out, const char *subtype, const char *charset,
    const char *encoding)
{
	buf_addf(out,
	    "Content-Type: text/%s; charset=%s\r\n"
	    "Content-Transfer-Encoding: %s\r\n",
	    subtype, charset, encoding);
}

/* false: it is not all in that charset. */
static bool
jis_part(const char *subtype, const struct buf *lines, struct buf *fields,
    struct buf *body)
{
	static const char charset[] = "ISO-2022-JP";
	struct buf jis = BUF_INIT;
	struct look l;
	bool is = charset_to_iso2022jp(
		      lines->data, lines->len, SIZE_MAX, &jis) == lines->len;

	if (is) {
		l = look_at(jis.data, jis.len);
		if (l.longest <= LINE_MAX_SMTP && !l.has_from) {
			add_fields(fields, subtype, charset, "7bit");
			buf_add(body, jis.data, jis.len);
		} else {
			add_fields(fields, subtype, charset, "base64");
			base64_lines(jis.data, jis.len, body);
		}
	}
	buf_release(&jis);
	return is;
}

static void
utf8_part(const char *subtype, const struct buf *lines, struct buf *fields,
    struct buf *body)
{
	static const char charset[] = "UTF-8";
	struct look l = look_at(lines->data, lines->len);

	if (l.coded == 0 && l.longest <= LINE_7BIT && !l.has_mark) {
		add_fields(fields, subtype, charset, "7bit");
		buf_add(body, lines->data, lines->len);
	} else if (l.coded * 2 <= lines->len / 3) {
		add_fields(fields, subtype, charset, "quoted-printable");
		add_qp(lines->data, lines->len, body);
	} else {
		add_fields(fields, subtype, charset, "base64");
		base64_lines(lines->data, lines->len, body);
	}
}

void
text_part(const char *subtype, const char *text, size_t n, bool is_jis,
    struct buf *fields, struct buf *body)
{
	struct buf lines = BUF_INIT;

	normalise(text, n, &lines);
	if (!is_jis || !jis_part(subtype, &lines, fields, body))
		utf8_part(subtype, &lines, fields, body);
	buf_release(&lines);
}
