#include "mail/compose.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/id.h"
#include "mail/compose_field.h"
#include "mail/compose_section.h"
#include "mail/compose_sink.h"
#include "mail/compose_tree.h"
#include "mail/date.h"

/* "<ID@domain of From>" when the mail says none. */
static void
write_message_id(
    const struct section *s, const struct compose *how, struct buf *out)
{
	const char *domain = mailbox_domain(s->from.items[0].address);
	char *id;

	if (s->message_id.data != NULL)
		id = xasprintf(
		    "<%.*s>", (int)s->message_id.len, s->message_id.data);
	else
		id = xasprintf("<%s@%s>", how->id, domain);
	field_line(out, "Message-ID", id);
	free(id);
}

static void
write_ids(struct buf *out, const char *name, const struct text *ids, size_t n)
{
	struct field f;
	char *id;

	if (n == 0)
		return;
	field_begin(&f, out, name, false);
	for (size_t i = 0; i < n; i++) {
		id = xasprintf("<%.*s>", (int)ids[i].len, ids[i].data);
		field_word(&f, id, strlen(id));
		free(id);
	}
	field_end(&f);
}

/* RFC 2369 3.2, RFC 8058 3.1: neither encoded nor broken. */
static void
write_unsubscribe(const struct section *s, struct buf *out)
{
	struct text url = s->unsubscribe_url, mailto = s->unsubscribe_mailto;
	bool has_scheme =
	    mailto.data != NULL && strncasecmp(mailto.data, "mailto:", 7) == 0;
	struct field f;
	char *word;

	if (url.data == NULL && mailto.data == NULL)
		return;
	field_begin(&f, out, "List-Unsubscribe", false);
	if (url.data != NULL) {
		word = xasprintf(
		    "<%s>%s", url.data, mailto.data != NULL ? "," : "");
		field_word(&f, word, strlen(word));
		free(word);
	}
	if (mailto.data != NULL) {
		word = xasprintf(
		    "<%s%s>", has_scheme ? "" : "mailto:", mailto.data);
		field_word(&f, word, strlen(word));
		free(word);
	}
	field_end(&f);
	if (s->is_one_click)
		field_line(
		    out, "List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
}

static void
write_text(struct buf *out, const char *name, struct text text, bool is_jis)
{
	struct field f;

	field_begin(&f, out, name, is_jis);
	field_text(&f, text.data, text.len);
	field_end(&f);
}

static void
write_extra(const struct section *s, struct buf *out)
{
	char *name;

	for (size_t i = 0; i < s->n_headers; i++) {
		const struct extra *x = &s->headers[i];

		name = xstrndup(x->name.data, x->name.len);
		write_text(out, name, x->value, s->is_jis);
		free(name);
	}
}

/* A mail to bcc alone says so: one without To looks broken to many filters. */
static void
write_people(const struct section *s, struct buf *out)
{
	mailboxes_write(&s->from, "From", s->is_jis, out);
	mailboxes_write(&s->sender, "Sender", s->is_jis, out);
	mailboxes_write(&s->reply_to, "Reply-To", s->is_jis, out);
	if (s->to.n + s->cc.n == 0)
		field_line(out, "To", "undisclosed-recipients:;");
	mailboxes_write(&s->to, "To", s->is_jis, out);
	mailboxes_write(&s->cc, "Cc", s->is_jis, out);
}

/* All fields but Content-*. */
static void
write_header(
    const struct section *s, const struct compose *how, struct buf *out)
{
	char date[DATE_TEXT];

	field_line(out, "Date",
	    date_format(
		s->has_date ? s->date_ms : how->at_ms, s->date_offset, date));
	write_people(s, out);
	if (s->subject.data != NULL)
		write_text(out, "Subject", s->subject, s->is_jis);
	write_message_id(s, how, out);
	write_ids(out, "In-Reply-To", s->in_reply_to, s->n_in_reply_to);
	write_ids(out, "References", s->references, s->n_references);
	write_extra(s, out);
	if (s->auto_submitted != NULL)
		field_line(out, "Auto-Submitted", s->auto_submitted);
	write_unsubscribe(s, out);
	field_line(out, "MIME-Version", "1.0");
}

static int
check_id(const struct section *s, const struct compose *how, struct err *e)
{
	if (s->message_id.data != NULL ||
	    (how->id != NULL && id_valid(how->id, strlen(how->id))))
		return 0;
	return err_set(e, ERR_DATA,
	    "mail.message_id: is missing, and the record has no id");
}

/* Servers cut what is longer, or refuse it. */
static int
check_header(const struct buf *header, struct err *e)
{
	if (header->len <= HEADER_SIZE_MAX)
		return 0;
	return err_set(e, ERR_DATA,
	    "mail: its header has %zu bytes, at most %d are taken", header->len,
	    HEADER_SIZE_MAX);
}

int
compose_message(
    json mail, const struct compose *how, struct bulk *out, struct err *e)
{
	struct sink sink = {out, MESSAGE_MAX, e};
	struct buf header = BUF_INIT;
	struct section s;
	int r = section_read(&s, mail, e);

	if (r == 0)
		r = check_id(&s, how, e);
	if (r == 0) {
		write_header(&s, how, &header);
		r = check_header(&header, e);
	}
	if (r == 0)
		r = tree_write(&s, how, &header, &sink);
	section_release(&s);
	buf_release(&header);
	return r;
}

int
compose_check(json mail, struct err *e)
{
	struct section s;
	int r = section_read(&s, mail, e);

	section_release(&s);
	return r;
}

/* Is it there already? */
static bool
has_address(json list, const char *address)
{
	bool has = false;

	for (int i = 0; i < json_count(list) && !has; i++) {
		json v = json_at(list, i);

		has = strcasecmp(json_string_value(v), address) == 0;
		json_free(v);
	}
	return has;
}

static json
add_recipients(json list, const struct mailboxes *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (!has_address(list, m->items[i].address))
			list =
			    json_append(list, json_string(m->items[i].address));
	return list;
}

json
compose_recipients(json mail, struct err *e)
{
	json list = json_none();
	struct section s;

	if (section_read(&s, mail, e) == 0) {
		list = add_recipients(json_array(), &s.to);
		list = add_recipients(list, &s.cc);
		list = add_recipients(list, &s.bcc);
	}
	section_release(&s);
	return list;
}

char *
compose_sender(json mail, struct err *e)
{
	struct section s;
	char *address = NULL;

	if (section_read(&s, mail, e) == 0)
		address = xstrdup(s.is_null_sender ? ""
				  : s.return_path.n > 0
				      ? s.return_path.items[0].address
				  : s.sender.n > 0 ? s.sender.items[0].address
						   : s.from.items[0].address);
	section_release(&s);
	return address;
}

char *
compose_author(json mail, struct err *e)
{
	struct section s;
	char *address = NULL;

	if (section_read(&s, mail, e) == 0)
		address = xstrdup(s.from.items[0].address);
	section_release(&s);
	return address;
}
