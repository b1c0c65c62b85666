#include "mail/compose_section.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char members[] =
    "from to cc bcc reply_to sender return_path subject text html charset "
    "headers date message_id in_reply_to references auto_submitted "
    "list_unsubscribe attachments";

static int
read_addresses(struct mailboxes *m, json mail, const char *member, size_t max,
    struct err *e)
{
	const struct where w = {member, -1, NULL};
	json v = json_get(mail, member);
	int r = 0;

	if (json_is_valid(v))
		r = mailboxes_read(m, v, member, e);
	json_free(v);
	if (r == 0 && m->n > max)
		r = where_wrong(&w, e, "must be one address, not %zu", m->n);
	return r;
}

static int
read_people(struct section *s, json mail, struct err *e)
{
	const struct where all = {NULL, -1, NULL}, from = {"from", -1, NULL};

	if (read_addresses(&s->from, mail, "from", 1, e) == -1 ||
	    read_addresses(&s->sender, mail, "sender", 1, e) == -1 ||
	    read_addresses(&s->reply_to, mail, "reply_to", ADDRESSES_MAX, e) ==
		-1 ||
	    read_addresses(&s->to, mail, "to", ADDRESSES_MAX, e) == -1 ||
	    read_addresses(&s->cc, mail, "cc", ADDRESSES_MAX, e) == -1 ||
	    read_addresses(&s->bcc, mail, "bcc", ADDRESSES_MAX, e) == -1)
		return -1;
	if (s->from.n == 0)
		return where_wrong(&from, e,
		    json_has(mail, "from") ? "is empty" : "is missing");
	if (s->to.n + s->cc.n + s->bcc.n == 0)
		return where_wrong(
		    &all, e, "no recipient: to, cc and bcc are empty");
	return 0;
}

/* Empty is the null sender (RFC 5321 4.5.5). */
static int
read_return_path(struct section *s, json mail, struct err *e)
{
	const struct where w = {"return_path", -1, NULL};
	json v = json_get(mail, "return_path");
	int r = 0;

	if (json_is_valid(v) && json_kind(v) != JSON_STRING)
		r = where_kind(&w, v, "a string", e);
	else if (json_is_valid(v) && json_string_len(v) == 0)
		s->is_null_sender = true;
	else if (json_is_valid(v))
		r = mailboxes_read(&s->return_path, v, "return_path", e);
	if (r == 0 && s->return_path.n > 0 &&
	    s->return_path.items[0].name != NULL)
		r = where_wrong(&w, e, "must be an address alone");
	json_free(v);
	return r;
}

static bool
is_blank(struct text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.data[i] == '\0' || strchr(" \t\r\n", t.data[i]) == NULL)
			return false;
	return true;
}

/* Text of any lines. */
static int
read_body(struct text *t, json mail, const char *member, struct err *e)
{
	const struct where w = {member, -1, NULL};
	json v = json_get(mail, member);
	int r = 0;

	if (json_kind(v) == JSON_STRING) {
		*t = (struct text){json_string_value(v), json_string_len(v)};
		if (is_blank(*t))
			r = where_wrong(&w, e, "is empty");
		else if (memchr(t->data, '\0', t->len) != NULL)
			r = where_wrong(
			    &w, e, "has a NUL character in it (U+0000)");
	} else if (json_is_valid(v)) {
		r = where_kind(&w, v, "a string", e);
	}
	json_free(v); /* mail keeps it */
	return r;
}

static int
read_charset(struct section *s, json mail, struct err *e)
{
	const struct where w = {"charset", -1, NULL};
	struct text t;

	if (where_line_of(&w, mail, "charset", 64, &t, e) == -1)
		return -1;
	if (t.data == NULL || strcasecmp(t.data, "utf-8") == 0)
		return 0;
	s->is_jis = strcasecmp(t.data, "iso-2022-jp") == 0;
	return s->is_jis
		   ? 0
		   : where_wrong(&w, e, "must be \"utf-8\" or \"iso-2022-jp\"");
}

static int
read_auto_submitted(struct section *s, json mail, struct err *e)
{
	static const char *const words[] = {"auto-generated", "auto-replied"};
	const struct where w = {"auto_submitted", -1, NULL};
	json v = json_get(mail, "auto_submitted");
	int r = 0;

	if (json_kind(v) == JSON_TRUE)
		s->auto_submitted = words[0];
	else if (json_kind(v) == JSON_STRING)
		for (size_t i = 0; i < 2; i++)
			if (strcmp(json_string_value(v), words[i]) == 0)
				s->auto_submitted = words[i];
	if (json_is_valid(v) && json_kind(v) != JSON_FALSE &&
	    s->auto_submitted == NULL)
		r = where_wrong(&w, e,
		    "must be \"auto-generated\", \"auto-replied\" or true");
	json_free(v);
	return r;
}

static int
read_texts(struct section *s, json mail, struct err *e)
{
	const struct where all = {NULL, -1, NULL}, w = {"subject", -1, NULL};
	json attachments;
	int n;

	if (where_line_of(&w, mail, "subject", VALUE_MAX, &s->subject, e) ==
		-1 ||
	    read_body(&s->text, mail, "text", e) == -1 ||
	    read_body(&s->html, mail, "html", e) == -1 ||
	    read_charset(s, mail, e) == -1)
		return -1;
	attachments = json_get(mail, "attachments");
	n = json_count(attachments);
	json_free(attachments);
	if (s->text.data == NULL && s->html.data == NULL && n == 0)
		return where_wrong(
		    &all, e, "has no text, no html and no attachments");
	return 0;
}

static int
read_message_id(struct section *s, json mail, struct err *e)
{
	const struct where w = {"message_id", -1, NULL};
	struct text t;

	if (where_line_of(&w, mail, "message_id", VALUE_MAX, &t, e) == -1)
		return -1;
	return t.data == NULL ? 0 : section_read_id(&w, t, &s->message_id, e);
}

int
section_read(struct section *s, json mail, struct err *e)
{
	const struct where all = {NULL, -1, NULL};

	*s = (struct section){0};
	if (json_kind(mail) != JSON_OBJECT)
		return where_kind(&all, mail, "an object", e);
	if (where_members(&all, mail, members, e) == -1 ||
	    read_people(s, mail, e) == -1 ||
	    read_return_path(s, mail, e) == -1 ||
	    read_texts(s, mail, e) == -1 ||
	    section_read_date(s, mail, e) == -1 ||
	    read_message_id(s, mail, e) == -1 ||
	    section_read_ids(&s->in_reply_to, &s->n_in_reply_to, mail,
		"in_reply_to", e) == -1 ||
	    section_read_ids(&s->references, &s->n_references, mail,
		"references", e) == -1 ||
	    read_auto_submitted(s, mail, e) == -1 ||
	    section_read_unsubscribe(s, mail, e) == -1 ||
	    section_read_headers(s, mail, e) == -1)
		return -1;
	return section_read_attachments(s, mail, e);
}

void
section_release(struct section *s)
{
	mailboxes_release(&s->from);
	mailboxes_release(&s->sender);
	mailboxes_release(&s->reply_to);
	mailboxes_release(&s->to);
	mailboxes_release(&s->cc);
	mailboxes_release(&s->bcc);
	mailboxes_release(&s->return_path);
	free(s->in_reply_to);
	free(s->references);
	free(s->headers);
	section_release_attachments(s);
}
