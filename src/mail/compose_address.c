#include "mail/compose_address.h"

#include <stdlib.h>
#include <string.h>

#include "mail/compose_field.h"
#include "mail/idna.h"
#include "mail/mailbox.h"

enum {
	QUOTED_MAX = 60, /* bytes of a name in quotes, which can't be folded */
	TEXT_MAX = ADDRESS_NAME_MAX + ADDRESS_SEND_MAX + 64,
};

const char *
mailbox_domain(const char *address)
{
	return strrchr(address, '@') + 1;
}

/* Labels of letters, digits, '-' and '_', or a literal in brackets. */
static bool
is_host(const char *s, size_t n)
{
	size_t label = 0;

	if (n > 2 && s[0] == '[')
		return s[n - 1] == ']' && text_is_token((struct text){s, n}) &&
		       memchr(s, '\\', n) == NULL;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '.' && label == 0)
			return false;
		label = c == '.' ? 0 : label + 1;
		if (c < 0x80 && strchr("abcdefghijklmnopqrstuvwxyz"
				       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "0123456789-_.",
				    c) == NULL)
			return false;
	}
	return label > 0;
}

/* Only what can't be said in ASCII anyway may keep such a domain. */
static int
set_address(struct mailbox *m, const struct where *w, const char *s, size_t n,
    struct err *e)
{
	struct text local = {s, 0};
	struct buf out = BUF_INIT;
	const char *domain;

	m->address = xstrndup(s, n);
	domain = mailbox_domain(m->address);
	local.len = (size_t)(domain - 1 - m->address);
	if (n > ADDRESS_SEND_MAX)
		return where_wrong(w, e, "has %zu bytes, at most %d are taken",
		    n, ADDRESS_SEND_MAX);
	if (local.len == 0 || !is_host(domain, strlen(domain)))
		return where_wrong(w, e, "is no address: %s",
		    local.len == 0 ? "nothing stands before the @"
				   : "its domain is none");
	if (text_is_ascii((struct text){domain, strlen(domain)}))
		return 0;
	buf_add(&out, m->address, local.len + 1);
	if (idna_to_ascii(domain, strlen(domain), &out)) {
		free(m->address);
		m->address = buf_detach(&out);
		return 0;
	}
	buf_release(&out);
	if (!text_is_ascii(local))
		return 0;
	return where_wrong(w, e,
	    "write its domain in ASCII (xn--…): it has letters that have to be "
	    "mapped first");
}

/* The one mailbox that is found in text; JSON_NONE: there is another number. */
static json
parse(struct text t, defect_set *defects, int *n)
{
	json list = mailbox_list(
	    json_array(), (struct slice){t.data, t.len}, NULL, defects);
	json one = json_at(list, 0);

	*n = json_count(list);
	json_free(list);
	return one;
}

static int
not_one(const struct where *w, int n, json one, struct err *e)
{
	if (n > 1)
		return where_wrong(
		    w, e, "is not one address: write an array of them");
	if (n == 1 && json_has(one, "group"))
		return where_wrong(w, e, "is a group");
	return where_wrong(w, e, "is no address");
}

/* The address is all that t says, or name is to be filled. */
static int
read_text(struct mailbox *m, const struct where *w, struct text t,
    bool has_name, struct err *e)
{
	defect_set defects = 0;
	const char *address;
	size_t len;
	int n, r = -1;
	json one = parse(t, &defects, &n);

	address = json_strn(one, "address", &len);
	if (n != 1 || address == NULL || json_has(one, "group") ||
	    defects != 0) {
		not_one(w, n, one, e);
	} else if (!has_name &&
		   (len != t.len || memcmp(address, t.data, len) != 0)) {
		where_wrong(w, e, "has more in it than an address");
	} else {
		if (json_str(one, "name") != NULL)
			m->name = xstrdup(json_str(one, "name"));
		r = set_address(m, w, address, len, e);
	}
	json_free(one);
	return r;
}

static int
read_object(struct mailbox *m, const struct where *w, json v, struct err *e)
{
	struct where at = *w;
	struct text name, address;

	if (where_members(w, v, "name address", e) == -1)
		return -1;
	at.sub = "name";
	if (where_line_of(&at, v, "name", ADDRESS_NAME_MAX, &name, e) == -1)
		return -1;
	at.sub = "address";
	if (where_line_of(&at, v, "address", TEXT_MAX, &address, e) == -1)
		return -1;
	if (address.data == NULL)
		return where_wrong(w, e, "has no address");
	if (read_text(m, &at, address, false, e) == -1)
		return -1;
	if (name.len > 0)
		m->name = xstrndup(name.data, name.len);
	return 0;
}

static int
read_one(struct mailbox *m, const struct where *w, json v, struct err *e)
{
	struct text t;

	if (json_kind(v) == JSON_OBJECT)
		return read_object(m, w, v, e);
	if (json_kind(v) != JSON_STRING)
		return where_kind(w, v, "an address", e);
	if (where_line(w, v, TEXT_MAX, &t, e) == -1 ||
	    read_text(m, w, t, true, e) == -1)
		return -1;
	/* An encoded word may have held anything. */
	return m->name != NULL ? where_clean(w, m->name, e) : 0;
}

int
mailboxes_read(struct mailboxes *m, json v, const char *member, struct err *e)
{
	struct where w = {member, -1, NULL};
	int n = json_kind(v) == JSON_ARRAY ? json_count(v) : 1, r = 0;
	json item;

	*m = (struct mailboxes){NULL, 0};
	if (n > ADDRESSES_MAX)
		return where_wrong(&w, e,
		    "has %d addresses, at most %d are taken", n, ADDRESSES_MAX);
	m->items = xcalloc((size_t)n + 1, sizeof *m->items);
	if (json_kind(v) != JSON_ARRAY) {
		m->n = 1;
		return read_one(&m->items[0], &w, v, e);
	}
	for (w.index = 0; w.index < n && r == 0; w.index++) {
		item = json_at(v, w.index);
		r = read_one(&m->items[m->n++], &w, item, e);
		json_free(item);
	}
	return r;
}

void
mailboxes_release(struct mailboxes *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->items[i].name);
		free(m->items[i].address);
	}
	free(m->items);
	*m = (struct mailboxes){NULL, 0};
}

static bool
is_atext(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Atoms with one blank between? */
static bool
is_phrase(const char *s)
{
	for (const char *c = s; *c != '\0'; c++)
		if (!is_atext(*c) && (*c != ' ' || c == s || !is_atext(c[1])))
			return false;
	return true;
}

static void
add_quoted(const char *s, size_t n, struct buf *out)
{
	buf_addch(out, '"');
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '"' || s[i] == '\\')
			buf_addch(out, '\\');
		buf_addch(out, s[i]);
	}
	buf_addch(out, '"');
}

static void
write_name(struct field *f, const char *name)
{
	size_t n = strlen(name);
	struct buf quoted = BUF_INIT;

	if (words_needed(name, n) || n > QUOTED_MAX) {
		field_coded(f, name, n);
	} else if (is_phrase(name)) {
		field_text(f, name, n);
	} else {
		add_quoted(name, n, &quoted);
		field_word(f, quoted.data, quoted.len);
		buf_release(&quoted);
	}
}

/* RFC 5322 3.2.3, and RFC 6532 3.2 */
static bool
is_dot_atom(const char *s, size_t n)
{
	bool was_dot = true;

	for (size_t i = 0; i < n; i++) {
		bool is_dot = s[i] == '.';

		if ((is_dot && was_dot) ||
		    (!is_dot && !is_atext(s[i]) && (unsigned char)s[i] < 0x80))
			return false;
		was_dot = is_dot;
	}
	return !was_dot;
}

/*
 * Local parts with dots where RFC 5322 has none, as Japanese carriers gave
 * them out, are put into quotes, which it allows and readers take.
 */
static void
add_address(const char *address, struct buf *out)
{
	size_t n = (size_t)(mailbox_domain(address) - 1 - address);

	if (memchr(address, '"', n) == NULL && !is_dot_atom(address, n))
		add_quoted(address, n, out);
	else
		buf_add(out, address, n);
	buf_addstr(out, address + n);
}

static void
write_one(struct field *f, const struct mailbox *m, bool is_last)
{
	struct buf word = BUF_INIT;

	if (m->name != NULL)
		write_name(f, m->name);
	if (m->name != NULL)
		buf_addch(&word, '<');
	add_address(m->address, &word);
	if (m->name != NULL)
		buf_addch(&word, '>');
	if (!is_last)
		buf_addch(&word, ',');
	field_word(f, word.data, word.len);
	buf_release(&word);
}

void
mailboxes_write(
    const struct mailboxes *m, const char *name, bool is_jis, struct buf *out)
{
	struct field f;

	if (m->n == 0)
		return;
	field_begin(&f, out, name, is_jis);
	for (size_t i = 0; i < m->n; i++)
		write_one(&f, &m->items[i], i + 1 == m->n);
	field_end(&f);
}
