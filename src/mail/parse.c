#include "mail/parse.h"

#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/json_text.h"
#include "mail/body.h"
#include "mail/fields.h"
#include "mail/fingerprint.h"
#include "mail/flags.h"
#include "mail/mime.h"

enum {
	/* JSON text; what would be longer is left out, record-too-long. */
	PARTS_MAX = 1024 * 1024,
	TEXT_MAX = 1024 * 1024,
};

struct parse {
	const struct parse_wants *wants;
	struct mime *mime;
	struct part *parts;
	size_t n_parts;
	struct body text, html;
	struct body *body; /* that the part at hand belongs to, or NULL */
	bool is_dsn;
	int64_t size;
	defect_set defects;
	/* For the digest of the body. */
	struct buf early; /* what came before it is known where it begins */
	bool is_in_body;
	struct body_digest bodying;
	char body_digest[DIGEST_TEXT];
};

static void
pass_on(struct parse *p, size_t index)
{
	const struct part *part = &p->parts[index];
	const struct part_content *c = part->content;

	if (c->n_decoded == 0)
		return;
	if (p->body != NULL && !part->is_message)
		body_add(p->body, c->decoded, c->n_decoded);
	if (p->wants->content != NULL)
		p->wants->content(
		    p->wants->ctx, part, index, c->decoded, c->n_decoded);
}

static bool
is_inside_message(const struct parse *p, const struct mime_part *m)
{
	const struct part *parent = &p->parts[m->parent];

	return m->index > 0 &&
	       (parent->is_message || parent->is_inside_message);
}

static bool
ends_in_one(const char *path)
{
	const char *dot = strrchr(path, '.');

	return strcmp(dot != NULL ? dot + 1 : path, "1") == 0;
}

static struct sniff *
sniff_of(const struct parse *p, size_t index)
{
	return index < PARSE_SNIFF_MAX ? p->wants->sniff : NULL;
}

static void
begin_part(void *ctx, const struct mime_part *m)
{
	struct parse *p = ctx;
	struct part *part;

	if (p->n_parts % 16 == 0)
		p->parts =
		    xrealloc(p->parts, p->n_parts + 16, sizeof *p->parts);
	part = &p->parts[p->n_parts++];
	part_begin(part, m, sniff_of(p, p->n_parts - 1) != NULL);
	part->is_first = ends_in_one(part->path);
	part->is_inside_message = is_inside_message(p, m);
	p->is_dsn |= !part->is_inside_message &&
		     strcmp(part->type, "message/delivery-status") == 0;
	if (part->is_multipart || part->is_message)
		return;
	p->body = NULL;
	if (!p->wants->bodies || !part_is_text(part))
		return;
	p->body = strcmp(part->type, "text/html") == 0 ? &p->html : &p->text;
	body_begin(p->body, part->charset);
}

static void
add_content(void *ctx, size_t index, const char *data, size_t n)
{
	struct parse *p = ctx;

	part_add(&p->parts[index], data, n);
	pass_on(p, index);
}

static void
end_part(void *ctx, size_t index)
{
	struct parse *p = ctx;
	struct part *part = &p->parts[index];

	if (part->is_multipart)
		return;
	part_rest(part);
	pass_on(p, index);
	part_end(part, sniff_of(p, index));
	p->defects |= part->defects;
	if (part->is_message)
		return;
	if (p->body != NULL)
		body_end(p->body);
	p->body = NULL;
}

static const struct mime_events events = {begin_part, add_content, end_part};

struct parse *
parse_new(const struct parse_wants *wants)
{
	struct parse *p = xcalloc(1, sizeof *p);

	p->wants = wants;
	p->mime = mime_new(&events, p);
	body_digest_init(&p->bodying);
	return p;
}

/* Its body begins somewhere in early, or in the n bytes after it. */
static void
enter_body(struct parse *p, const char *data, size_t n)
{
	size_t at = mime_header_size(p->mime), skip = 0;

	p->is_in_body = true;
	if (at < p->early.len)
		body_digest_add(
		    &p->bodying, p->early.data + at, p->early.len - at);
	else
		skip = at - p->early.len;
	if (skip < n)
		body_digest_add(&p->bodying, data + skip, n - skip);
	buf_release(&p->early);
}

void
parse_add(struct parse *p, const char *data, size_t n)
{
	p->size += (int64_t)n;
	if (!(p->defects & DEFECT_NUL) && memchr(data, '\0', n) != NULL)
		p->defects |= DEFECT_NUL;
	mime_add(p->mime, data, n);
	if (p->is_in_body)
		body_digest_add(&p->bodying, data, n);
	else if (p->n_parts > 0)
		enter_body(p, data, n);
	else
		buf_add(&p->early, data, n);
}

void
parse_end(struct parse *p)
{
	const struct header *h;

	mime_end(p->mime);
	if (!p->is_in_body)
		enter_body(p, NULL, 0);
	body_digest_text(&p->bodying, p->body_digest);
	p->defects |= mime_defects(p->mime) | p->text.defects | p->html.defects;
	if (p->size == 0)
		p->defects |= DEFECT_EMPTY;
	h = mime_header(p->mime);
	if (!fingerprint_has_identity(h))
		p->defects |= DEFECT_NO_IDENTITY;
}

void
parse_free(struct parse *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->n_parts; i++)
		part_release(&p->parts[i]);
	free(p->parts);
	mime_free(p->mime);
	body_release(&p->text);
	body_release(&p->html);
	buf_release(&p->early);
	free(p);
}

const struct header *
parse_header(const struct parse *p)
{
	return mime_header(p->mime);
}

bool
parse_has_identity(const struct parse *p)
{
	const struct header *h = mime_header(p->mime);

	/* What is odd about the header of a part does not matter. */
	return (h->defects &
		   (DEFECT_HEADER_TOO_LONG | DEFECT_TOO_MANY_FIELDS)) == 0 &&
	       (p->defects & DEFECT_NO_IDENTITY) == 0;
}

size_t
parse_from_size(const struct parse *p)
{
	return mime_from_size(p->mime);
}

const char *
parse_body_digest(const struct parse *p)
{
	return p->body_digest;
}

static void
write_body(
    const struct body *b, const char *key, struct buf *out, defect_set *defects)
{
	size_t start = out->len;

	if (!b->is_there)
		return;
	json_text_member(
	    out, key, b->text.data != NULL ? b->text.data : "", b->text.len);
	if (json_text_limit(out, start, TEXT_MAX))
		*defects |= DEFECT_RECORD_TOO_LONG;
}

static void
write_parts(const struct parse *p, struct buf *out, defect_set *defects)
{
	size_t start, before;

	json_text_key(out, "parts");
	buf_addch(out, '[');
	start = out->len;
	for (size_t i = 0; i < p->n_parts; i++) {
		before = out->len;
		part_write(&p->parts[i], out);
		if (!json_text_limit(out, before, PARTS_MAX - (before - start)))
			continue;
		*defects |= DEFECT_RECORD_TOO_LONG;
		break;
	}
	buf_addch(out, ']');
}

/* The charset that the message declares, for raw bytes in its header. */
static const struct charset *
header_charset(const struct parse *p)
{
	const char *label = p->n_parts > 0 ? p->parts[0].charset : NULL;

	return label != NULL ? charset_find(label, strlen(label)) : NULL;
}

void
parse_write(
    struct parse *p, const char *sender, defect_set more, struct buf *out)
{
	const struct header *h = mime_header(p->mime);
	defect_set defects = p->defects | more;

	buf_addch(out, '{');
	fields_write(h, header_charset(p), out, &defects);
	write_parts(p, out, &defects);
	write_body(&p->text, "text", out, &defects);
	write_body(&p->html, "html", out, &defects);
	flags_write(h, sender, p->is_dsn, out);
	if (defects != 0) {
		json_text_key(out, "defects");
		json_dump(defect_list(defects), out);
	}
	buf_addch(out, '}');
}
