#include "core/json_list.h"
#include "core/json_text.h"

/* It recurses, at most JSON_DEPTH_MAX deep: our own code makes no deeper
 * values.
 */

static void dump_value(json v, struct buf *out);

static void
dump_item(
    const struct json_list *l, const struct json_item *item, struct buf *out)
{
	if (l->kind == JSON_OBJECT) {
		if (item->key_at > 0) {
			buf_add(out, l->source->data + item->key_at - 1,
			    item->key_len + 2);
		} else {
			json_text_string(out, item->key->data, item->key->len);
		}
		buf_addch(out, ':');
	}
	if (item->value.kind == JSON_NONE)
		buf_add(out, l->source->data + item->at, item->len);
	else
		dump_value(item->value, out);
}

static void
dump_list(const struct json_list *l, struct buf *out)
{
	if (l->source != NULL && !l->is_changed) {
		buf_add(out, l->source->data + l->at, l->len);
		return;
	}
	buf_addch(out, l->kind == JSON_OBJECT ? '{' : '[');
	for (uint32_t i = 0; i < l->n; i++) {
		if (i > 0)
			buf_addch(out, ',');
		dump_item(l, &l->items[i], out);
	}
	buf_addch(out, l->kind == JSON_OBJECT ? '}' : ']');
}

static void
dump_value(json v, struct buf *out)
{
	switch (v.kind) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		dump_list(v.of.list, out);
		break;
	case JSON_STRING:
		json_text_string(out, v.of.text->data, v.of.text->len);
		break;
	case JSON_NUMBER:
		buf_add(out, v.of.text->data, v.of.text->len);
		break;
	case JSON_TRUE:
		buf_addstr(out, "true");
		break;
	case JSON_FALSE:
		buf_addstr(out, "false");
		break;
	default:
		buf_addstr(out, "null");
		break;
	}
}

void
json_dump(json v, struct buf *out)
{
	dump_value(v, out);
	json_free(v);
}
