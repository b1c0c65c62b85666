#include "mail/examine.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/cell.h"
#include "core/json.h"
#include "core/json_text.h"
#include "core/route.h"
#include "core/tool.h"
#include "mail/defect.h"
#include "mail/envelope.h"
#include "mail/parse.h"

/* The answers of the cell; index is that of the record or the part. */
enum answer {
	ANSWER_FROM, /* a "From " line leads the message */
	ANSWER_ENVELOPE, /* JSON */
	ANSWER_FINGERPRINT,
	ANSWER_MESSAGE, /* JSON */
	ANSWER_CONTENT, /* bytes of a part */
};

enum {
	/*
	 * uuencode can make 31 bytes of one.  A parser that gives more would
	 * fill the disk.
	 */
	CONTENT_TIMES = 64,
};

struct examiner {
	const struct examine_wants *wants;
	struct cell *cell;
	struct cell_job job;
	struct examined out; /* the answers so far */
	struct err failed; /* of wants->content */
	int64_t size, content_size; /* of the message, and of what came of it */
	size_t content_index; /* of the part that it was of */
	/* In the cell: */
	struct parse_wants parse_wants;
	struct parse *parse;
};

static size_t
n_records(const struct examine_wants *w)
{
	return w->n_recipients > 0 ? w->n_recipients : 1;
}

static const char *
tenant_of(const struct examine_wants *w, const char *recipient)
{
	return w->tenant != NULL ? w->tenant
				 : route_tenant(w->routes, recipient);
}

/* In the cell. */

static void
cell_content(void *ctx, const struct part *part, size_t index, const char *data,
    size_t n)
{
	(void)ctx;
	if (part_is_attachment(part))
		cell_answer(ANSWER_CONTENT, (uint32_t)index, data, n);
}

static void
cell_enter(void *ctx)
{
	struct examiner *x = ctx;

	x->parse_wants.bodies = x->wants->bodies;
	x->parse_wants.sniff = sniff_new();
	if (x->wants->content != NULL)
		x->parse_wants.content = cell_content;
}

static void
cell_begin(void *ctx)
{
	struct examiner *x = ctx;

	x->parse = parse_new(&x->parse_wants);
}

static void
cell_add_bytes(void *ctx, const char *data, size_t n)
{
	struct examiner *x = ctx;

	parse_add(x->parse, data, n);
}

static void
answer_text(enum answer type, size_t index, const char *text, size_t n)
{
	cell_answer((uint8_t)type, (uint32_t)index, text, n);
}

static void
answer_envelope(const struct envelope *env, size_t i, defect_set *defects)
{
	struct buf text = BUF_INIT;

	json_dump(envelope_json(env, defects), &text);
	answer_text(ANSWER_ENVELOPE, i, text.data, text.len);
	buf_release(&text);
}

/* None: the parent makes one of the raw bytes. */
static void
answer_fingerprint(
    const struct examiner *x, const struct envelope *env, size_t i)
{
	const char *recipient = env->to.text != NULL ? env->to.text : "";
	const char *tenant = tenant_of(x->wants, recipient);
	char text[FINGERPRINT_TEXT];

	if (tenant == NULL || !parse_has_identity(x->parse))
		return;
	fingerprint_mail(tenant, recipient, parse_header(x->parse),
	    parse_body_digest(x->parse), text);
	answer_text(ANSWER_FINGERPRINT, i, text, strlen(text));
}

static void
cell_end_message(void *ctx)
{
	struct examiner *x = ctx;
	const struct examine_wants *w = x->wants;
	struct buf text = BUF_INIT;
	struct envelope env;
	defect_set defects;

	parse_end(x->parse);
	if (parse_from_size(x->parse) > 0)
		answer_text(ANSWER_FROM, 0, NULL, 0);
	envelope_resolve(&env, w->sender,
	    w->n_recipients > 0 ? w->recipients[0] : NULL,
	    parse_header(x->parse));
	defects = env.defects;
	for (size_t i = 0; i < n_records(w); i++) {
		if (i > 0)
			envelope_set_recipient(&env, w->recipients[i]);
		answer_envelope(&env, i, &defects);
		answer_fingerprint(x, &env, i);
	}
	parse_write(x->parse, env.from.text, defects, &text);
	answer_text(ANSWER_MESSAGE, 0, text.data, text.len);
	buf_release(&text);
	envelope_release(&env);
	parse_free(x->parse);
	x->parse = NULL;
}

/* In the parent: nothing that the cell says is believed unseen. */

static void
begin(struct examiner *x)
{
	size_t n = n_records(x->wants);

	examined_release(&x->out);
	x->out.records = xcalloc(n, sizeof *x->out.records);
	x->out.n = n;
	x->failed = (struct err)ERR_INIT;
	x->size = x->content_size = 0;
	x->content_index = 0;
}

/* It becomes part of a line as it is: it must be one object without line end.
 */
static bool
is_object(const char *text, size_t n, json *out)
{
	struct err e = ERR_INIT;

	if (memchr(text, '\n', n) != NULL || json_parse(text, n, out, &e) == -1)
		return false;
	if (json_kind(*out) == JSON_OBJECT)
		return true;
	json_free(*out);
	return false;
}

/* It is shown to people: see address_clean. */
static bool
is_printable(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return false;
	return true;
}

static bool
take_envelope(
    struct examiner *x, struct examined_record *r, const char *text, size_t n)
{
	const struct examine_wants *w = x->wants;
	const char *to, *tenant;
	json envelope;

	if (r->recipient != NULL || !is_object(text, n, &envelope))
		return false;
	to = json_str(envelope, "to");
	if (to != NULL && !is_printable(to)) {
		json_free(envelope);
		return false;
	}
	if (w->n_recipients > 0)
		to = w->recipients[r - x->out.records];
	r->recipient = xstrdup(to != NULL ? to : "");
	tenant = tenant_of(w, r->recipient);
	r->tenant = tenant != NULL ? xstrdup(tenant) : NULL;
	buf_add(&r->envelope, text, n);
	json_free(envelope);
	return true;
}

static bool
take_fingerprint(struct examined_record *r, const char *text, size_t n)
{
	if (n != FINGERPRINT_TEXT - 1 || memcmp(text, "f1:", 3) != 0)
		return false;
	for (size_t i = 3; i < n; i++)
		if (memchr("0123456789abcdef", text[i], 16) == NULL)
			return false;
	memcpy(r->fingerprint, text, n);
	return true;
}

static bool
take_message(struct examiner *x, const char *text, size_t n)
{
	struct err e = ERR_INIT;

	if (x->out.message.len > 0 || n == 0 || text[0] != '{' ||
	    memchr(text, '\n', n) != NULL || json_check(text, n, &e) == -1)
		return false;
	buf_add(&x->out.message, text, n);
	return true;
}

static bool
take_content(struct examiner *x, size_t index, const char *data, size_t n)
{
	const struct examine_wants *w = x->wants;

	x->content_size += (int64_t)n;
	if (w->content == NULL || index >= MIME_PARTS_MAX ||
	    index < x->content_index ||
	    x->content_size > CONTENT_TIMES * x->size)
		return false;
	x->content_index = index;
	if (x->failed.class == ERR_NONE)
		w->content(w->ctx, index, data, n, &x->failed);
	return true;
}

/* Is it an answer that a parser of ours gives? */
static bool
answered(void *ctx, uint8_t type, uint32_t index, const char *data, size_t n)
{
	struct examiner *x = ctx;
	struct examined_record *r = NULL;

	if (index < x->out.n)
		r = &x->out.records[index];
	if (type == ANSWER_FROM)
		return x->out.has_from = true;
	if (type == ANSWER_MESSAGE)
		return take_message(x, data, n);
	if (type == ANSWER_CONTENT)
		return take_content(x, index, data, n);
	if (type == ANSWER_ENVELOPE && r != NULL)
		return take_envelope(x, r, data, n);
	if (type == ANSWER_FINGERPRINT && r != NULL)
		return take_fingerprint(r, data, n);
	return false;
}

struct examiner *
examiner_new(const struct examine_wants *wants, struct err *e)
{
	struct examiner *x = xcalloc(1, sizeof *x);

	x->wants = wants;
	x->job = (struct cell_job){
	    .enter = cell_enter,
	    .begin = cell_begin,
	    .add = cell_add_bytes,
	    .end = cell_end_message,
	    .ctx = x,
	};
	x->cell = cell_new(&x->job, answered, x, e);
	if (x->cell == NULL) {
		free(x);
		return NULL;
	}
	begin(x);
	return x;
}

void
examiner_free(struct examiner *x)
{
	if (x == NULL)
		return;
	cell_free(x->cell);
	examined_release(&x->out);
	free(x);
}

/* Did our own side fail, where the cell's answer had to go? */
static int
checked(struct examiner *x, enum cell_state state, struct err *e)
{
	if (state == CELL_DIED)
		tool_verbose("the parser died: %s", cell_death(x->cell));
	if (x->failed.class == ERR_NONE)
		return (int)state;
	*e = x->failed;
	return -1;
}

int
examiner_add(struct examiner *x, const char *data, size_t n, struct err *e)
{
	x->size += (int64_t)n;
	return checked(x, cell_add(x->cell, data, n, e), e);
}

static bool
is_complete(const struct examiner *x)
{
	for (size_t i = 0; i < x->out.n; i++)
		if (x->out.records[i].recipient == NULL)
			return false;
	return x->out.message.len > 0;
}

int
examiner_end(struct examiner *x, struct examined *out, struct err *e)
{
	int r = checked(x, cell_end(x->cell, e), e);

	if (r == 1 && !is_complete(x)) {
		tool_verbose("the parser gave no sensible answer");
		r = 0;
	}
	if (r != 1)
		return r;
	*out = x->out;
	x->out = (struct examined){0};
	begin(x);
	return 1;
}

int
examiner_again(struct examiner *x, struct err *e)
{
	begin(x);
	return (int)cell_restart(x->cell, e);
}

void
examiner_give_up(struct examiner *x, struct examined *out)
{
	static const struct header none;
	const struct examine_wants *w = x->wants;
	defect_set defects = DEFECT_PARSER_KILLED;
	struct envelope env;

	begin(x);
	envelope_resolve(&env, w->sender,
	    w->n_recipients > 0 ? w->recipients[0] : NULL, &none);
	defects |= env.defects;
	for (size_t i = 0; i < x->out.n; i++) {
		struct buf text = BUF_INIT;

		if (i > 0)
			envelope_set_recipient(&env, w->recipients[i]);
		json_dump(envelope_json(&env, &defects), &text);
		take_envelope(x, &x->out.records[i], text.data, text.len);
		buf_release(&text);
	}
	json_text_open(&x->out.message, '{');
	json_text_key(&x->out.message, "defects");
	json_dump(defect_list(defects), &x->out.message);
	buf_addch(&x->out.message, '}');
	envelope_release(&env);
	*out = x->out;
	out->has_from = true;
	x->out = (struct examined){0};
	begin(x);
}

void
examined_release(struct examined *out)
{
	for (size_t i = 0; i < out->n; i++) {
		buf_release(&out->records[i].envelope);
		free(out->records[i].recipient);
		free(out->records[i].tenant);
	}
	free(out->records);
	buf_release(&out->message);
	*out = (struct examined){0};
}
