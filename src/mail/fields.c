#include "mail/fields.h"

#include "core/json.h"
#include "core/json_text.h"
#include "mail/date.h"
#include "mail/encoded.h"
#include "mail/mailbox.h"

enum {
	MESSAGE_ID_MAX = 998, /* a line, RFC 5322 2.1.1 */
};

/* Fields that hold addresses, and the record's members. */
static const struct {
	const char *name, *member;
} address_fields[] = {
    {"from", "from"},
    {"sender", "sender"},
    {"reply-to", "reply_to"},
    {"to", "to"},
    {"cc", "cc"},
    {"bcc", "bcc"},
};

/* Those that may come once, RFC 5322 3.6. */
static const char *const single[] = {
    "from", "sender", "reply-to", "to", "cc", "subject", "date", "message-id"};

/* A member that began at start. */
static void
keep_short(struct buf *out, size_t start, defect_set *defects)
{
	if (json_text_limit(out, start, FIELDS_MEMBER_MAX))
		*defects |= DEFECT_RECORD_TOO_LONG;
}

static void
write_message_id(const struct header *h, struct buf *out, defect_set *defects)
{
	const struct header_field *f = header_next(h, "message-id", NULL);
	struct buf id = BUF_INIT;

	if (f != NULL)
		header_squeeze(f->value, &id);
	if (id.len > MESSAGE_ID_MAX)
		*defects |= DEFECT_BAD_MESSAGE_ID;
	else if (id.len > 0)
		json_text_member(out, "message_id", id.data, id.len);
	buf_release(&id);
}

static void
write_date(const struct header *h, struct buf *out, defect_set *defects)
{
	const struct header_field *f = header_next(h, "date", NULL);
	char text[DATE_TEXT];

	if (f == NULL)
		return;
	if (date_parse(f->value, text))
		json_text_member_str(out, "date", text);
	else
		*defects |= DEFECT_BAD_DATE;
}

static void
write_subject(const struct header *h, const struct charset *hint,
    struct buf *out, defect_set *defects)
{
	const struct header_field *f = header_next(h, "subject", NULL);
	struct buf text = BUF_INIT;
	size_t start = out->len;

	if (f == NULL)
		return;
	encoded_decode(f->value, hint, &text, defects);
	json_text_member(out, "subject", text.data, text.len);
	keep_short(out, start, defects);
	buf_release(&text);
}

static void
write_addresses(const struct header *h, size_t i, const struct charset *hint,
    struct buf *out, defect_set *defects)
{
	const struct header_field *f = NULL;
	size_t start = out->len;
	json list = json_none();

	while ((f = header_next(h, address_fields[i].name, f)) != NULL) {
		if (!json_is_valid(list))
			list = json_array();
		list = mailbox_list(list, f->value, hint, defects);
	}
	if (!json_is_valid(list))
		return;
	json_text_key(out, address_fields[i].member);
	json_dump(list, out);
	keep_short(out, start, defects);
}

static void
write_headers(const struct header *h, const struct charset *hint,
    struct buf *out, defect_set *defects)
{
	struct buf value = BUF_INIT;
	size_t start;

	json_text_key(out, "headers");
	buf_addch(out, '[');
	start = out->len;
	for (size_t i = 0; i < h->n; i++) {
		const struct header_field *f = &h->fields[i];

		size_t before = out->len;

		buf_reset(&value);
		encoded_decode(f->value, hint, &value, defects);
		json_text_open(out, '{');
		json_text_member(out, "name", f->name.data, f->name.len);
		json_text_member(out, "value", value.data, value.len);
		buf_addch(out, '}');
		if (json_text_limit(
			out, before, FIELDS_HEADERS_MAX - (before - start))) {
			*defects |= DEFECT_RECORD_TOO_LONG;
			break;
		}
	}
	buf_addch(out, ']');
	buf_release(&value);
}

static void
find_duplicates(const struct header *h, defect_set *defects)
{
	for (size_t i = 0; i < sizeof single / sizeof *single; i++) {
		const struct header_field *f = header_next(h, single[i], NULL);

		if (f != NULL && header_next(h, single[i], f) != NULL)
			*defects |= DEFECT_DUPLICATE_FIELD;
	}
}

void
fields_write(const struct header *h, const struct charset *hint,
    struct buf *out, defect_set *defects)
{
	write_message_id(h, out, defects);
	write_date(h, out, defects);
	write_subject(h, hint, out, defects);
	for (size_t i = 0; i < sizeof address_fields / sizeof *address_fields;
	     i++)
		write_addresses(h, i, hint, out, defects);
	write_headers(h, hint, out, defects);
	find_duplicates(h, defects);
}
