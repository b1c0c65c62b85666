#include "mail/compose_where.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/plain.h"
#include "core/schema_hint.h"

enum {
	KEY_MAX = 64, /* bytes of a key in an error */
};

int
where_wrong(const struct where *w, struct err *e, const char *fmt, ...)
{
	char reason[400], index[16] = "";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof reason, fmt, ap);
	va_end(ap);
	if (w->index >= 0)
		snprintf(index, sizeof index, "[%d]", w->index);
	return err_set(e, ERR_DATA, "mail%s%s%s%s%s: %s",
	    w->member != NULL ? "." : "", w->member != NULL ? w->member : "",
	    index, w->sub != NULL ? "." : "", w->sub != NULL ? w->sub : "",
	    reason);
}

int
where_kind(const struct where *w, json v, const char *must, struct err *e)
{
	return where_wrong(
	    w, e, "is %s, must be %s", json_kind_name(json_kind(v)), must);
}

static bool
is_known(const char *words, const char *key, size_t len)
{
	size_t n;

	for (const char *w = words; *w != '\0'; w += n) {
		w += strspn(w, " ");
		n = strcspn(w, " ");
		if (n == len && n > 0 && memcmp(w, key, n) == 0)
			return true;
	}
	return false;
}

static int
unknown_member(const struct where *w, const char *words, const char *key,
    size_t len, struct err *e)
{
	struct buf name = BUF_INIT;
	const char *hint;
	size_t n;

	buf_addstr(&name, "");
	plain_add(&name, key, len, KEY_MAX);
	hint = schema_hint(words, key, len, &n);
	if (hint != NULL)
		where_wrong(w, e,
		    "unknown member \"%s\": did you mean \"%.*s\"?", name.data,
		    (int)n, hint);
	else
		where_wrong(w, e, "unknown member \"%s\"; there are %s",
		    name.data, words);
	buf_release(&name);
	return -1;
}

static int
repeated_member(
    const struct where *w, const char *key, size_t len, struct err *e)
{
	struct buf name = BUF_INIT;

	buf_addstr(&name, "");
	plain_add(&name, key, len, KEY_MAX);
	where_wrong(w, e, "has the member \"%s\" twice", name.data);
	buf_release(&name);
	return -1;
}

int
where_members(const struct where *w, json obj, const char *words, struct err *e)
{
	const char *key;
	size_t len;

	for (int i = 0; i < json_count(obj); i++) {
		key = json_key_at(obj, i, &len);
		if (!is_known(words, key, len))
			return unknown_member(w, words, key, len, e);
	}
	key = json_repeated_key(obj, &len);
	return key != NULL ? repeated_member(w, key, len, e) : 0;
}

/* At a control character; C1 ones are two bytes in UTF-8. */
static bool
is_control(const char *s, size_t left)
{
	unsigned char c = (unsigned char)*s;

	return c < ' ' || c == 0x7f ||
	       (c == 0xc2 && left > 1 && (unsigned char)s[1] < 0xa0);
}

static int
control_at(const struct where *w, const char *s, size_t i, struct err *e)
{
	unsigned char c = (unsigned char)s[i];

	if (c == '\n' || c == '\r')
		return where_wrong(
		    w, e, "has a line end in it, at byte %zu", i + 1);
	return where_wrong(w, e,
	    "has a control character in it (U+%04X), at byte %zu",
	    c == 0xc2 ? (unsigned char)s[i + 1] : c, i + 1);
}

static int
check_line(const struct where *w, const char *s, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (is_control(s + i, n - i))
			return control_at(w, s, i, e);
	return 0;
}

int
where_line(
    const struct where *w, json v, size_t max, struct text *out, struct err *e)
{
	if (json_kind(v) != JSON_STRING)
		return where_kind(w, v, "a string", e);
	out->data = json_string_value(v);
	out->len = json_string_len(v);
	if (out->len > max)
		return where_wrong(w, e, "has %zu bytes, at most %zu are taken",
		    out->len, max);
	return check_line(w, out->data, out->len, e);
}

int
where_clean(const struct where *w, const char *text, struct err *e)
{
	return check_line(w, text, strlen(text), e);
}

int
where_line_of(const struct where *w, json obj, const char *key, size_t max,
    struct text *out, struct err *e)
{
	json v = json_get(obj, key);
	int r = 0;

	*out = (struct text){NULL, 0};
	if (json_is_valid(v))
		r = where_line(w, v, max, out, e);
	json_free(v); /* obj keeps what was borrowed */
	return r;
}

bool
text_is_token(struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.data[i] <= ' ' || t.data[i] > '~')
			return false;
	return t.len > 0;
}

bool
text_is_ascii(struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		if ((unsigned char)t.data[i] >= 0x80)
			return false;
	return true;
}
