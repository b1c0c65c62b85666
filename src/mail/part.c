#include "mail/part.h"

#include <stdlib.h>
#include <string.h>

#include "core/json_text.h"
#include "core/utf8.h"
#include "mail/encoded.h"

enum {
	NAME_MAX_BYTES = 1000,
	TYPE_MAX_BYTES = 255,
};

/* A copy without what would not fit. */
static char *
copy(const char *s, size_t len, size_t max)
{
	return xstrndup(s, utf8_cut(s, len, max));
}

static char *
copy_param(const struct params *params, const char *name)
{
	const struct param *p = params_find(params, name);

	return p != NULL && p->len > 0 ? copy(p->value, p->len, NAME_MAX_BYTES)
				       : NULL;
}

static char *
lower(char *s)
{
	for (char *p = s; p != NULL && *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return s;
}

/* "<id>" without its brackets (RFC 2392 2). */
static char *
copy_cid(const struct header *h, defect_set *defects)
{
	const struct header_field *f = header_next(h, "content-id", NULL);
	struct buf text = BUF_INIT;
	const char *s;
	size_t len;
	char *cid = NULL;

	if (f == NULL)
		return NULL;
	encoded_decode(f->value, NULL, &text, defects);
	s = text.data;
	len = text.len;
	if (len >= 2 && s[0] == '<' && s[len - 1] == '>') {
		s++;
		len -= 2;
	}
	if (len > 0)
		cid = copy(s, len, NAME_MAX_BYTES);
	buf_release(&text);
	return cid;
}

void
part_begin(struct part *p, const struct mime_part *m, bool is_sniffed)
{
	const char *type = m->type.value;

	*p = (struct part){
	    .path = xstrdup(m->path),
	    .type = copy(type, strlen(type), TYPE_MAX_BYTES),
	    .parent = m->parent,
	    .is_multipart = m->is_multipart,
	    .is_message = m->is_message,
	    .defects = m->type.defects | m->disposition.defects,
	};
	p->charset = lower(copy_param(&m->type, "charset"));
	p->name = copy_param(&m->disposition, "filename");
	if (p->name == NULL)
		p->name = copy_param(&m->type, "name");
	if (m->disposition.value[0] != '\0')
		p->disposition = copy(m->disposition.value,
		    strlen(m->disposition.value), TYPE_MAX_BYTES);
	p->cid = copy_cid(m->header, &p->defects);
	if (m->is_multipart)
		return;
	p->content = xcalloc(1, sizeof *p->content);
	p->content->is_sniffed = is_sniffed;
	transfer_begin(&p->content->transfer, m->encoding);
	digest_init(&p->content->digest);
}

static void
account(struct part *p, const char *decoded, size_t n)
{
	struct part_content *c = p->content;
	size_t room = c->is_sniffed ? SNIFF_BYTES - c->head.len : 0;

	c->decoded = decoded;
	c->n_decoded = n;
	p->size += (int64_t)n;
	digest_add(&c->digest, decoded, n);
	if (room > 0)
		buf_add(&c->head, decoded, n < room ? n : room);
}

void
part_add(struct part *p, const char *data, size_t n)
{
	struct part_content *c = p->content;

	if (c->transfer.encoding == MIME_IDENTITY) {
		account(p, data, n);
		return;
	}
	buf_reset(&c->space);
	transfer_add(&c->transfer, data, n, &c->space);
	account(p, c->space.data, c->space.len);
}

void
part_rest(struct part *p)
{
	struct part_content *c = p->content;

	buf_reset(&c->space);
	transfer_end(&c->transfer, &c->space);
	account(p, c->space.data, c->space.len);
}

static void
release_content(struct part *p)
{
	if (p->content == NULL)
		return;
	transfer_release(&p->content->transfer);
	buf_release(&p->content->head);
	buf_release(&p->content->space);
	free(p->content);
	p->content = NULL;
}

void
part_end(struct part *p, struct sniff *sniff)
{
	struct part_content *c = p->content;
	const char *type;

	digest_text(&c->digest, p->digest);
	p->defects |= c->transfer.defects;
	type = sniff != NULL && !p->is_message
		   ? sniff_type(sniff, p->type, c->head.data, c->head.len)
		   : NULL;
	if (type != NULL)
		p->sniffed = xstrdup(type);
	release_content(p);
}

void
part_release(struct part *p)
{
	release_content(p);
	free(p->path);
	free(p->type);
	free(p->charset);
	free(p->name);
	free(p->disposition);
	free(p->cid);
	free(p->sniffed);
}

bool
part_is_text(const struct part *p)
{
	if (p->is_multipart || p->is_message || p->is_inside_message)
		return false;
	if (strcmp(p->type, "text/plain") != 0 &&
	    strcmp(p->type, "text/html") != 0)
		return false;
	if (p->disposition != NULL && strcmp(p->disposition, "attachment") == 0)
		return false;
	return p->name == NULL || p->is_first;
}

bool
part_is_attachment(const struct part *p)
{
	return !p->is_multipart && !p->is_inside_message && !part_is_text(p);
}

static void
write_string(struct buf *out, const char *key, const char *value)
{
	if (value != NULL)
		json_text_member_str(out, key, value);
}

void
part_write(const struct part *p, struct buf *out)
{
	json_text_open(out, '{');
	write_string(out, "part", p->path);
	write_string(out, "type", p->type);
	write_string(out, "sniffed", p->sniffed);
	write_string(out, "charset", p->charset);
	write_string(out, "name", p->name);
	write_string(out, "disposition", p->disposition);
	write_string(out, "cid", p->cid);
	if (!p->is_multipart) {
		json_text_member_int(out, "size", p->size);
		write_string(out, "digest", p->digest);
	}
	buf_addch(out, '}');
}
