#include "queue/outbound.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/id.h"
#include "ledger/sealed.h"
#include "lock/key.h"
#include "mail/compose.h"
#include "mail/record.h"
#include "mail/request.h"
#include "queue/attached.h"

/* A domain for a Message-ID that has no other (RFC 2606). */
#define NO_DOMAIN "mailpipe.invalid"

bool
outbound_is(json rec)
{
	return (json_has(rec, "mail") || request_is(rec)) &&
	       !sealed_is_record(rec);
}

/* What "defaults" say where the record says nothing. */
static json
with_defaults(const struct config *c, json rec)
{
	const char *tenant = config_str(c, "defaults.tenant", NULL);
	const char *from = config_str(c, "defaults.from", NULL);
	json mail = json_member(rec, "mail", JSON_OBJECT);

	if (tenant != NULL && !json_has(rec, "tenant"))
		rec = json_set_str(rec, "tenant", tenant);
	if (from != NULL && json_is_valid(mail) && !json_has(mail, "from"))
		return json_set(rec, "mail", json_set_str(mail, "from", from));
	json_free(mail);
	return rec;
}

/* What belongs to mail that came, or is the message itself. */
static int
check_alone(json rec, struct err *e)
{
	static const char *const others[] = {
	    "message", "fingerprint", "content", "blob"};

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (json_has(rec, others[i]))
			return err_set(e, ERR_DATA,
			    "it has \"mail\" and \"%s\" as well: which one is "
			    "to be sent?  An answer is a new record",
			    others[i]);
	return 0;
}

/* A key that is not taken for one would send the mail twice. */
static int
check_key(json rec, struct err *e)
{
	json key = json_get(rec, "key");
	bool is_good = !json_is_valid(key) || (json_str(rec, "key") != NULL &&
						  json_string_len(key) > 0);

	json_free(key);
	if (is_good)
		return 0;
	return err_set(
	    e, ERR_DATA, "\"key\" must be a string, not empty and without NUL");
}

static int
check(json rec, struct err *e)
{
	json mail = json_get(rec, "mail"), envelope = json_get(rec, "envelope");
	enum json_kind mail_kind = json_kind(mail);
	enum json_kind envelope_kind = json_kind(envelope);
	json probe = json_copy(rec);
	int r;

	json_free(mail);
	json_free(envelope);
	if (!json_has(rec, "id"))
		probe = json_set_str(probe, "id", "without-id");
	r = record_check(probe, e);
	json_free(probe);
	if (r == 0 && mail_kind != JSON_OBJECT)
		r = err_set(e, ERR_DATA, "\"mail\" must be an object");
	if (r == 0 && envelope_kind != JSON_NONE &&
	    envelope_kind != JSON_OBJECT)
		r = err_set(e, ERR_DATA, "\"envelope\" must be an object");
	if (r == 0)
		r = check_alone(rec, e);
	return r == 0 ? check_key(rec, e) : -1;
}

/*
 * The members that say who it is from and for, alone: what is wrong with the
 * others is told when it is to be sent.
 */
static json
addressing(json rec)
{
	static const char *const members[] = {
	    "from", "sender", "return_path", "to", "cc", "bcc"};
	json mail = json_member(rec, "mail", JSON_OBJECT), only = json_object();

	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		json v = json_get(mail, members[i]);

		if (json_is_valid(v))
			only = json_set(only, members[i], v);
	}
	json_free(mail);
	return json_set_str(only, "text", "-"); /* a mail says something */
}

/* envelope.to alone, or all of the mail's recipients; JSON_NONE: ERR_DATA. */
static json
recipients_of(json rec, struct err *e)
{
	json envelope = json_member(rec, "envelope", JSON_OBJECT);
	json mail = addressing(rec);
	json to = json_get(envelope, "to"), all = json_none();

	if (!json_is_valid(to)) {
		all = compose_recipients(mail, e);
		if (json_is_valid(all) && json_count(all) == 0) {
			json_free(all);
			all = json_none();
			err_set(e, ERR_DATA, "mail: it has no recipient");
		}
	} else if (json_str(envelope, "to") != NULL &&
		   json_string_len(to) > 0) {
		all = json_append(json_array(), json_copy(to));
	} else {
		err_set(e, ERR_DATA, "envelope.to: must be an address");
	}
	json_free(to);
	json_free(mail);
	json_free(envelope);
	return all;
}

/* Whom bounces go to. */
static int
set_sender(json *rec, struct err *e)
{
	json envelope = json_member(*rec, "envelope", JSON_OBJECT);
	json mail = addressing(*rec);
	char *from = NULL;
	int r = 0;

	if (!json_is_valid(envelope))
		envelope = json_object();
	if (!json_has(envelope, "from")) {
		from = compose_sender(mail, e);
		r = from != NULL ? 0 : -1;
	} else if (json_str(envelope, "from") == NULL) {
		r = err_set(
		    e, ERR_DATA, "envelope.from: must be an address, or empty");
	}
	if (from != NULL)
		envelope = json_set_str(envelope, "from", from);
	free(from);
	json_free(mail);
	*rec = json_set(*rec, "envelope", envelope);
	return r;
}

static json
with_recipient(json rec, const char *to)
{
	json envelope = json_get(rec, "envelope");

	return json_set(rec, "envelope", json_set_str(envelope, "to", to));
}

json
outbound_mint(json rec)
{
	json envelope = json_member(rec, "envelope", JSON_OBJECT);
	const char *to = json_str(envelope, "to");
	char id[ID_TEXT], content[DIGEST_TEXT];
	const char *parts[] = {"out", json_str(rec, "tenant"),
	    json_str(rec, "key"), to != NULL ? to : "",
	    lock_content(rec, content)};

	if (parts[1] != NULL && parts[2] != NULL)
		id_derive(parts, content[0] != '\0' ? 5 : 4, id);
	else
		id_random(id);
	json_free(envelope);
	return json_set_str(rec, "id", id);
}

/* One of several: from the id of all. */
static json
with_split_id(json rec, const char *to)
{
	const char *parts[] = {"split", json_str(rec, "id"), to};
	char id[ID_TEXT];

	id_derive(parts, sizeof parts / sizeof *parts, id);
	return json_set_str(rec, "id", id);
}

static json
with_received_at(json rec)
{
	const char *at = json_str(rec, "received_at");
	struct err bad = ERR_INIT;
	char text[CLOCK_TEXT];
	int64_t ms;

	if (at != NULL && clock_parse(at, &ms, &bad) == 0)
		return rec;
	return json_set_str(
	    rec, "received_at", clock_format(clock_now_ms(), text));
}

/* Of the author's address, as it can stand in a Message-ID. */
static void
add_domain(json rec, struct buf *out)
{
	static const char good[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ.-";
	struct err bad = ERR_INIT;
	json mail = addressing(rec);
	char *author = compose_author(mail, &bad);
	const char *at = author != NULL ? strrchr(author, '@') : NULL;
	bool is_good = at != NULL && at[1] != '\0' && at[1] != '.' &&
		       strlen(at) < 200 && at[1 + strspn(at + 1, good)] == '\0';

	buf_addstr(out, is_good ? at + 1 : NO_DOMAIN);
	json_free(mail);
	free(author);
}

/* The same line has the same one, where its ids are the same. */
static json
with_message_id(json rec)
{
	json mail = json_get(rec, "mail");
	char id[ID_TEXT], content[DIGEST_TEXT];
	const char *const of_id[] = {"message-id", json_str(rec, "id")};
	const char *const of_key[] = {"message-id", json_str(rec, "tenant"),
	    json_str(rec, "key"), lock_content(rec, content)};
	struct buf text = BUF_INIT;

	if (json_has(mail, "message_id")) {
		json_free(mail);
		return rec;
	}
	if (of_id[1] != NULL)
		id_derive(of_id, 2, id);
	else
		id_derive(of_key, 4, id);
	buf_addf(&text, "<%s@", id);
	add_domain(rec, &text);
	buf_addch(&text, '>');
	mail = json_set_str(mail, "message_id", text.data);
	buf_release(&text);
	return json_set(rec, "mail", mail);
}

/* What all records of one have in common; *to: its recipients. */
static int
prepare(struct queue *q, json *rec, json *to, struct err *e)
{
	char id[ID_TEXT];

	*to = json_none();
	if (request_is(*rec) && request_convert(rec, e) == -1)
		return -1;
	*rec = with_defaults(&q->state->config, *rec);
	if (check(*rec, e) == -1)
		return -1;
	*to = recipients_of(*rec, e);
	if (!json_is_valid(*to) || set_sender(rec, e) == -1)
		return -1;
	if (!json_has(*rec, "id") && !json_has(*rec, "key"))
		*rec = json_set_str(*rec, "id", id_random(id));
	*rec = with_received_at(*rec);
	return 0;
}

static int
check_size(json rec, int n, struct err *e)
{
	struct buf text = BUF_INIT;
	size_t len;

	if (n == 1)
		return 0;
	json_dump(json_copy(rec), &text);
	len = text.len;
	buf_release(&text);
	if (len * (size_t)n <= OUTBOUND_BYTES_MAX)
		return 0;
	return err_set(e, ERR_DATA,
	    "%d recipients of a record of %zu bytes are more than %d bytes to "
	    "be stored: make several records of it, and of what is large an "
	    "attachment",
	    n, len, OUTBOUND_BYTES_MAX);
}

/* The record of recipient k of n. */
static json
split_off(json rec, json to, int k, int n)
{
	json address = json_at(to, k);
	const char *text = json_string_value(address);
	json one = with_recipient(json_copy(rec), text), of;

	if (!json_has(one, "id"))
		one = outbound_mint(one);
	else if (n > 1)
		one = with_split_id(one, text);
	if (n > 1) {
		of = json_append(json_array(), json_number(k + 1));
		one = json_set(one, "of", json_append(of, json_number(n)));
	}
	json_free(address);
	return one;
}

static int64_t
received_at(json rec)
{
	struct err bad = ERR_INIT;
	int64_t ms = 0;

	clock_parse(json_str(rec, "received_at"), &ms, &bad);
	return ms;
}

static int
split(json rec, json to, struct attaching *files, struct outbound *out,
    struct err *e)
{
	int n = json_count(to);
	int r = attached_share(files, (size_t)n, e);

	for (int k = 0; r == 0 && k < n; k++) {
		json one = split_off(rec, to, k, n);

		r = attached_give(
		    files, &one, received_at(one), &out->deposits, e);
		out->recs = json_append(out->recs, one);
	}
	return r;
}

int
outbound_make(struct queue *q, int attach_dir, json rec, struct outbound *out,
    struct err *e)
{
	struct attaching files = {.q = q, .dir = attach_dir};
	json to;
	int r;

	*out = (struct outbound){.recs = json_array()};
	rec = json_copy(rec);
	r = prepare(q, &rec, &to, e);
	files.id = json_str(rec, "id");
	if (r == 0)
		r = attached_take(&files, &rec, e);
	if (r == 0)
		r = check_size(rec, json_count(to), e);
	if (r == 0) {
		rec = with_message_id(rec);
		r = split(rec, to, &files, out, e);
	}
	attached_release(&files);
	json_free(to);
	json_free(rec);
	return r;
}

void
outbound_release(struct outbound *o)
{
	deposits_release(&o->deposits);
	json_free(o->recs);
	o->recs = json_none();
}

int
outbound_address(json *rec, struct err *e)
{
	json to, only;
	int n, r = check(*rec, e);

	if (r == -1)
		return -1;
	to = recipients_of(*rec, e);
	n = json_count(to);
	if (n > 1)
		r = err_set(e, ERR_DATA,
		    "it is to %d recipients, and each has a record of its own: "
		    "put mail-store put before mail-queue put",
		    n);
	if (n != 1 || set_sender(rec, e) == -1)
		r = -1;
	if (r == 0) {
		only = json_at(to, 0);
		*rec = with_recipient(*rec, json_string_value(only));
		json_free(only);
	}
	json_free(to);
	return r;
}
