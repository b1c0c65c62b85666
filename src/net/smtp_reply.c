#include "net/smtp_reply.h"

#include <string.h>

#include "core/buf.h"
#include "core/plain.h"
#include "core/utf8.h"

void
smtp_reader_reset(struct smtp_reader *r)
{
	r->reply.code = 0;
	r->reply.enhanced[0] = '\0';
	r->reply.text[0] = '\0';
	r->lines = 0;
	r->text_len = 0;
	r->kept = 0;
	r->seen = 0;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Length of "5.1.1" at the start of text, 0 when there is none. */
static size_t
enhanced_len(const char *s)
{
	size_t n = 1;

	if ((s[0] != '2' && s[0] != '4' && s[0] != '5'))
		return 0;
	for (int i = 0; i < 2; i++) {
		size_t digits = 0;

		if (s[n++] != '.')
			return 0;
		while (digits < 3 && is_digit(s[n + digits]))
			digits++;
		if (digits == 0)
			return 0;
		n += digits;
	}
	return s[n] == ' ' || s[n] == '\0' ? n : 0;
}

static void
append(struct smtp_reader *r, const char *s, size_t n)
{
	size_t room = sizeof r->reply.text - 1 - r->text_len;

	n = utf8_cut(s, n, room);
	memcpy(r->reply.text + r->text_len, s, n);
	r->text_len += n;
	r->reply.text[r->text_len] = '\0';
}

static bool
is_printable(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < ' ' || s[i] > '~')
			return false;
	return true;
}

static void
add_text(struct smtp_reader *r, const char *s, size_t n)
{
	struct buf plain = BUF_INIT;

	if (n == 0 || r->text_len + 2 > sizeof r->reply.text)
		return;
	if (r->text_len > 0)
		append(r, " ", 1);
	if (is_printable(s, n)) {
		append(r, s, n);
		return;
	}
	plain_add(&plain, s, n, sizeof r->reply.text);
	append(r, plain.data, plain.len);
	buf_release(&plain);
}

/* A line is whole; line[kept] is a NUL. */
static enum smtp_got
take_line(struct smtp_reader *r)
{
	const char *s = r->line;
	size_t enhanced;
	int code;

	if (r->kept < 3 || s[0] < '2' || s[0] > '5' || !is_digit(s[1]) ||
	    !is_digit(s[2]) || (s[3] != '\0' && s[3] != ' ' && s[3] != '-'))
		return SMTP_GOT_GARBAGE;
	code = (s[0] - '0') * 100 + (s[1] - '0') * 10 + (s[2] - '0');
	if (r->lines > 0 && code != r->reply.code)
		return SMTP_GOT_GARBAGE;
	r->reply.code = code;
	s += r->kept > 3 ? 4 : 3;
	if (r->caps != NULL && code == 250 && r->lines > 0)
		smtp_caps_add(r->caps, s);
	enhanced = enhanced_len(s);
	if (enhanced > 0 && r->lines == 0) {
		memcpy(r->reply.enhanced, s, enhanced);
		r->reply.enhanced[enhanced] = '\0';
	}
	if (enhanced > 0)
		s += enhanced + (s[enhanced] == ' ');
	add_text(r, s, r->kept - (size_t)(s - r->line));
	if (r->line[3] != '-')
		return SMTP_GOT_REPLY;
	return ++r->lines < SMTP_LINES_MAX ? SMTP_GOT_MORE : SMTP_GOT_GARBAGE;
}

/* Keep these bytes of a line; false: it is too long. */
static bool
keep(struct smtp_reader *r, const char *data, size_t n)
{
	size_t room = sizeof r->line - 1 - r->kept;

	r->seen += n;
	if (n > room)
		n = room;
	memcpy(r->line + r->kept, data, n);
	r->kept += n;
	return r->seen <= SMTP_LINE_MAX;
}

static enum smtp_got
end_line(struct smtp_reader *r)
{
	enum smtp_got got;

	if (r->kept == r->seen && r->kept > 0 && r->line[r->kept - 1] == '\r')
		r->kept--;
	r->line[r->kept] = '\0';
	got = take_line(r);
	r->kept = r->seen = 0;
	if (got == SMTP_GOT_REPLY)
		r->lines = 0;
	return got;
}

enum smtp_got
smtp_reader_add(struct smtp_reader *r, const char *data, size_t n, size_t *used)
{
	enum smtp_got got = SMTP_GOT_MORE;
	size_t at = 0, len;
	const char *end;

	if (r->lines == 0 && r->seen == 0)
		smtp_reader_reset(r);
	while (got == SMTP_GOT_MORE && at < n) {
		end = memchr(data + at, '\n', n - at);
		len = end == NULL ? n - at : (size_t)(end - data) - at;
		if (!keep(r, data + at, len)) {
			got = SMTP_GOT_GARBAGE;
			break;
		}
		at += len;
		if (end == NULL)
			break;
		at++;
		got = end_line(r);
	}
	*used = at;
	return got;
}
