#include "mail/message.h"

#include <sodium/core.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "mail/defect.h"

enum {
	MESSAGE_ID_MAX = 998, /* a line, RFC 5322 2.1.1 */
	LARGE = 16 * 1024,
};

/*
 * Let libsodium find the CPU's fastest code, which is twice as fast: a large
 * message repays the 20 us that it takes.
 */
static void
hash_faster(void)
{
	if (sodium_init() == -1)
		return; /* the portable code is as right */
}

void
message_init(struct message *m, size_t keep_max)
{
	*m = (struct message){.keep_max = keep_max};
	digest_init(&m->digesting);
	digest_init(&m->baring);
	body_digest_init(&m->bodying);
}

/* Bytes of which header_scan has said that the header ends before them. */
static void
add_past_header(struct message *m, const char *data, size_t n)
{
	if (m->scan.from_size > 0)
		digest_add(&m->baring, data, n);
	body_digest_add(&m->bodying, data, n);
}

/* The header's end was found somewhere in head. */
static void
begin_body(struct message *m)
{
	size_t from = m->scan.from_size, body = m->scan.size;

	if (from > 0)
		digest_add(&m->baring, m->head.data + from, body - from);
	if (m->head.len > body)
		add_past_header(m, m->head.data + body, m->head.len - body);
}

void
message_add(struct message *m, const char *data, size_t n)
{
	bool is_body = m->scan.is_done;
	int64_t size = m->size;

	m->size += (int64_t)n;
	if (size <= LARGE && m->size > LARGE)
		hash_faster();
	digest_add(&m->digesting, data, n);
	if (!(m->defects & DEFECT_NUL) && memchr(data, '\0', n) != NULL)
		m->defects |= DEFECT_NUL;
	/* As long as nothing was left out. */
	if (m->head.len == (size_t)size &&
	    (!is_body || (size_t)m->size <= m->keep_max))
		buf_add(&m->head, data, n);
	if (is_body)
		add_past_header(m, data, n);
	else if (header_scan(&m->scan, m->head.data, m->head.len, false))
		begin_body(m);
}

static void
finish_header(struct message *m)
{
	const char *data = m->head.data != NULL ? m->head.data : "";

	if (!m->scan.is_done) {
		header_scan(&m->scan, data, m->head.len, true);
		begin_body(m);
	}
	header_parse(&m->header, data, &m->scan);
	m->defects |= m->scan.defects | m->header.defects;
	if (!utf8_valid(data, m->scan.size))
		m->defects |= DEFECT_HEADER_NOT_UTF8;
	if (!fingerprint_has_identity(&m->header))
		m->defects |= DEFECT_NO_IDENTITY;
}

void
message_end(struct message *m)
{
	if (m->size == 0)
		m->defects |= DEFECT_EMPTY;
	finish_header(m);
	digest_text(&m->digesting, m->digest);
	if (m->scan.from_size > 0)
		digest_text(&m->baring, m->bare);
	else
		memcpy(m->bare, m->digest, sizeof m->bare);
	body_digest_text(&m->bodying, m->body);
}

void
message_release(struct message *m)
{
	header_release(&m->header);
	buf_release(&m->head);
}

/* Derived, so that a mail that the MTA hands over again has the same id. */
static jv
id_json(const struct message *m, const char *tenant, const char *recipient)
{
	const char *parts[] = {"in", tenant, recipient, m->bare};
	char id[ID_TEXT];

	return jv_string(id_derive(parts, sizeof parts / sizeof *parts, id));
}

static jv
fingerprint_json(
    const struct message *m, const char *tenant, const char *recipient)
{
	static const defect_set not_telling = DEFECT_NO_IDENTITY |
					      DEFECT_HEADER_TOO_LONG |
					      DEFECT_TOO_MANY_FIELDS;
	char text[FINGERPRINT_TEXT];

	if (m->defects & not_telling)
		fingerprint_raw(tenant, recipient, m->bare, text);
	else
		fingerprint_mail(tenant, recipient, &m->header, m->body, text);
	return jv_string(text);
}

static jv
header_json(const struct message *m, defect_set *defects)
{
	const struct header_field *f;
	struct buf id = BUF_INIT;
	jv json = jv_object();

	f = header_next(&m->header, "message-id", NULL);
	if (f != NULL)
		header_squeeze(f->value, &id);
	if (id.len > MESSAGE_ID_MAX)
		*defects |= DEFECT_BAD_MESSAGE_ID;
	else if (id.len > 0)
		json =
		    json_set(json, "message_id", json_bytes(id.data, id.len));
	buf_release(&id);
	if (*defects != 0)
		json = json_set(json, "defects", defect_list(*defects));
	return json;
}

jv
message_record(const struct message *m, const struct envelope *env,
    const char *tenant, int64_t received_at)
{
	const char *recipient = env->to.text != NULL ? env->to.text : "";
	defect_set defects = m->defects | env->defects;
	char at[CLOCK_TEXT];
	jv rec = jv_object(), envelope = envelope_json(env, &defects);

	rec = json_set(rec, "v", jv_number(1));
	rec = json_set(rec, "id", id_json(m, tenant, recipient));
	rec = json_set_str(rec, "kind", "message");
	rec = json_set_str(rec, "tenant", tenant);
	rec = json_set_str(rec, "received_at", clock_format(received_at, at));
	rec = json_set(rec, "envelope", envelope);
	rec = json_set(rec, "message", header_json(m, &defects));
	rec = json_set(rec, "size", jv_number((double)m->size));
	rec = json_set_str(rec, "digest", m->digest);
	return json_set(
	    rec, "fingerprint", fingerprint_json(m, tenant, recipient));
}
