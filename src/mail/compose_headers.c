/* "mail.headers": fields of the sender's own. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mail/compose_section.h"

enum {
	NAME_MAX_BYTES = 76,
};

static const char by_us[] = "is written by mailpipe alone";
static const char by_mta[] = "is for mail servers to write";

/* Names that are not free, and why; with '-' at their end all that begin so. */
static const struct {
	const char *name, *why;
} owned[] = {
    {"From", "write it as mail.from"},
    {"Sender", "write it as mail.sender"},
    {"Reply-To", "write it as mail.reply_to"},
    {"To", "write it as mail.to"},
    {"Cc", "write it as mail.cc"},
    {"Bcc", "write it as mail.bcc"},
    {"Subject", "write it as mail.subject"},
    {"Date", "write it as mail.date"},
    {"Message-ID", "write it as mail.message_id"},
    {"In-Reply-To", "write it as mail.in_reply_to"},
    {"References", "write it as mail.references"},
    {"Auto-Submitted", "write it as mail.auto_submitted"},
    {"List-Unsubscribe", "write it as mail.list_unsubscribe"},
    {"List-Unsubscribe-Post", "write it as mail.list_unsubscribe"},
    {"MIME-Version", by_us},
    {"Content-", by_us},
    {"DKIM-Signature", by_us},
    {"DomainKey-Signature", by_us},
    {"ARC-", by_mta},
    {"Authentication-Results", by_mta},
    {"Received", by_mta},
    {"Received-SPF", by_mta},
    {"Return-Path", "write it as mail.return_path"},
    {"Delivered-To", by_mta},
    {"X-Original-To", by_mta},
    {"Resent-", "it belongs to mail that is sent a second time"},
};

/* NULL: it is free. */
static const char *
why_not(struct text name)
{
	for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) {
		size_t n = strlen(owned[i].name);
		bool is_prefix = owned[i].name[n - 1] == '-';

		if ((name.len == n || (is_prefix && name.len > n)) &&
		    strncasecmp(name.data, owned[i].name, n) == 0)
			return owned[i].why;
	}
	return NULL;
}

static int
check_name(const struct where *w, struct text name, struct err *e)
{
	const char *why;

	if (name.len > NAME_MAX_BYTES || !text_is_token(name) ||
	    memchr(name.data, ':', name.len) != NULL)
		return where_wrong(w, e,
		    "is no name of a header field: 1 to %d of printable ASCII "
		    "without blanks and colon",
		    NAME_MAX_BYTES);
	why = why_not(name);
	if (why != NULL)
		return where_wrong(w, e, "%.*s is no field of your own: %s",
		    (int)name.len, name.data, why);
	return 0;
}

/* The path of a member of the object has its name only when that is one. */
static int
read_member(struct section *s, json headers, int i, struct err *e)
{
	struct where w = {"headers", -1, NULL};
	struct extra *x = &s->headers[s->n_headers++];
	json v = json_at(headers, i);
	char *key;
	int r;

	x->name.data = json_key_at(headers, i, &x->name.len);
	w.index = -1;
	key = xstrndup(x->name.data, x->name.len);
	r = check_name(&w, x->name, e);
	w.sub = key;
	if (r == 0)
		r = where_line(&w, v, VALUE_MAX, &x->value, e);
	free(key);
	json_free(v);
	return r;
}

static int
read_item(struct section *s, json headers, int i, struct err *e)
{
	struct where w = {"headers", i, NULL};
	struct extra *x = &s->headers[s->n_headers++];
	json v = json_at(headers, i);
	int r = 0;

	if (json_kind(v) != JSON_OBJECT)
		r = where_kind(&w, v, "an object", e);
	if (r == 0)
		r = where_members(&w, v, "name value", e);
	w.sub = "name";
	if (r == 0)
		r = where_line_of(&w, v, w.sub, VALUE_MAX, &x->name, e);
	if (r == 0)
		r = check_name(&w, x->name, e);
	w.sub = "value";
	if (r == 0)
		r = where_line_of(&w, v, w.sub, VALUE_MAX, &x->value, e);
	if (r == 0 && x->value.data == NULL)
		r = where_wrong(&w, e, "is missing");
	json_free(v);
	return r;
}

/* Spelled in two ways it is still one name. */
static int
check_repeated(const struct where *w, json headers, struct err *e)
{
	size_t len;

	if (json_kind(headers) == JSON_OBJECT &&
	    json_repeated_key(headers, &len) != NULL)
		return where_wrong(
		    w, e, "has a member twice: for that write an array");
	return 0;
}

int
section_read_headers(struct section *s, json mail, struct err *e)
{
	const struct where w = {"headers", -1, NULL};
	json v = json_get(mail, "headers");
	bool is_object = json_kind(v) == JSON_OBJECT;
	int n = json_count(v), r = 0;

	if (!json_is_valid(v))
		return 0;
	if (!is_object && json_kind(v) != JSON_ARRAY)
		r = where_kind(&w, v, "an object or an array", e);
	else if (n > HEADERS_MAX)
		r = where_wrong(&w, e, "has %d fields, at most %d are taken", n,
		    HEADERS_MAX);
	else
		r = check_repeated(&w, v, e);
	if (r == 0)
		s->headers = xcalloc((size_t)n + 1, sizeof *s->headers);
	for (int i = 0; i < n && r == 0; i++)
		r = is_object ? read_member(s, v, i, e) : read_item(s, v, i, e);
	json_free(v);
	return r;
}
