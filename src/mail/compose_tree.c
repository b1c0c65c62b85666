#include "mail/compose_tree.h"

#include <stdlib.h>
#include <string.h>

#include "mail/compose_enclosure.h"
#include "mail/compose_text.h"

enum {
	DIGITS = 32, /* of the digest, in a boundary */
	MULTIS = 3,
};

/* A text, an enclosure, or a multipart. */
struct node {
	struct node *next; /* beside it */
	const struct enclosure *enclosure;
	struct buf fields, body; /* of a text */
	/* Of a multipart: */
	struct node *first, *last;
	const char *subtype;
	char mark; /* so that no boundary begins with another */
};

struct tree {
	struct node text, html, multis[MULTIS];
	size_t n_multis;
	struct enclosure *enclosures;
	struct node *files; /* one each */
	size_t n;
	char digest[DIGEST_TEXT];
	const struct compose *how;
	struct sink *out;
};

static void
add_child(struct node *multi, struct node *child)
{
	if (multi->last != NULL)
		multi->last->next = child;
	else
		multi->first = child;
	multi->last = child;
}

/* first, which may be NULL, and others after it. */
static struct node *
multipart(struct tree *t, const char *subtype, struct node *first)
{
	struct node *m = &t->multis[t->n_multis++];

	m->subtype = subtype;
	m->mark = (char)('0' + t->n_multis);
	if (first != NULL)
		add_child(m, first);
	return m;
}

/* The files of one kind around a node. */
static struct node *
with_files(
    struct tree *t, struct node *inside, bool is_related, const char *subtype)
{
	struct node *m = NULL;

	for (size_t i = 0; i < t->n; i++) {
		if (t->enclosures[i].attachment->is_related != is_related)
			continue;
		if (m == NULL)
			m = multipart(t, subtype, inside);
		add_child(m, &t->files[i]);
	}
	return m != NULL ? m : inside;
}

static struct node *
build(struct tree *t, const struct section *s)
{
	struct node *top = NULL, *html;

	if (s->text.data != NULL)
		top = &t->text;
	if (s->html.data != NULL) {
		html = with_files(
		    t, &t->html, true, "related; type=\"text/html\"");
		if (top != NULL) {
			top = multipart(t, "alternative", top);
			add_child(top, html);
		} else {
			top = html;
		}
	}
	return with_files(t, top, false, "mixed");
}

static void
render(struct node *node, const char *subtype, struct text text, bool is_jis)
{
	if (text.data != NULL)
		text_part(subtype, text.data, text.len, is_jis, &node->fields,
		    &node->body);
}

static int
look_at_files(
    struct tree *t, const struct section *s, struct digest *d, struct err *e)
{
	for (size_t i = 0; i < s->n_attachments; i++) {
		struct enclosure *f = &t->enclosures[i];

		t->n++;
		t->files[i].enclosure = f;
		if (enclosure_look(
			f, &s->attachments[i], s->is_jis, t->how, d, e) == -1)
			return -1;
		digest_add(d, f->fields.data, f->fields.len);
	}
	return 0;
}

/* Everything but the bytes of attachments. */
static int
prepare(struct tree *t, const struct section *s, const struct buf *header,
    struct err *e)
{
	struct digest d;

	render(&t->text, "plain", s->text, s->is_jis);
	render(&t->html, "html", s->html, s->is_jis);
	if (s->n_attachments == 0 &&
	    (s->text.data == NULL || s->html.data == NULL))
		return 0; /* one part: there is no boundary */
	digest_init(&d);
	digest_add(&d, header->data, header->len);
	digest_add(&d, t->text.body.data, t->text.body.len);
	digest_add(&d, t->html.body.data, t->html.body.len);
	if (look_at_files(t, s, &d, e) == -1)
		return -1;
	digest_text(&d, t->digest);
	return 0;
}

static char *
boundary(const struct tree *t, const struct node *multi)
{
	return xasprintf(
	    "=_%c%.*s", multi->mark, DIGITS, t->digest + strlen("b2:"));
}

static int write_node(const struct tree *t, const struct node *node);

static int
write_multipart(const struct tree *t, const struct node *node)
{
	char *mark = boundary(t, node);
	char *text = xasprintf("Content-Type: multipart/%s;\r\n"
			       " boundary=\"%s\"\r\n",
	    node->subtype, mark);
	int r = sink_addstr(t->out, text);

	for (const struct node *n = node->first; n != NULL && r == 0;
	     n = n->next) {
		free(text);
		text = xasprintf("\r\n--%s\r\n", mark);
		r = sink_addstr(t->out, text);
		if (r == 0)
			r = write_node(t, n);
	}
	free(text);
	text = xasprintf("\r\n--%s--\r\n", mark);
	if (r == 0)
		r = sink_addstr(t->out, text);
	free(text);
	free(mark);
	return r;
}

/* Its fields and its body; at most three deep. */
static int
write_node(const struct tree *t, const struct node *node)
{
	if (node->subtype != NULL)
		return write_multipart(t, node);
	if (node->enclosure != NULL) {
		const struct buf *fields = &node->enclosure->fields;

		if (sink_add(t->out, fields->data, fields->len) == -1 ||
		    sink_addstr(t->out, "\r\n") == -1)
			return -1;
		return enclosure_write(node->enclosure, t->how, t->out);
	}
	if (sink_add(t->out, node->fields.data, node->fields.len) == -1 ||
	    sink_addstr(t->out, "\r\n") == -1)
		return -1;
	return sink_add(t->out, node->body.data, node->body.len);
}

static void
release(struct tree *t)
{
	buf_release(&t->text.fields);
	buf_release(&t->text.body);
	buf_release(&t->html.fields);
	buf_release(&t->html.body);
	for (size_t i = 0; i < t->n; i++)
		enclosure_release(&t->enclosures[i]);
	free(t->enclosures);
	free(t->files);
}

int
tree_write(const struct section *s, const struct compose *how,
    const struct buf *header, struct sink *out)
{
	struct tree t = {.how = how, .out = out};
	const struct node *top;
	int r;

	t.enclosures = xcalloc(s->n_attachments + 1, sizeof *t.enclosures);
	t.files = xcalloc(s->n_attachments + 1, sizeof *t.files);
	r = prepare(&t, s, header, out->e);
	if (r == 0) {
		top = build(&t, s);
		r = sink_add(out, header->data, header->len);
		if (r == 0)
			r = write_node(&t, top);
	}
	release(&t);
	return r;
}
