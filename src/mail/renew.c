#include "mail/renew.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/json.h"
#include "mail/defect.h"
#include "mail/examine.h"
#include "mail/message.h"

enum {
	WINDOW = 64 * 1024,
	NAME_MAX_BYTES = 32,
};

/* What the parser of today says. */
struct renewal {
	struct message raw;
	struct examined said;
};

/* Stream the message in.  1, 0 the parser died, -1. */
static int
feed(struct examiner *x, struct renewal *n, int fd, struct err *e)
{
	char window[WINDOW];
	ssize_t got;
	int r;

	message_release(&n->raw);
	message_init(&n->raw);
	if (lseek(fd, 0, SEEK_SET) == -1)
		return err_errno(e, "message: seek");
	while ((got = read(fd, window, sizeof window)) != 0) {
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return err_errno(e, "message: read");
		message_add(&n->raw, window, (size_t)got);
		r = examiner_add(x, window, (size_t)got, e);
		if (r != 1)
			return r;
	}
	message_end(&n->raw);
	return examiner_end(x, &n->said, e);
}

/* As mail-ingest does: who dies of it may have suffered from something else. */
static int
examine(
    const struct examine_wants *wants, struct renewal *n, int fd, struct err *e)
{
	struct examiner *x = examiner_new(wants, e);
	int r;

	if (x == NULL)
		return -1;
	r = feed(x, n, fd, e);
	if (r == 0) {
		r = examiner_again(x, e);
		if (r == 1)
			r = feed(x, n, fd, e);
	}
	examiner_free(x);
	if (r == 0)
		err_set(e, ERR_TEMP,
		    "it killed its parser twice, and stays as it is; please "
		    "report such a mail");
	return r == 1 ? 0 : -1;
}

/*
 * The blob of the old part at this place, if the new one has the same bytes:
 * its name has the number of the place.
 */
static int
keep_blob(json old, json *parts, int i, struct err *e)
{
	json blob = json_member(old, "blob", JSON_OBJECT);
	json part = json_at(*parts, i);
	const char *was = json_str(blob, "digest");
	const char *is = json_str(part, "digest");
	int r = 0;

	if (json_is_valid(blob) &&
	    (was == NULL || is == NULL || strcmp(was, is) != 0)) {
		r = err_set(e, ERR_DATA,
		    "it stays as it is: message.parts[%d] has a blob, and is "
		    "another part today",
		    i);
	} else if (json_is_valid(blob)) {
		part = json_set(part, "blob", json_copy(blob));
		*parts = json_set_at(*parts, i, json_copy(part));
	}
	json_free(part);
	json_free(blob);
	return r;
}

static int
keep_blobs(json old, json *message, struct err *e)
{
	json was = json_member(old, "parts", JSON_ARRAY);
	json is = json_member(*message, "parts", JSON_ARRAY);
	int n = json_count(was), r = 0;

	for (int i = 0; r == 0 && i < n; i++) {
		json part = json_at(was, i);

		r = keep_blob(part, &is, i, e);
		json_free(part);
	}
	json_free(was);
	if (r == 0 && json_is_valid(is))
		*message = json_set(*message, "parts", is);
	else
		json_free(is);
	return r;
}

static defect_set
defects_of(json message)
{
	return defect_parse(json_member(message, "defects", JSON_ARRAY));
}

/* Its defects, but those of the envelope as they were. */
static json
keep_defects(json old, json message)
{
	defect_set defects = defects_of(message) & ~DEFECTS_OF_ENVELOPE;

	defects |= defects_of(old) & DEFECTS_OF_ENVELOPE;
	if (defects == 0)
		return json_del(message, "defects");
	return json_set(message, "defects", defect_list(defects));
}

/* A name that came with a record may hold anything. */
static bool
is_plain(const char *name)
{
	size_t n =
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			 "0123456789_-");

	return n > 0 && n <= NAME_MAX_BYTES && name[n] == '\0';
}

static json
add_name(json names, const char *key)
{
	struct buf name = BUF_INIT;

	buf_addf(&name, "message.%s", is_plain(key) ? key : "?");
	names = json_append(names, json_string(name.data));
	buf_release(&name);
	return names;
}

/* The members of a that b lacks, or, unless it is only for that, has otherwise.
 */
static json
compare(json names, json a, json b, bool only_missing)
{
	for (int i = 0; i < json_count(a); i++) {
		size_t len;
		const char *key = json_key_at(a, i, &len);
		json value = json_at(a, i), other = json_get(b, key);

		if (!json_is_valid(other) ||
		    (!only_missing && !json_equal(value, other)))
			names = add_name(names, key);
		json_free(other);
		json_free(value);
	}
	return names;
}

static json
fingerprint_of(const struct renewal *n)
{
	const struct examined_record *r = &n->said.records[0];
	char text[FINGERPRINT_TEXT];

	if (r->fingerprint[0] != '\0')
		return json_string(r->fingerprint);
	return json_string(fingerprint_raw(r->tenant, r->recipient,
	    n->said.has_from ? n->raw.bare : n->raw.digest, text));
}

static int
set_message(
    json *rec, json old, const struct buf *text, json *changed, struct err *e)
{
	json message;

	if (json_parse(text->data, text->len, &message, e) == -1) {
		e->class = ERR_TEMP; /* the examiner had parsed it */
		return -1;
	}
	if (keep_blobs(old, &message, e) == -1) {
		json_free(message);
		return -1;
	}
	message = keep_defects(old, message);
	*changed = compare(*changed, old, message, false);
	*changed = compare(*changed, message, old, true);
	*rec = json_set(*rec, "message", message);
	return 0;
}

static void
set_fingerprint(json *rec, const struct renewal *n, json *changed)
{
	json is = fingerprint_of(n);
	json was = json_get(*rec, "fingerprint");

	if (!json_equal(is, was)) {
		*changed = json_append(*changed, json_string("fingerprint"));
		*rec = json_set(*rec, "fingerprint", json_copy(is));
	}
	json_free(was);
	json_free(is);
}

/* Put what was found into the record.  How many changes, or -1. */
static int
replace(json rec, json old, const struct renewal *n, json *out, json *changed,
    struct err *e)
{
	*out = json_copy(rec);
	*changed = json_array();
	if (set_message(out, old, &n->said.message, changed, e) == -1)
		return -1;
	/* Else the recipient's bytes are no longer known: json_bytes. */
	if ((defects_of(old) & DEFECT_ENVELOPE_NOT_UTF8) == 0)
		set_fingerprint(out, n, changed);
	return json_count(*changed);
}

bool
renew_is_possible(json rec)
{
	json message = json_member(rec, "message", JSON_OBJECT);
	bool is_possible = json_is_valid(message) && json_has(rec, "blob");

	json_free(message);
	return is_possible;
}

int
renew_record(json rec, int fd, json *out, json *changed, struct err *e)
{
	json envelope = json_member(rec, "envelope", JSON_OBJECT);
	json old = json_member(rec, "message", JSON_OBJECT);
	const char *to = json_str(envelope, "to");
	char *recipient = xstrdup(to != NULL ? to : "");
	const struct examine_wants wants = {
	    .tenant = json_str(rec, "tenant"),
	    .routes = json_none(),
	    .sender = json_str(envelope, "from"),
	    .recipients = &recipient,
	    .n_recipients = 1,
	    .bodies = json_has(old, "text") || json_has(old, "html"),
	};
	struct renewal n = {0};
	int r;

	unsetenv("SENDER");
	unsetenv("RECIPIENT");
	r = examine(&wants, &n, fd, e);
	if (r == 0) {
		r = replace(rec, old, &n, out, changed, e);
		if (r < 1) {
			json_free(*out);
			json_free(*changed);
		}
	}
	message_release(&n.raw);
	examined_release(&n.said);
	free(recipient);
	json_free(envelope);
	json_free(old);
	return r > 0 ? 1 : r;
}
