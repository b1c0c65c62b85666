/* Members of "mail" that are ids, times and links. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"
#include "mail/compose_field.h"
#include "mail/compose_section.h"

enum {
	TIME_MAX = 64,
};

int
section_read_id(
    const struct where *w, struct text t, struct text *id, struct err *e)
{
	if (t.len > 2 && t.data[0] == '<' && t.data[t.len - 1] == '>')
		t = (struct text){t.data + 1, t.len - 2};
	if (!text_is_token(t) || memchr(t.data, '<', t.len) != NULL ||
	    memchr(t.data, '>', t.len) != NULL)
		return where_wrong(w, e,
		    "is no message id: write <…@…>, in ASCII without blanks");
	if (t.len > FIELD_WORD_MAX - 2)
		return where_wrong(w, e, "has %zu bytes, at most %d are taken",
		    t.len, FIELD_WORD_MAX - 2);
	*id = t;
	return 0;
}

static int
read_id_value(const struct where *w, json v, struct text *id, struct err *e)
{
	struct text t;

	if (where_line(w, v, VALUE_MAX, &t, e) == -1)
		return -1;
	return section_read_id(w, t, id, e);
}

int
section_read_ids(
    struct text **ids, size_t *n, json mail, const char *member, struct err *e)
{
	struct where w = {member, -1, NULL};
	json v = json_get(mail, member), item;
	int count = json_kind(v) == JSON_ARRAY ? json_count(v)
		    : json_is_valid(v)         ? 1
					       : 0;
	int r = 0;

	if (count > IDS_MAX)
		r = where_wrong(
		    &w, e, "has %d ids, at most %d are taken", count, IDS_MAX);
	else if (count > 0)
		*ids = xcalloc((size_t)count, sizeof **ids);
	if (r == 0 && count > 0 && json_kind(v) != JSON_ARRAY)
		r = read_id_value(&w, v, &(*ids)[(*n)++], e);
	else
		for (w.index = 0; w.index < count && r == 0; w.index++) {
			item = json_at(v, w.index);
			r = read_id_value(&w, item, &(*ids)[(*n)++], e);
			json_free(item);
		}
	json_free(v);
	return r;
}

/* Minutes from UTC of a time that clock_parse has taken. */
static int
offset_of(const char *text)
{
	size_t n = strlen(text);
	const char *zone = text + n - 6;
	int minutes;

	if (text[0] == '@' || n < 6 || (*zone != '+' && *zone != '-'))
		return 0;
	minutes = ((zone[1] - '0') * 10 + zone[2] - '0') * 60 +
		  (zone[4] - '0') * 10 + zone[5] - '0';
	return *zone == '-' ? -minutes : minutes;
}

/* A day that does not exist is another one as a number. */
static bool
is_same_day(const struct section *s, const char *text)
{
	char again[CLOCK_TEXT];

	if (text[0] == '@')
		return true;
	clock_format(s->date_ms + s->date_offset * 60000LL, again);
	return strncmp(again, text, strlen("2026-11-21")) == 0;
}

int
section_read_date(struct section *s, json mail, struct err *e)
{
	const int64_t first = INT64_C(-2208988800000); /* 1900: RFC 5322 3.3 */
	const int64_t last = INT64_C(253402214400000); /* before 10000 */
	const struct where w = {"date", -1, NULL};
	struct err ignored = ERR_INIT;
	struct text t;

	if (where_line_of(&w, mail, "date", TIME_MAX, &t, e) == -1)
		return -1;
	if (t.data == NULL)
		return 0;
	if (t.data[0] == '+' ||
	    clock_parse(t.data, &s->date_ms, &ignored) == -1)
		return where_wrong(
		    &w, e, "is no time: write 2026-11-21T23:06:00+09:00");
	s->has_date = true;
	s->date_offset = offset_of(t.data);
	if (s->date_ms < first || s->date_ms > last || !is_same_day(s, t.data))
		return where_wrong(&w, e, "is a time that does not exist");
	return 0;
}

/* Never encoded or folded: it must stand for itself. */
static int
read_url(const struct where *w, json obj, const char *key, struct text *t,
    struct err *e)
{
	if (where_line_of(w, obj, key, VALUE_MAX, t, e) == -1)
		return -1;
	if (t->data == NULL)
		return 0;
	if (!text_is_token(*t) || strpbrk(t->data, "<>\"") != NULL)
		return where_wrong(w, e,
		    "must be ASCII without blanks, quotes and <>: write others "
		    "as %%XX");
	if (t->len > FIELD_WORD_MAX - 16)
		return where_wrong(w, e, "has %zu bytes, at most %d are taken",
		    t->len, FIELD_WORD_MAX - 16);
	return 0;
}

static int
check_unsubscribe(struct section *s, struct where *w, struct err *e)
{
	struct text url = s->unsubscribe_url, mailto = s->unsubscribe_mailto;
	bool is_https =
	    url.data != NULL && strncasecmp(url.data, "https://", 8) == 0;

	w->sub = "url";
	if (url.data != NULL && !is_https &&
	    strncasecmp(url.data, "http://", 7) != 0)
		return where_wrong(w, e, "must begin with https://");
	if (s->is_one_click && !is_https)
		return where_wrong(w, e,
		    "must be one that begins with https://, for one_click "
		    "(RFC 8058)");
	w->sub = "mailto";
	if (mailto.data != NULL && strchr(mailto.data, '@') == NULL)
		return where_wrong(w, e, "must be an address, or mailto:…");
	w->sub = NULL;
	if (url.data == NULL && mailto.data == NULL)
		return where_wrong(w, e, "has neither url nor mailto");
	return 0;
}

int
section_read_unsubscribe(struct section *s, json mail, struct err *e)
{
	struct where w = {"list_unsubscribe", -1, NULL};
	json v = json_get(mail, w.member), click = json_get(v, "one_click");
	int r = 0;

	if (!json_is_valid(v))
		return 0;
	if (json_kind(v) != JSON_OBJECT)
		r = where_kind(&w, v, "an object", e);
	if (r == 0)
		r = where_members(&w, v, "url mailto one_click", e);
	w.sub = "url";
	if (r == 0)
		r = read_url(&w, v, w.sub, &s->unsubscribe_url, e);
	w.sub = "mailto";
	if (r == 0)
		r = read_url(&w, v, w.sub, &s->unsubscribe_mailto, e);
	w.sub = "one_click";
	s->is_one_click = json_kind(click) == JSON_TRUE;
	if (r == 0 && json_is_valid(click) && !s->is_one_click &&
	    json_kind(click) != JSON_FALSE)
		r = where_kind(&w, click, "true or false", e);
	if (r == 0)
		r = check_unsubscribe(s, &w, e);
	json_free(click);
	json_free(v);
	return r;
}
