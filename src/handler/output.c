#include "core/buf.h"
#include "core/json.h"
#include "core/utf8.h"
#include "handler/handler.h"

#include <string.h>

void
handler_output_add(struct handler_output *o, const char *data, size_t len)
{
	size_t n, at;

	if (o->bytes < HANDLER_KEPT) {
		n = HANDLER_KEPT - (size_t)o->bytes;
		n = len < n ? len : n;
		memcpy(o->head + o->bytes, data, n);
		o->bytes += n;
		data += n;
		len -= n;
	}
	/* Only its end can stay in the ring. */
	if (len > HANDLER_KEPT) {
		n = len - HANDLER_KEPT;
		o->bytes += n;
		data += n;
		len = HANDLER_KEPT;
	}
	while (len > 0) {
		at = (size_t)(o->bytes % HANDLER_KEPT);
		n = HANDLER_KEPT - at;
		n = len < n ? len : n;
		memcpy(o->tail + at, data, n);
		o->bytes += n;
		data += n;
		len -= n;
	}
}

/* How many bytes at the end of s are the begin of an unfinished character. */
static size_t
cut_at_end(const char *s, size_t len)
{
	for (size_t n = 1; n <= 3 && n <= len; n++) {
		unsigned char c = (unsigned char)s[len - n];

		if (c >= 0xc0)
			return utf8_char(s + len - n, n) == 0 ? n : 0;
		if (c < 0x80)
			break;
	}
	return 0;
}

/* How many bytes at the begin of s are the end of a character. */
static size_t
cut_at_begin(const char *s, size_t len)
{
	size_t n = 0;

	while (n < 3 && n < len && ((unsigned char)s[n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* The ring in order. */
static void
add_tail(const struct handler_output *o, struct buf *b)
{
	size_t at = (size_t)(o->bytes % HANDLER_KEPT);

	if (o->bytes <= HANDLER_KEPT)
		return;
	if (o->bytes >= (uint64_t)2 * HANDLER_KEPT)
		buf_add(b, o->tail + at, HANDLER_KEPT - at);
	buf_add(b, o->tail, at);
}

bool
handler_output_text(const struct handler_output *o, struct buf *text)
{
	bool is_cut = o->bytes > (uint64_t)2 * HANDLER_KEPT;
	struct buf tail = BUF_INIT;
	size_t head = HANDLER_KEPT, n = 0;

	if (o->bytes < head)
		head = (size_t)o->bytes;
	add_tail(o, &tail);
	if (is_cut) {
		head -= cut_at_end(o->head, head);
		n = cut_at_begin(tail.data, tail.len);
	}
	buf_add(text, o->head, head);
	if (is_cut)
		buf_addstr(text, "\n[...]\n");
	if (tail.len > n)
		buf_add(text, tail.data + n, tail.len - n);
	buf_release(&tail);
	return is_cut;
}
