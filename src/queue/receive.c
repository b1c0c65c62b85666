#include "queue/receive.h"

#include <sodium/utils.h>
#include <stdlib.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/json.h"
#include "ledger/parts.h"
#include "ledger/sealed.h"
#include "mail/record.h"
#include "queue/deposits.h"
#include "queue/draw.h"
#include "queue/intake.h"
#include "queue/outbound.h"

/* Without what belongs to one run. */
static json
lasting(json rec)
{
	static const char *const transient[] = {
	    RECORD_TRANSIENT, "state", "attempts", "updated_at", "kept"};

	rec = json_copy(rec);
	for (size_t i = 0; i < sizeof transient / sizeof *transient; i++)
		if (json_has(rec, transient[i]))
			rec = json_del(rec, transient[i]);
	return rec;
}

int
queue_stored_form(json rec, struct buf *out, struct err *e)
{
	json_dump(lasting(rec), out);
	if (out->len <= QUEUE_RECORD_MAX)
		return 0;
	return err_set(e, ERR_DATA,
	    "a record of %zu bytes when it is stored; at most %d", out->len,
	    QUEUE_RECORD_MAX);
}

/* The same, sealed where there is a key. */
static int
stored_form(
    json rec, const struct seal_data_key *key, struct buf *out, struct err *e)
{
	int r = queue_stored_form(rec, out, e);

	if (r == -1 || key == NULL)
		return r;
	rec = lasting(rec);
	buf_reset(out);
	r = sealed_write(key, rec, out, e);
	json_free(rec);
	return r;
}

/*
 * A data key for each of n mails; *keys is NULL where there is no public key.
 */
static int
make_keys(struct queue *q, size_t n, struct seal_data_key **keys, struct err *e)
{
	const struct seal_public *public;

	*keys = NULL;
	if (state_public(q->state, &public, e) == -1)
		return -1;
	if (public == NULL)
		return 0;
	*keys = xcalloc(n, sizeof **keys);
	for (size_t i = 0; i < n; i++)
		seal_data_key(&(*keys)[i], public);
	return 0;
}

static void
forget_keys(struct seal_data_key *keys, size_t n)
{
	if (keys != NULL)
		sodium_memzero(keys, n * sizeof *keys);
	free(keys);
}

/* What queue_store keeps of one record until the promise is made. */
struct storing {
	struct intake_entry entry;
	struct deposit message;
	struct deposits parts;
	json rec; /* to be passed on */
	json content; /* as it came: the entry borrows its base64 */
	struct buf text;
	struct buf base64; /* of the blob, where it is another than came */
	struct seal_data_key key; /* of this mail */
	bool has_key; /* else it is plain */
};

/* One record that came, and what is made of it: itself, or several. */
struct coming {
	struct storing *all;
	size_t n;
	struct outbound outbound; /* of mail that is to be sent */
};

static int64_t
received_at(json rec)
{
	const char *at = json_str(rec, "received_at");
	struct err e = ERR_INIT;
	int64_t ms;

	if (at == NULL || clock_parse(at, &ms, &e) == -1)
		ms = clock_now_ms();
	return ms;
}

/*
 * Turn a record's content into a blob section.  Small content goes with the
 * entry: base64 in s->entry is borrowed from the caller, or from the content,
 * which he keeps, and checked now, since the entry cannot be refused later.
 */
static int
store_content(struct queue *q, struct storing *s, int64_t at, struct err *e)
{
	json *rec = &s->rec, content = s->content;
	struct intake_entry *entry = &s->entry;
	json blob;
	int r;

	if (!json_is_valid(content))
		return 0;
	deposit_init(&s->message, q, record_id(*rec), 0, at);
	entry->ref = s->message.ref;
	entry->base64 = json_strn(content, "base64", &entry->base64_len);
	if (entry->base64 != NULL)
		r = deposit_take_base64(&s->message, entry->base64,
		    entry->base64_len, s->has_key ? &s->key : NULL, &s->base64,
		    &blob, e);
	else
		r = deposit_take(&s->message, q, content,
		    json_has(*rec, "digest"), &blob, e);
	if (r == -1)
		return err_prefix(e, "%s", record_id(*rec));
	if (s->base64.len > 0) {
		entry->base64 = s->base64.data;
		entry->base64_len = s->base64.len;
	}
	*rec = json_set(json_del(*rec, "content"), "blob", blob);
	return 0;
}

/*
 * The record as its row will have it: size and digest are those of the blob.
 * What is passed on keeps its own, which tells records of one message.
 */
static json
row_form(const struct storing *s)
{
	json blob = json_member(s->rec, "blob", JSON_OBJECT);
	const char *digest = json_str(blob, "digest");
	json rec = json_copy(s->rec);

	if (s->message.is_known && digest != NULL && json_has(rec, "digest")) {
		rec = json_set_str(rec, "digest", digest);
		rec = json_set(rec, "size",
		    json_number((int64_t)json_int(blob, "size", 0)));
	}
	json_free(blob);
	return rec;
}

/* Check it, and make its contents blob sections. */
static int
store_contents(struct queue *q, struct storing *s, struct err *e)
{
	int64_t at;

	if (record_check(s->rec, e) == -1)
		return -1;
	s->content = json_member(s->rec, "content", JSON_OBJECT);
	if (!json_is_valid(s->content) && json_has(s->rec, "content"))
		return err_set(e, ERR_DATA, "%s: \"content\" must be an object",
		    record_id(s->rec));
	at = received_at(s->rec);
	if (store_content(q, s, at, e) == -1)
		return -1;
	return deposits_take_parts(q, &s->rec, at, &s->parts, e);
}

static void
store_release(struct storing *s)
{
	deposit_release(&s->message);
	deposits_release(&s->parts);
	json_free(s->rec);
	json_free(s->content);
	buf_release(&s->text);
	buf_release(&s->base64);
	sodium_memzero(&s->key, sizeof s->key);
}

/* One record: checked, its contents blob sections, its entry filled in. */
static int
store_prepare(struct queue *q, const struct seal_public *public,
    struct storing *s, json rec, struct err *e)
{
	json row;
	int r;

	*s = (struct storing){.rec = json_copy(rec), .content = json_none()};
	s->has_key = public != NULL;
	if (s->has_key)
		seal_data_key(&s->key, public);
	r = store_contents(q, s, e);
	if (r == 0) {
		row = row_form(s);
		r = stored_form(row, s->has_key ? &s->key : NULL, &s->text, e);
		json_free(row);
	}
	s->entry.at = clock_now_ms();
	s->entry.id = json_str(s->rec, "id");
	s->entry.tenant = json_str(s->rec, "tenant");
	s->entry.record = s->text.data;
	s->entry.record_len = s->text.len;
	return r;
}

static void
coming_release(struct coming *c)
{
	for (size_t i = 0; i < c->n; i++)
		store_release(&c->all[i]);
	free(c->all);
	outbound_release(&c->outbound);
	*c = (struct coming){.outbound.recs = json_none()};
}

/* All that is made of one record, or nothing of it. */
static int
coming_prepare(struct queue *q, const struct storing_how *how,
    const struct seal_public *public, struct coming *c, json rec, struct err *e)
{
	bool is_outbound = outbound_is(rec);
	int r = 0, n;

	*c = (struct coming){.outbound.recs = json_none()};
	if (is_outbound)
		r = outbound_make(q, how->attach_dir, rec, &c->outbound, e);
	n = is_outbound ? json_count(c->outbound.recs) : 1;
	c->all = xcalloc((size_t)n, sizeof *c->all);
	for (int i = 0; r == 0 && i < n; i++) {
		json one =
		    is_outbound ? json_at(c->outbound.recs, i) : json_copy(rec);

		c->n++;
		r = store_prepare(q, public, &c->all[i], one, e);
		json_free(one);
	}
	/* Nothing of it may reach the store with the others. */
	if (r == -1)
		coming_release(c);
	return r;
}

/* The record to be passed on, or the array of them. */
static json
coming_result(const struct coming *c)
{
	json all;

	if (c->n == 1)
		return json_copy(c->all[0].rec);
	all = json_array();
	for (size_t i = 0; i < c->n; i++)
		all = json_append(all, json_copy(c->all[i].rec));
	return all;
}

static size_t
add_deposits(struct deposit *to, const struct deposits *from)
{
	for (size_t i = 0; i < from->n; i++)
		to[i] = from->all[i];
	return from->n;
}

/* What does not go through the intake: files, and parts. */
static int
store_deposits(
    struct queue *q, const struct coming *all, size_t n, struct err *e)
{
	struct deposit *put;
	size_t room = 0, m = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		room += all[i].n + all[i].outbound.deposits.n;
		for (size_t k = 0; k < all[i].n; k++)
			room += all[i].all[k].parts.n;
	}
	put = xcalloc(room + 1, sizeof *put);
	for (size_t i = 0; i < n; i++) {
		m += add_deposits(put + m, &all[i].outbound.deposits);
		for (size_t k = 0; k < all[i].n; k++) {
			put[m++] = all[i].all[k].message;
			m += add_deposits(put + m, &all[i].all[k].parts);
		}
	}
	r = deposit_put(q, put, m, e);
	free(put);
	return r;
}

static int
promise(struct queue *q, const struct coming *all, size_t n, struct err *e)
{
	struct intake_entry *entries;
	size_t room = 0, m = 0;
	int r;

	for (size_t i = 0; i < n; i++)
		room += all[i].n;
	entries = xcalloc(room + 1, sizeof *entries);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < all[i].n; k++)
			entries[m++] = all[i].all[k].entry;
	r = queue_promise(q, entries, m, e);
	free(entries);
	return r;
}

/* What its records take, as long as they are not stored. */
static size_t
weight(const struct coming *c)
{
	size_t bytes = 0;

	for (size_t i = 0; i < c->n; i++)
		bytes += c->all[i].text.len;
	return bytes;
}

int
queue_store(struct queue *q, const struct storing_how *how, json *recs,
    struct err *errs, size_t n, size_t *n_done, struct err *e)
{
	struct coming *all = xcalloc(n, sizeof *all);
	const struct seal_public *public = NULL;
	size_t m = 0, bytes = 0;
	int r = state_check_space(q->state, e);

	*n_done = n;
	if (r == 0)
		r = state_public(q->state, &public, e);
	for (; r == 0 && m < n && bytes < OUTBOUND_BYTES_MAX; m++) {
		if (coming_prepare(
			q, how, public, &all[m], recs[m], &errs[m]) == 0)
			bytes += weight(&all[m]);
	}
	if (r == 0)
		r = store_deposits(q, all, m, e);
	if (r == 0)
		r = promise(q, all, m, e);
	if (r == 0)
		*n_done = m;
	for (size_t i = 0; i < m; i++) {
		if (r == 0 && errs[i].class == ERR_NONE) {
			json_free(recs[i]);
			recs[i] = coming_result(&all[i]);
		}
		coming_release(&all[i]);
	}
	free(all);
	return r;
}

int
queue_put(struct queue *q, const json *recs, struct err *errs, size_t n,
    const char *queue, int64_t ready_at, struct err *e)
{
	struct intake_entry *entries = xcalloc(n, sizeof *entries);
	struct buf *texts = xcalloc(n, sizeof *texts);
	struct seal_data_key *keys = NULL;
	int64_t now = clock_now_ms();
	size_t m = 0;
	int r = state_check_space(q->state, e), fits;

	if (r == 0)
		r = make_keys(q, n, &keys, e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		json rec = json_set_str(json_copy(recs[i]), "queue", queue);

		fits = stored_form(
		    rec, keys != NULL ? &keys[i] : NULL, &texts[i], &errs[i]);
		json_free(rec);
		if (fits == -1)
			continue;
		entries[m++] = (struct intake_entry){
		    .at = now,
		    .id = json_str(recs[i], "id"),
		    .tenant = json_str(recs[i], "tenant"),
		    .queue = queue,
		    .priority = json_int(recs[i], "priority", 0),
		    .ready_at = ready_at,
		    .record = texts[i].data,
		    .record_len = texts[i].len,
		};
	}
	if (r == 0)
		r = queue_promise(q, entries, m, e);
	for (size_t i = 0; i < n; i++)
		buf_release(&texts[i]);
	forget_keys(keys, n);
	free(texts);
	free(entries);
	return r;
}
