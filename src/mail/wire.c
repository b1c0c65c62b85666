#include "mail/wire.h"

#include <string.h>

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

/* Bytes of one line, none of which ends it. */
static void
add_text(struct wire *w, const char *data, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n && !w->has_8bit_header; i++) {
		if ((unsigned char)data[i] < 0x80)
			continue;
		w->has_8bit = true;
		if (w->is_in_body)
			break;
		w->has_8bit_header = true;
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
		for (k = i; k < n && data[k] != '\r' && data[k] != '\n'; k++)
			continue;
		add_text(w, data + i, k - i, out);
		i = k;
	}
}

void
wire_end(struct wire *w, struct buf *out)
{
	if (w->is_in_line)
		end_line(w, out);
	w->was_cr = false;
}
