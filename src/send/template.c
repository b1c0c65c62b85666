#include "send/template.h"

#include <stdlib.h>
#include <string.h>

enum {
	NEST_MAX = 200, /* brackets in an expression */
	EXPR_SHOWN = 60, /* bytes of one in an error */
};

/* The end of an expression: its "}}", which is in no string and no bracket. */
static const char *
find_end(const char *s, const char *end, const char *mark)
{
	char open[NEST_MAX]; /* '"', '(' of "\(", and brackets */
	size_t n = 0, mark_len = strlen(mark);

	for (; s < end; s++) {
		bool is_string = n > 0 && open[n - 1] == '"';

		if (n == 0 && (size_t)(end - s) >= mark_len &&
		    memcmp(s, mark, mark_len) == 0)
			return s;
		if (is_string && *s == '\\' && s + 1 < end) {
			s++;
			if (*s != '(')
				continue;
		} else if (is_string && *s != '"') {
			continue;
		}
		if ((*s == '"' && is_string) || strchr(")]}", *s) != NULL)
			n -= n > 0;
		else if (strchr("\"([{", *s) != NULL && n < NEST_MAX)
			open[n++] = *s;
	}
	return NULL;
}

static struct template_piece *
add_piece(struct template_string *s, const char *text, size_t len)
{
	struct template_piece *p;

	if (s->n % 16 == 0)
		s->pieces = xrealloc(s->pieces, s->n + 16, sizeof *s->pieces);
	p = &s->pieces[s->n++];
	*p = (struct template_piece){.text = xstrndup(text, len), .len = len};
	return p;
}

/* Cut a string into pieces. */
static int
cut(struct template *t, struct template_string *s, const char *text,
    const char *end, struct err *e)
{
	while (text < end) {
		const char *at = memmem(text, (size_t)(end - text), "{{", 2);
		struct template_piece *p;
		const char *stop;
		bool is_raw;

		if (at == NULL)
			at = end;
		if (at > text)
			add_piece(s, text, (size_t)(at - text));
		if (at == end)
			break;
		is_raw = end - at > 2 && at[2] == '{';
		at += is_raw ? 3 : 2;
		stop = find_end(at, end, is_raw ? "}}}" : "}}");
		if (stop == NULL)
			return err_set(e, ERR_USAGE,
			    "%s: \"%s\" without an end", s->path,
			    is_raw ? "{{{" : "{{");
		p = add_piece(s, at, (size_t)(stop - at));
		p->is_expr = true;
		p->is_raw = is_raw;
		p->index = t->n_exprs++;
		text = stop + (is_raw ? 3 : 2);
	}
	return 0;
}

static int
parse_string(struct template *t, json v, const char *path, struct err *e)
{
	const char *s = json_string_value(v);
	size_t len = json_string_len(v);
	struct template_string *string;

	if (memmem(s, len, "{{", 2) == NULL)
		return 0;
	if (strlen(s) != len)
		return err_set(e, ERR_USAGE, "%s: there is a NUL in it", path);
	if (t->n % 16 == 0)
		t->strings =
		    xrealloc(t->strings, t->n + 16, sizeof *t->strings);
	string = &t->strings[t->n++];
	*string = (struct template_string){
	    .path = xstrdup(path), .is_html = strcmp(path, "mail.html") == 0};
	return cut(t, string, s, s + len, e);
}

/* The same order as fill has.  Depth is that of JSON. */
static int
parse(struct template *t, json v, struct buf *path, struct err *e)
{
	size_t len = path->len, key_len;
	int r = 0;

	if (json_kind(v) == JSON_STRING)
		return parse_string(t, v, len > 0 ? path->data : "", e);
	for (int i = 0, n = json_count(v); r == 0 && i < n; i++) {
		json item = json_at(v, i);

		if (json_kind(v) == JSON_OBJECT)
			buf_addf(path, "%s%s", len > 0 ? "." : "",
			    json_key_at(v, i, &key_len));
		else
			buf_addf(path, "[%d]", i);
		r = parse(t, item, path, e);
		path->len = len;
		path->data[len] = '\0';
		json_free(item);
	}
	return r;
}

int
template_parse(struct template *t, json root, struct err *e)
{
	struct buf path = BUF_INIT;
	int r;

	*t = (struct template){.root = root};
	r = parse(t, root, &path, e);
	buf_release(&path);
	if (r == 0 && t->n_exprs == 0)
		r = err_set(e, ERR_USAGE,
		    "no {{ }} in it: each line would make the same mail");
	return r;
}

void
template_release(struct template *t)
{
	for (size_t i = 0; i < t->n; i++) {
		for (size_t k = 0; k < t->strings[i].n; k++)
			free(t->strings[i].pieces[k].text);
		free(t->strings[i].pieces);
		free(t->strings[i].path);
	}
	free(t->strings);
	json_free(t->root);
	*t = (struct template){.root = json_none()};
}

/* Line ends, so that a comment ends where its expression does. */
void
template_program(const struct template *t, struct buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < t->strings[i].n; k++) {
			const struct template_piece *p =
			    &t->strings[i].pieces[k];

			if (!p->is_expr)
				continue;
			buf_addstr(out, n++ == 0 ? "[" : ",");
			buf_addf(out,
			    "(try [limit(2;(%s\n))] catch "
			    "{error:tostring})",
			    p->text);
		}
	buf_addch(out, ']');
}

static void
add_where(const struct template_string *s, const struct template_piece *p,
    struct buf *out)
{
	const char *text = p->text + strspn(p->text, " \t\n");
	size_t n = strlen(text);

	while (n > 0 && strchr(" \t\n", text[n - 1]) != NULL)
		n--;
	buf_addf(out, "%s: {{ %.*s%s }}", s->path,
	    (int)(n < EXPR_SHOWN ? n : EXPR_SHOWN), text,
	    n > EXPR_SHOWN ? "..." : "");
}

/* The piece, and the string that it is in. */
static const struct template_piece *
find(const struct template *t, size_t index, const struct template_string **in)
{
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < t->strings[i].n; k++) {
			const struct template_piece *p =
			    &t->strings[i].pieces[k];

			if (p->is_expr && p->index == index) {
				*in = &t->strings[i];
				return p;
			}
		}
	return NULL;
}

const char *
template_expr(const struct template *t, size_t index)
{
	const struct template_string *in;
	const struct template_piece *p = find(t, index, &in);

	return p != NULL ? p->text : NULL;
}

void
template_where(const struct template *t, size_t index, struct buf *out)
{
	const struct template_string *in;
	const struct template_piece *p = find(t, index, &in);

	if (p != NULL)
		add_where(in, p, out);
}

/* What went wrong with an expression for this line. */
static int
wrong(const struct template_string *s, const struct template_piece *p,
    const char *what, struct err *e)
{
	struct buf where = BUF_INIT;

	add_where(s, p, &where);
	err_set(e, ERR_DATA, "%s: %s", where.data, what);
	buf_release(&where);
	return -1;
}

/* The one value of an expression; JSON_NONE: ERR_DATA. */
static json
value_of(const struct template_string *s, const struct template_piece *p,
    json answers, struct err *e)
{
	json outputs = json_at(answers, (int)p->index), v = json_none();

	if (json_kind(outputs) != JSON_ARRAY)
		wrong(s, p,
		    json_str(outputs, "error") != NULL
			? json_str(outputs, "error")
			: "no answer",
		    e);
	else if (json_count(outputs) == 0)
		wrong(s, p, "it has no value", e);
	else if (json_count(outputs) > 1)
		wrong(s, p, "it has several values", e);
	else
		v = json_at(outputs, 0);
	json_free(outputs);
	if (json_kind(v) != JSON_NULL)
		return v;
	wrong(s, p, "it is missing, or null", e);
	return json_none();
}

static void
add_escaped(struct buf *out, const char *s, size_t n)
{
	static const char special[] = "&<>\"'";
	static const char *const names[] = {
	    "&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};

	for (size_t i = 0; i < n; i++) {
		const char *at = s[i] != '\0' ? strchr(special, s[i]) : NULL;

		if (at != NULL)
			buf_addstr(out, names[at - special]);
		else
			buf_addch(out, s[i]);
	}
}

/* A value within text.  Consumes v. */
static int
add_value(const struct template_string *s, const struct template_piece *p,
    json v, struct buf *out, struct err *e)
{
	enum json_kind kind = json_kind(v);
	struct buf text = BUF_INIT;

	if (kind == JSON_ARRAY || kind == JSON_OBJECT) {
		json_free(v);
		return wrong(s, p,
		    kind == JSON_ARRAY ? "an array cannot stand in text"
				       : "an object cannot stand in text",
		    e);
	}
	if (kind == JSON_STRING) {
		buf_add(&text, json_string_value(v), json_string_len(v));
		json_free(v);
	} else {
		json_dump(v, &text);
	}
	if (text.len > 0 && s->is_html && !p->is_raw)
		add_escaped(out, text.data, text.len);
	else if (text.len > 0)
		buf_add(out, text.data, text.len);
	buf_release(&text);
	return 0;
}

static int
fill_string(
    const struct template_string *s, json answers, json *out, struct err *e)
{
	struct buf text = BUF_INIT;
	int r = 0;

	if (s->n == 1 && !s->is_html) {
		*out = value_of(s, &s->pieces[0], answers, e);
		return json_is_valid(*out) ? 0 : -1;
	}
	buf_addstr(&text, "");
	for (size_t i = 0; r == 0 && i < s->n; i++) {
		const struct template_piece *p = &s->pieces[i];
		json v;

		if (!p->is_expr) {
			buf_add(&text, p->text, p->len);
			continue;
		}
		v = value_of(s, p, answers, e);
		r = json_is_valid(v) ? add_value(s, p, v, &text, e) : -1;
	}
	*out = r == 0 ? json_stringn(text.data, text.len) : json_none();
	buf_release(&text);
	return r;
}

static int fill(const struct template *t, size_t *next, json v, json answers,
    json *out, struct err *e);

/* Of an array or object, those that are other now. */
static int
fill_all(const struct template *t, size_t *next, json v, json answers,
    json *out, struct err *e)
{
	size_t key_len;
	int r = 0;

	*out = json_copy(v);
	for (int i = 0, n = json_count(v); r == 0 && i < n; i++) {
		json item = json_at(v, i), filled = json_none();
		size_t before = *next;

		r = fill(t, next, item, answers, &filled, e);
		json_free(item);
		if (r == -1 || *next == before)
			json_free(filled);
		else if (json_kind(v) == JSON_ARRAY)
			*out = json_set_at(*out, i, filled);
		else
			*out =
			    json_set(*out, json_key_at(v, i, &key_len), filled);
	}
	if (r == -1) {
		json_free(*out);
		*out = json_none();
	}
	return r;
}

/* Depth is that of JSON. */
static int
fill(const struct template *t, size_t *next, json v, json answers, json *out,
    struct err *e)
{
	bool is_string = json_kind(v) == JSON_STRING;

	if (is_string &&
	    memmem(json_string_value(v), json_string_len(v), "{{", 2) != NULL)
		return fill_string(&t->strings[(*next)++], answers, out, e);
	if (json_kind(v) == JSON_ARRAY || json_kind(v) == JSON_OBJECT)
		return fill_all(t, next, v, answers, out, e);
	*out = json_copy(v);
	return 0;
}

int
template_fill(const struct template *t, json answers, json *out, struct err *e)
{
	size_t next = 0;

	return fill(t, &next, t->root, answers, out, e);
}
