#include <math.h>
#include <stdbool.h>

#include "core/json.h"
#include "core/json_text.h"

/*
 * libjq's own writer takes 25 ns a byte.  This one recurses, at most
 * JSON_DEPTH_MAX deep: json_parse and our own code make no deeper values.
 */

static void
dump_number(jv v, struct buf *out)
{
	double d = jv_number_value(v);
	jv text;

	if (fabs(d) < 1e15 && d == (double)(int64_t)d &&
	    (d != 0 || !signbit(d))) {
		buf_addf(out, "%lld", (long long)d);
		return;
	}
	text = jv_dump_string(jv_copy(v), 0);
	buf_addstr(out, jv_string_value(text));
	jv_free(text);
}

static void
dump_string(jv v, struct buf *out)
{
	json_text_string(out, jv_string_value(v),
	    (size_t)jv_string_length_bytes(jv_copy(v)));
}

static void
dump_array(jv v, struct buf *out)
{
	int n = jv_array_length(jv_copy(v));

	buf_addch(out, '[');
	for (int i = 0; i < n; i++) {
		if (i > 0)
			buf_addch(out, ',');
		json_dump(jv_array_get(jv_copy(v), i), out);
	}
	buf_addch(out, ']');
}

static void
dump_object(jv v, struct buf *out)
{
	bool is_first = true;
	jv key;

	buf_addch(out, '{');
	for (int i = jv_object_iter(v); jv_object_iter_valid(v, i);
	     i = jv_object_iter_next(v, i)) {
		if (!is_first)
			buf_addch(out, ',');
		is_first = false;
		key = jv_object_iter_key(v, i);
		dump_string(key, out);
		jv_free(key);
		buf_addch(out, ':');
		json_dump(jv_object_iter_value(v, i), out);
	}
	buf_addch(out, '}');
}

void
json_dump(jv v, struct buf *out)
{
	switch (jv_get_kind(v)) {
	case JV_KIND_OBJECT:
		dump_object(v, out);
		break;
	case JV_KIND_ARRAY:
		dump_array(v, out);
		break;
	case JV_KIND_STRING:
		dump_string(v, out);
		break;
	case JV_KIND_NUMBER:
		dump_number(v, out);
		break;
	case JV_KIND_TRUE:
		buf_addstr(out, "true");
		break;
	case JV_KIND_FALSE:
		buf_addstr(out, "false");
		break;
	default:
		buf_addstr(out, "null");
		break;
	}
	jv_free(v);
}
