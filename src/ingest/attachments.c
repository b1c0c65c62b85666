#include "ingest/attachments.h"

#include <stdlib.h>

#include "core/json.h"

enum {
	INLINE_TOTAL = 1024 * 1024, /* of all; base64 and the rest fit a line */
};

void
attachments_init(
    struct attachments *a, size_t n_records, size_t inline_max, bool is_inline)
{
	*a = (struct attachments){
	    .n_records = n_records,
	    .inline_max = inline_max,
	    .room = is_inline ? inline_max : INLINE_TOTAL,
	    .is_inline = is_inline,
	};
}

/* The last one has come to its end: it gives back its descriptor. */
static int
finish_last(struct attachments *a, struct err *e)
{
	struct held *last;

	if (a->n == 0)
		return 0;
	last = &a->items[a->n - 1].content;
	a->room -= last->head.len < a->room ? last->head.len : a->room;
	return held_finish(last, a->n_records, e);
}

static int
begin(struct attachments *a, size_t index, struct err *e)
{
	size_t max;

	if (finish_last(a, e) == -1)
		return -1;
	max = a->inline_max < a->room ? a->inline_max : a->room;
	a->items = xrealloc(a->items, a->n + 1, sizeof *a->items);
	a->items[a->n].index = index;
	held_init(&a->items[a->n++].content, max, a->is_inline);
	return 0;
}

int
attachments_add(struct attachments *a, struct lazy_state *state, size_t index,
    const char *data, size_t n, struct err *e)
{
	if ((a->n == 0 || a->items[a->n - 1].index != index) &&
	    begin(a, index, e) == -1)
		return -1;
	return held_add(&a->items[a->n - 1].content, state, data, n, e);
}

int
attachments_finish(struct attachments *a, struct err *e)
{
	return finish_last(a, e);
}

static json
content_json(const struct held *c, size_t i)
{
	struct err ignored = ERR_INIT;
	struct buf text = BUF_INIT;
	json value;

	held_write(c, i, &text);
	if (json_parse(text.data, text.len, &value, &ignored) == -1)
		value = json_null();
	buf_release(&text);
	return value;
}

void
attachments_write(const struct attachments *a, const struct buf *message,
    size_t i, struct buf *out)
{
	struct err ignored = ERR_INIT;
	json value, parts;

	if (json_parse(message->data, message->len, &value, &ignored) == -1)
		return;
	parts = json_get(value, "parts");
	for (size_t k = 0; k < a->n; k++) {
		int at = (int)a->items[k].index;
		json part;

		if (at >= json_count(parts))
			continue; /* it was left out */
		part = json_at(parts, at);
		part = json_set(
		    part, "content", content_json(&a->items[k].content, i));
		parts = json_set_at(parts, at, part);
	}
	json_dump(json_set(value, "parts", parts), out);
}

void
attachments_given(struct attachments *a)
{
	for (size_t i = 0; i < a->n; i++)
		held_given(&a->items[i].content);
}

void
attachments_reset(struct attachments *a)
{
	for (size_t i = 0; i < a->n; i++)
		held_release(&a->items[i].content);
	free(a->items);
	a->items = NULL;
	a->n = 0;
}
