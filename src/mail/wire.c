#include "mail/wire.h"

#include <string.h>

enum {
	NEAR = 256,
};

void
wire_init(struct wire *w, bool is_stuffed)
{
	*w = (struct wire){.is_stuffed = is_stuffed};
}

static void
put(struct wire *w, const char *data, size_t n, struct buf *out)
{
	w->size += (int64_t)n;
	if (out != NULL)
		buf_add(out, data, n);
}

static void
end_line(struct wire *w, struct buf *out)
{
	if (w->line == 0)
		w->is_in_body = true;
	if (w->line > w->longest)
		w->longest = w->line;
	w->line = 0;
	w->is_in_line = false;
	put(w, "\r\n", 2, out);
}

static bool
has_8bit(const char *s, size_t n)
{
	uint64_t all = 0, word;

	for (; n >= sizeof word; s += sizeof word, n -= sizeof word) {
		memcpy(&word, s, sizeof word);
		all |= word;
	}
	for (; n > 0; s++, n--)
		all |= (unsigned char)*s;
	return (all & 0x8080808080808080) != 0;
}

/* How many of these are text of the line, or enough of them. */
static size_t
text_len(const char *data, size_t n)
{
	const char *end;

	/* What is far away is not looked for again and again. */
	if (n > NEAR)
		n = NEAR;
	end = memchr(data, '\n', n);
	if (end != NULL)
		n = (size_t)(end - data);
	end = memchr(data, '\r', n);
	return end != NULL ? (size_t)(end - data) : n;
}

/* Bytes of one line, none of which ends it. */
static void
add_text(struct wire *w, const char *data, size_t n, struct buf *out)
{
	if (!w->has_8bit_header && !(w->has_8bit && w->is_in_body) &&
	    has_8bit(data, n)) {
		w->has_8bit = true;
		w->has_8bit_header = !w->is_in_body;
	}
	if (!w->has_nul)
		w->has_nul = memchr(data, '\0', n) != NULL;
	if (!w->is_in_line && w->is_stuffed && data[0] == '.' && out != NULL)
		buf_addch(out, '.');
	w->is_in_line = true;
	w->line += (int64_t)n;
	put(w, data, n, out);
}

void
wire_add(struct wire *w, const char *data, size_t n, struct buf *out)
{
	size_t i = 0, k;

	while (i < n) {
		if (data[i] == '\n' && w->was_cr) {
			w->was_cr = false; /* its line has ended already */
			i++;
			continue;
		}
		w->was_cr = data[i] == '\r';
		if (data[i] == '\r' || data[i] == '\n') {
			end_line(w, out);
			i++;
			continue;
		}
		k = text_len(data + i, n - i);
		add_text(w, data + i, k, out);
		i += k;
	}
}

void
wire_end(struct wire *w, struct buf *out)
{
	if (w->is_in_line)
		end_line(w, out);
	w->was_cr = false;
}
