/* "mail.attachments": what is said of them; their bytes are not looked at. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mail/compose_field.h"
#include "mail/compose_param.h"
#include "mail/compose_section.h"
#include "mail/param.h"

enum {
	TYPE_MAX = 500, /* bytes, with parameters */
	PARAM_TEXT_MAX = 200,
};

/* RFC 2045 5.1 */
static bool
is_mime_token(const char *s, size_t n)
{
	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~' ||
		    strchr("()<>@,;:\\\"/[]?=", s[i]) != NULL)
			return false;
	return true;
}

static bool
is_type(const char *s)
{
	const char *slash = strchr(s, '/');

	return slash != NULL && strlen(s) < 128 &&
	       is_mime_token(s, (size_t)(slash - s)) &&
	       is_mime_token(slash + 1, strlen(slash + 1));
}

/* Types that say how the parts of this message hang together. */
static const char *
why_not_type(const char *type)
{
	if (strncmp(type, "multipart/", 10) == 0)
		return "has parts of its own: attach a message/rfc822";
	if (strcmp(type, "message/partial") == 0 ||
	    strcmp(type, "message/external-body") == 0)
		return "stands for something that is not attached";
	return NULL;
}

/* What RFC 2231 and 2047 have hidden in it is there by now: line ends, too. */
static bool
is_param_text(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < ' ' || s[i] > '~')
			return false;
	return n > 0 && n <= PARAM_TEXT_MAX;
}

static int
add_params(struct attachment *a, const struct params *p, const struct where *w,
    struct err *e)
{
	struct buf out = BUF_INIT;

	buf_addstr(&out, "");
	for (size_t i = 0; i < p->n; i++) {
		const struct param *item = &p->items[i];

		if (strcmp(item->name, "name") == 0 ||
		    !is_mime_token(item->name, strlen(item->name)) ||
		    strpbrk(item->name, "*'%") != NULL ||
		    !is_param_text(item->value, item->len)) {
			buf_release(&out);
			return where_wrong(w, e,
			    "has a parameter that can't be used there (the "
			    "name is a member of its own)");
		}
		a->has_charset |= strcmp(item->name, "charset") == 0;
		param_add(&out, item->name, item->value, item->len);
	}
	a->params = buf_detach(&out);
	return 0;
}

static int
read_type(struct attachment *a, const struct where *w, struct err *e)
{
	struct params p;
	struct text t;
	const char *why;
	int r;

	if (where_line_of(w, a->item, "type", TYPE_MAX, &t, e) == -1)
		return -1;
	if (t.data == NULL)
		return 0;
	params_parse(&p, (struct slice){t.data, t.len});
	if (!is_type(p.value) || p.defects != 0) {
		r = where_wrong(w, e, "is no MIME type: write type/subtype");
	} else if ((why = why_not_type(p.value)) != NULL) {
		r = where_wrong(w, e, "%s", why);
	} else {
		a->type = xstrdup(p.value);
		r = add_params(a, &p, w, e);
	}
	params_release(&p);
	return r;
}

static int
read_cid(struct attachment *a, const struct where *w, struct err *e)
{
	struct text t;

	if (where_line_of(w, a->item, "cid", VALUE_MAX, &t, e) == -1)
		return -1;
	return t.data == NULL ? 0 : section_read_id(w, t, &a->cid, e);
}

/* What the HTML shows is inline without saying so. */
static int
read_disposition(
    struct attachment *a, const struct where *w, bool has_html, struct err *e)
{
	struct text t;

	if (where_line_of(w, a->item, "disposition", 64, &t, e) == -1)
		return -1;
	a->is_inline = t.data == NULL ? a->cid.data != NULL && has_html
				      : strcmp(t.data, "inline") == 0;
	if (t.data != NULL && !a->is_inline &&
	    strcmp(t.data, "attachment") != 0)
		return where_wrong(
		    w, e, "must be \"attachment\" or \"inline\"");
	a->is_related = a->is_inline && has_html && a->cid.data != NULL;
	return 0;
}

/* Where its bytes are: of these, how->open sees to what is in them. */
static int
check_bytes(const struct attachment *a, struct err *e)
{
	static const char *const members[] = {
	    "blob", "content", "path", "base64"};
	struct where w = a->where;
	int found = 0;

	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		json v = json_get(a->item, members[i]);
		enum json_kind kind = json_kind(v);
		bool is_text = kind == JSON_STRING && i > 0;

		json_free(v);
		w.sub = members[i];
		if (kind == JSON_NONE)
			continue;
		if (!is_text && (kind != JSON_OBJECT || i > 1))
			return where_wrong(&w, e, "is %s, must be %s",
			    json_kind_name(kind),
			    i > 1 ? "a string" : "an object");
		found++;
	}
	if (found > 0)
		return 0;
	return where_wrong(&a->where, e,
	    "has no bytes: none of blob, content, path and base64");
}

static int
read_attachment(struct attachment *a, bool has_html, struct err *e)
{
	struct where w = a->where;

	if (json_kind(a->item) != JSON_OBJECT)
		return where_kind(&w, a->item, "an object", e);
	if (where_members(&w, a->item,
		"name type cid disposition blob content path base64", e) == -1)
		return -1;
	w.sub = "name";
	if (where_line_of(
		&w, a->item, w.sub, ATTACHMENT_NAME_MAX, &a->name, e) == -1)
		return -1;
	w.sub = "type";
	if (read_type(a, &w, e) == -1)
		return -1;
	w.sub = "cid";
	if (read_cid(a, &w, e) == -1)
		return -1;
	w.sub = "disposition";
	if (read_disposition(a, &w, has_html, e) == -1)
		return -1;
	return check_bytes(a, e);
}

/* A reader would show one of two for both. */
static int
check_cid(const struct section *s, const struct attachment *a, struct err *e)
{
	struct where w = a->where;

	if (a->cid.data == NULL)
		return 0;
	w.sub = "cid";
	for (const struct attachment *b = s->attachments; b < a; b++)
		if (b->cid.data != NULL && b->cid.len == a->cid.len &&
		    memcmp(b->cid.data, a->cid.data, a->cid.len) == 0)
			return where_wrong(&w, e,
			    "is that of attachment %d as well", b->where.index);
	return 0;
}

int
section_read_attachments(struct section *s, json mail, struct err *e)
{
	const struct where w = {"attachments", -1, NULL};
	json v = json_get(mail, w.member);
	int n = json_count(v), r = 0;

	if (json_is_valid(v) && json_kind(v) != JSON_ARRAY)
		r = where_kind(&w, v, "an array", e);
	else if (n > ATTACHMENTS_MAX)
		r = where_wrong(
		    &w, e, "has %d, at most %d are taken", n, ATTACHMENTS_MAX);
	else
		s->attachments = xcalloc((size_t)n + 1, sizeof *s->attachments);
	for (int i = 0; i < n && r == 0; i++) {
		struct attachment *a = &s->attachments[s->n_attachments++];

		a->item = json_at(v, i);
		a->where = (struct where){w.member, i, NULL};
		r = read_attachment(a, s->html.data != NULL, e);
		if (r == 0)
			r = check_cid(s, a, e);
	}
	json_free(v);
	return r;
}

void
section_release_attachments(struct section *s)
{
	for (size_t i = 0; i < s->n_attachments; i++) {
		json_free(s->attachments[i].item);
		free(s->attachments[i].type);
		free(s->attachments[i].params);
	}
	free(s->attachments);
}
