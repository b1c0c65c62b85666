#include "ledger/sealed.h"

#include <errno.h>
#include <sodium/utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "ledger/clue.h"
#include "ledger/merge.h"
#include "ledger/parts.h"
#include "mail/record.h"

#define VERSION "1."
#define START "{\"sealed\":\"" VERSION

enum {
	WHAT_MAX = ID_MAX + 40,
	CLUE_MAX = 20,
	KEY_DIGITS = SEAL_KEY_ID_TEXT - 1,
};

/* Members that are not sealed. */
static const char *const clear_members[] = {"v", "id", "kind", "tenant",
    "queue", "priority", "received_at", "of", "envelope", "size", "digest",
    "fingerprint", "key", "blob", "origin"};

/* "1.KEY.CLUE.BASE64", taken apart. */
struct form {
	unsigned char id[SEAL_KEY_ID];
	int64_t clue;
	const char *base64;
	size_t base64_len;
};

bool
sealed_is(const char *record, size_t len)
{
	return len > strlen(START) && memcmp(record, START, strlen(START)) == 0;
}

static bool
is_clear(const char *key, size_t len)
{
	for (size_t i = 0; i < sizeof clear_members / sizeof *clear_members;
	     i++)
		if (strlen(clear_members[i]) == len &&
		    memcmp(clear_members[i], key, len) == 0)
			return true;
	return false;
}

static bool
parse_form(const char *s, size_t n, struct form *f)
{
	const char *end = s + n, *dot;
	char number[CLUE_MAX + 1], *stop;
	size_t got, digits;

	if (n < strlen(VERSION) || memcmp(s, VERSION, strlen(VERSION)) != 0)
		return false;
	s += strlen(VERSION);
	if (end - s <= KEY_DIGITS || s[KEY_DIGITS] != '.' ||
	    sodium_hex2bin(
		f->id, sizeof f->id, s, KEY_DIGITS, NULL, &got, NULL) != 0 ||
	    got != SEAL_KEY_ID)
		return false;
	s += KEY_DIGITS + 1;
	dot = memchr(s, '.', (size_t)(end - s));
	digits = dot != NULL ? (size_t)(dot - s) : 0;
	if (digits == 0 || digits > CLUE_MAX || s[0] < '0' || s[0] > '9')
		return false;
	memcpy(number, s, digits);
	number[digits] = '\0';
	errno = 0;
	f->clue = strtoll(number, &stop, 10);
	f->base64 = dot + 1;
	f->base64_len = (size_t)(end - dot - 1);
	return errno == 0 && *stop == '\0' && f->clue >= 0;
}

/* Of a record; v keeps what f points into. */
static bool
form_of(json rec, json *v, struct form *f)
{
	*v = json_member(rec, "sealed", JSON_STRING);
	if (json_is_valid(*v) &&
	    parse_form(json_string_value(*v), json_string_len(*v), f))
		return true;
	json_free(*v);
	*v = json_none();
	return false;
}

bool
sealed_is_record(json rec)
{
	struct form f;
	json v;

	if (!form_of(rec, &v, &f))
		return false;
	json_free(v);
	return true;
}

int64_t
sealed_clue(const char *record, size_t len)
{
	struct err bad = ERR_INIT;
	struct form f;
	int64_t clue = 0;
	json rec, v;

	if (!sealed_is(record, len) ||
	    json_parse(record, len, &rec, &bad) == -1)
		return 0;
	if (form_of(rec, &v, &f)) {
		clue = f.clue;
		json_free(v);
	}
	json_free(rec);
	return clue;
}

/* Whose text it is: nobody else's row opens it. */
static const char *
what_of(const char *id, int64_t clue, char what[WHAT_MAX])
{
	snprintf(what, WHAT_MAX, "row %.64s %lld", id, (long long)clue);
	return what;
}

/* {"blob":…}, or {}. */
static json
bare_part(json part)
{
	json blob = json_member(part, "blob", JSON_OBJECT);

	if (!json_is_valid(blob))
		return json_object();
	return json_set(json_object(), "blob", blob);
}

/* The section with the blobs of its parts alone; JSON_NONE: there are none. */
static json
bare_section(json rec, const struct parts_kind *kind)
{
	json parts = parts_list(rec, kind), bare;
	bool has_blob = false;

	bare = json_array();
	for (int i = 0, n = json_count(parts); i < n; i++) {
		json part = json_glance_at(parts, i), slim = bare_part(part);

		has_blob = has_blob || json_count(slim) > 0;
		bare = json_append(bare, slim);
		json_free(part);
	}
	json_free(parts);
	if (has_blob)
		return json_set(json_object(), kind->list, bare);
	json_free(bare);
	return json_none();
}

/* In two, by who may read it. */
static void
divide(json rec, json *clear, json *hidden)
{
	*clear = json_object();
	*hidden = json_object();
	for (int i = 0, n = json_count(rec); i < n; i++) {
		size_t len;
		const char *key = json_key_at(rec, i, &len);
		json value = json_get(rec, key);

		if (is_clear(key, len))
			*clear = json_set(*clear, key, value);
		else
			*hidden = json_set(*hidden, key, value);
	}
	for (int i = 0; i < PARTS_KINDS; i++) {
		const char *section = parts_kinds[i].section;
		json bare = bare_section(rec, &parts_kinds[i]);

		/* That there is one tells what is to be done with it. */
		if (!json_is_valid(bare) && strcmp(section, "mail") == 0 &&
		    json_has(rec, "mail"))
			bare = json_object();
		if (json_is_valid(bare))
			*clear = json_set(*clear, section, bare);
	}
}

/* {"sealed":"…", and what is clear}. */
static void
write_form(const char *sealed, size_t len, json clear, struct buf *out)
{
	json form =
	    json_set(json_object(), "sealed", json_stringn(sealed, len));

	for (int i = 0, n = json_count(clear); i < n; i++) {
		size_t ignored;
		const char *key = json_key_at(clear, i, &ignored);

		form = json_set(form, key, json_get(clear, key));
	}
	json_dump(form, out);
}

static void
add_head(const unsigned char id[SEAL_KEY_ID], int64_t clue, struct buf *out)
{
	char text[SEAL_KEY_ID_TEXT];

	buf_addf(out, VERSION "%s.%lld.", seal_key_id_text(id, text),
	    (long long)clue);
}

static void
seal(const struct seal_data_key *k, json rec, json hidden, struct buf *out)
{
	int64_t clue = clue_of_message(rec);
	struct buf text = BUF_INIT, sealed = BUF_INIT;
	char what[WHAT_MAX];

	json_dump(json_copy(hidden), &text);
	seal_text(k, what_of(record_id(rec), clue, what), text.data, text.len,
	    &sealed);
	add_head(k->id, clue, out);
	base64_encode(sealed.data, sealed.len, out);
	buf_release(&text);
	buf_release(&sealed);
}

/* What is left of it in the clear is all there is. */
static bool
is_same_member(json clear, json hidden, const char *key)
{
	json a = json_get(clear, key), b = json_get(hidden, key);
	bool is_same = !json_is_valid(b) || json_equal(a, b);

	json_free(a);
	json_free(b);
	return is_same;
}

/* It comes from where there is no secret key. */
static int
keep_sealed(json rec, json sealed, struct buf *out, struct err *e)
{
	json clear, hidden;
	bool is_same;
	int r = 0;

	divide(rec, &clear, &hidden);
	is_same = is_same_member(clear, hidden, "message") &&
		  is_same_member(clear, hidden, "mail");
	hidden = json_del(json_del(hidden, "message"), "mail");
	hidden = json_del(hidden, "sealed");
	if (json_count(hidden) > 0 || !is_same)
		r = err_set(e, ERR_DATA,
		    "%s: it is sealed, and something was added to it: work on "
		    "it where the secret key is",
		    record_id(rec));
	else
		write_form(json_string_value(sealed), json_string_len(sealed),
		    clear, out);
	json_free(clear);
	json_free(hidden);
	return r;
}

int
sealed_write(
    const struct seal_data_key *k, json rec, struct buf *out, struct err *e)
{
	struct buf sealed = BUF_INIT;
	json clear, hidden, v;
	struct form f;
	int r = 0;

	if (form_of(rec, &v, &f)) {
		r = keep_sealed(rec, v, out, e);
		json_free(v);
		return r;
	}
	divide(rec, &clear, &hidden);
	if (json_count(hidden) > 0) {
		seal(k, rec, hidden, &sealed);
		write_form(sealed.data, sealed.len, clear, out);
	} else {
		json_dump(json_copy(rec), out);
	}
	buf_release(&sealed);
	json_free(clear);
	json_free(hidden);
	return r;
}

/* The members that were sealed, beside those that were not. */
static int
join(json rec, const struct buf *text, struct buf *out, struct err *e)
{
	json hidden, whole;

	if (json_parse(text->data, text->len, &hidden, e) == -1)
		return err_prefix(e, "damaged");
	whole = json_del(json_del(json_copy(rec), "sealed"), "message");
	whole = json_del(whole, "mail");
	for (int i = 0, n = json_count(hidden); i < n; i++) {
		size_t ignored;
		const char *key = json_key_at(hidden, i, &ignored);

		whole = json_set(whole, key, json_get(hidden, key));
	}
	json_free(hidden);
	json_dump(merge_parts(whole, rec), out);
	return 1;
}

static int
open_form(const struct seal_ring *ring, const char *id, json rec,
    const struct form *f, struct buf *out, struct seal_data_key *k,
    struct err *e)
{
	struct buf sealed = BUF_INIT, text = BUF_INIT;
	char what[WHAT_MAX];
	int r = base64_decode(f->base64, f->base64_len, &sealed, e);

	if (r == -1)
		err_prefix(e, "damaged");
	else
		r = unseal_text(ring, f->id, what_of(id, f->clue, what),
		    sealed.data, sealed.len, &text, k, e);
	if (r == 0)
		r = join(rec, &text, out, e);
	buf_release(&sealed);
	buf_release(&text);
	return r;
}

int
sealed_read(const struct seal_ring *ring, const char *id, const char *record,
    size_t len, struct buf *out, struct seal_data_key *k, struct err *e)
{
	json rec, v;
	struct form f;
	int r = 0;

	if (!sealed_is(record, len))
		return 0;
	if (json_parse(record, len, &rec, e) == -1)
		return err_prefix(e, "damaged");
	if (form_of(rec, &v, &f)) {
		r = open_form(ring, id, rec, &f, out, k, e);
		json_free(v);
	} else {
		r = err_set(e, ERR_DATA, "damaged: \"sealed\" cannot be read");
	}
	json_free(rec);
	return r;
}

void
sealed_open_row(struct state *s, struct mail_row *row, struct buf *text)
{
	const struct seal_ring *ring;
	struct seal_data_key key;
	struct err e = ERR_INIT;
	int r;

	if (!sealed_is(row->record, row->record_len))
		return;
	buf_reset(text);
	r = state_ring(s, &ring, &e);
	if (r == 0) {
		r = sealed_read(ring, row->id, row->record, row->record_len,
		    text, &key, &e);
		sodium_memzero(&key, sizeof key);
	}
	if (r == -1) {
		buf_reset(text);
		buf_addf(text, "%.64s: its record: %s", row->id, e.text);
		row->sealed = text->data;
		row->is_keyless = e.class == ERR_TEMP;
		return;
	}
	row->record = text->data;
	row->record_len = text->len;
}

int
sealed_close(struct state *s, const char *record, size_t len, struct buf *out,
    struct err *e)
{
	const struct seal_public *public;
	struct seal_data_key key;
	json rec;
	int r;

	if (!seal_is_configured(&s->config) || sealed_is(record, len))
		return 0;
	if (state_public(s, &public, e) == -1)
		return -1;
	if (public == NULL || json_parse(record, len, &rec, e) == -1)
		return public == NULL ? 0 : -1;
	seal_data_key(&key, public);
	r = sealed_write(&key, rec, out, e);
	sodium_memzero(&key, sizeof key);
	json_free(rec);
	return r == -1 ? -1 : 1;
}

/* The same text under another key: only its box is another. */
static int
box_again(const struct seal_ring *ring, const struct seal_public *to,
    struct form *f, struct buf *text, struct err *e)
{
	struct buf sealed = BUF_INIT;
	int r = base64_decode(f->base64, f->base64_len, &sealed, e);

	if (r == 0 && sealed.len < SEAL_BOX)
		r = err_set(e, ERR_DATA, "it is cut");
	if (r == -1)
		err_prefix(e, "damaged");
	else
		r = seal_again(
		    f->id, (unsigned char *)sealed.data, ring, to, e);
	if (r == 0) {
		add_head(f->id, f->clue, text);
		base64_encode(sealed.data, sealed.len, text);
	}
	buf_release(&sealed);
	return r;
}

int
sealed_again(const struct seal_ring *ring, const struct seal_public *to,
    const char *record, size_t len, struct buf *out, bool *is_changed,
    struct err *e)
{
	struct buf text = BUF_INIT;
	struct form f;
	json rec, v;
	int r = 0;

	*is_changed = false;
	if (!sealed_is(record, len))
		return 0;
	if (json_parse(record, len, &rec, e) == -1)
		return err_prefix(e, "damaged");
	if (!form_of(rec, &v, &f)) {
		json_free(rec);
		return err_set(
		    e, ERR_DATA, "damaged: \"sealed\" cannot be read");
	}
	if (memcmp(f.id, to->id, SEAL_KEY_ID) != 0) {
		r = box_again(ring, to, &f, &text, e);
		*is_changed = r == 0;
	}
	if (*is_changed)
		json_dump(json_set(json_copy(rec), "sealed",
			      json_stringn(text.data, text.len)),
		    out);
	json_free(v);
	json_free(rec);
	buf_release(&text);
	return r;
}
