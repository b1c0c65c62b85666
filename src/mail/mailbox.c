#include "mail/mailbox.h"

#include <string.h>
#include <strings.h>

#include "core/json.h"
#include "core/utf8.h"
#include "mail/encoded.h"
#include "mail/mailbox_lex.h"
#include "mail/mailbox_words.h"

enum {
	WORDS_MAX = 500, /* of one mailbox; with more it is none */
};

enum place {
	BEFORE, /* any '<' */
	INSIDE, /* '<' and '>' */
	AFTER, /* '>' */
};

/* What stands between two commas. */
struct item {
	struct word *words; /* without comments and brackets; WORDS_MAX */
	size_t n;
	size_t open, close; /* words[open..close) were in brackets */
	enum place place;
	struct word comment; /* the first one; no text: none */
	const char *begin, *end; /* all of it as it stands */
	bool has_at;
	bool is_odd, is_long;
};

struct parser {
	struct lexer lex;
	struct item item;
	json list;
	int n; /* length of list */
	json group; /* its name; invalid: in none */
	bool is_group_empty;
	bool is_full;
	struct word remark; /* a comment that stands alone; no text: none */
	defect_set *defects;
	bool is_utf8; /* and not made so by a guess */
	struct buf raw; /* the value, when it was not UTF-8 */
	struct buf text, name, address; /* for the moment */
};

/* Append to the list.  Consumes mailbox. */
static void
emit(struct parser *p, json mailbox)
{
	p->is_group_empty = false;
	if (p->n == MAILBOX_LIST_MAX) {
		*p->defects |= DEFECT_TOO_MANY_ADDRESSES;
		p->is_full = true;
		json_free(mailbox);
		return;
	}
	if (json_is_valid(p->group))
		mailbox = json_set(mailbox, "group", json_copy(p->group));
	p->list = json_append(p->list, mailbox);
	p->n++;
}

/* At most MAILBOX_NAME_MAX bytes of b, whole characters. */
static void
cut_name(struct buf *b)
{
	size_t end = 0, n;

	if (b->len <= MAILBOX_NAME_MAX)
		return;
	while ((n = utf8_char(b->data + end, b->len - end)) > 0 &&
	       end + n <= MAILBOX_NAME_MAX)
		end += n;
	b->len = end;
	b->data[end] = '\0';
}

/* p->text as UTF-8 into p->name. */
static void
decode_name(struct parser *p)
{
	buf_reset(&p->name);
	if (p->text.len > 0)
		encoded_decode((struct slice){p->text.data, p->text.len}, NULL,
		    &p->name, p->defects);
	cut_name(&p->name);
}

static void
read_comment(struct parser *p, const struct word *comment)
{
	buf_reset(&p->text);
	if (comment->text.len > 0)
		word_unquote(comment, &p->text);
	decode_name(p);
}

static void
read_name(struct parser *p, struct words words)
{
	words_name(words, &p->text);
	decode_name(p);
}

static json
name_json(const struct parser *p)
{
	return json_stringn(p->name.data, p->name.len);
}

/* What is no address: all of the item as it stands is the name. */
static void
emit_text(struct parser *p)
{
	const struct item *it = &p->item;
	size_t len = (size_t)(it->end - it->begin);

	*p->defects |= DEFECT_BAD_ADDRESS;
	if (it->n == 1 && it->words[0].text.len == len) {
		read_name(p, (struct words){it->words, 1});
	} else {
		buf_reset(&p->text);
		buf_add(&p->text, it->begin, len);
		decode_name(p);
	}
	if (p->name.len > 0)
		emit(p, json_set(json_object(), "name", name_json(p)));
}

/* p->address, and p->name if there is one. */
static void
emit_address(struct parser *p)
{
	json mailbox = json_object();

	if (p->name.len > 0)
		mailbox = json_set(mailbox, "name", name_json(p));
	emit(p, json_set(mailbox, "address",
		    json_stringn(p->address.data, p->address.len)));
}

static bool
is_ascii(const struct buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if ((unsigned char)b->data[i] >= 0x80)
			return false;
	return true;
}

/*
 * Are the words an address?  Then it is in p->address.  Bytes of whatever
 * charset are none: nobody could reply to what we guess.
 */
static bool
read_address(struct parser *p, struct words words)
{
	return words_address(words, &p->address) &&
	       (p->is_utf8 || is_ascii(&p->address));
}

/* A mailbox with brackets.  Its name may stand behind it. */
static void
end_bracketed(struct parser *p)
{
	const struct item *it = &p->item;
	struct words before = {it->words, it->open};
	struct words after = {it->words + it->close, it->n - it->close};
	struct words inside = {it->words + it->open, it->close - it->open};

	if (!read_address(p, words_without_route(inside))) {
		emit_text(p);
		return;
	}
	if (after.n > 0 || it->place == INSIDE)
		*p->defects |= DEFECT_BAD_ADDRESS;
	read_name(p, before.n > 0 ? before : after);
	if (p->name.len == 0)
		read_comment(p, &p->item.comment);
	emit_address(p);
}

/* An address in quotes: "a@example.com".  The quotes are a mistake. */
static bool
end_quoted(struct parser *p)
{
	const struct slice all = p->item.words[0].text;
	struct word words[4];
	struct lexer lex;
	size_t n = 0;

	lexer_begin(&lex, (struct slice){all.data + 1, all.len - 2});
	while (n < 4 && lexer_next(&lex, &words[n]))
		n++;
	if (!read_address(p, (struct words){words, n}))
		return false;
	*p->defects |= DEFECT_BAD_ADDRESS;
	read_comment(p, &p->item.comment);
	emit_address(p);
	return true;
}

/*
 * Words without brackets: an address, or several with the comma or the brackets
 * forgotten.  Words before an address are its name.
 */
static size_t
end_addresses(struct parser *p)
{
	const struct item *it = &p->item;
	size_t name = 0, n, found = 0;

	for (size_t i = 0; i < it->n && !p->is_full; i += n) {
		struct words rest = {it->words + i, it->n - i};

		n = rest.n = words_joined(rest);
		if (!read_address(p, rest))
			continue;
		if (i > 0)
			*p->defects |= DEFECT_BAD_ADDRESS;
		read_name(p, (struct words){it->words + name, i - name});
		if (p->name.len == 0 && n == it->n)
			read_comment(p, &p->item.comment);
		emit_address(p);
		name = i + n;
		found++;
	}
	if (found > 0 && name < it->n)
		*p->defects |= DEFECT_BAD_ADDRESS;
	return found;
}

static void
clear_item(struct item *it)
{
	it->n = 0;
	it->place = BEFORE;
	it->comment.text.len = 0;
	it->begin = NULL;
	it->has_at = it->is_odd = it->is_long = false;
}

/* The item is whole: what is it? */
static void
end_item(struct parser *p)
{
	struct item *it = &p->item;

	if (it->is_odd)
		*p->defects |= DEFECT_BAD_ADDRESS;
	if (it->place == INSIDE)
		it->close = it->n;
	if (it->n == 0 && it->place == BEFORE) {
		/* Nothing between two commas: RFC 5322 4.4 */
		if (it->comment.text.len > 0)
			p->remark = it->comment;
	} else if (it->is_long) {
		emit_text(p);
	} else if (it->place != BEFORE) {
		end_bracketed(p);
	} else if (it->n != 1 || it->words[0].kind != WORD_QUOTED ||
		   !end_quoted(p)) {
		if (end_addresses(p) == 0)
			emit_text(p);
	}
	clear_item(it);
}

/* A group without members is all there is to say of it. */
static void
end_group(struct parser *p)
{
	if (json_is_valid(p->group) && p->is_group_empty)
		emit(p, json_object());
	json_free(p->group);
	p->group = json_none();
}

static void
begin_group(struct parser *p)
{
	struct item *it = &p->item;

	end_group(p);
	read_name(p, (struct words){it->words, it->n});
	if (p->name.len > 0)
		p->group = name_json(p);
	p->is_group_empty = true;
	clear_item(it);
}

/* The word belongs to the item. */
static void
extend(struct item *it, const struct word *w)
{
	if (it->begin == NULL)
		it->begin = w->text.data;
	it->end = w->text.data + w->text.len;
}

static void
add_word(struct item *it, const struct word *w)
{
	extend(it, w);
	it->has_at |= w->kind == WORD_AT;
	if (it->n == WORDS_MAX)
		it->is_long = true;
	else
		it->words[it->n++] = *w;
}

static void
add_comment(struct item *it, const struct word *w)
{
	extend(it, w);
	if (it->comment.text.len == 0)
		it->comment = *w;
}

static bool
is_mailto(const struct item *it)
{
	static const char name[] = "mailto";

	return it->n == 1 && it->words[0].text.len == strlen(name) &&
	       strncasecmp(it->words[0].text.data, name, strlen(name)) == 0;
}

/* ':' after a name begins a group; else it is a character like others. */
static void
take_colon(struct parser *p, const struct word *w)
{
	struct item *it = &p->item;

	if (it->place != BEFORE || it->n == 0 || it->is_long || it->has_at) {
		add_word(it, w);
	} else if (is_mailto(it)) {
		it->n = 0;
		it->is_odd = true;
	} else {
		begin_group(p);
	}
}

/*
 * After '>' a comma was forgotten, and the words since then are the name of the
 * next one.
 */
static void
split_item(struct parser *p)
{
	struct item *it = &p->item;
	const struct word *next = it->words + it->close;
	size_t n = it->n - it->close;

	it->n = it->close;
	if (n > 0)
		it->end = next[0].text.data;
	it->is_odd = true;
	end_item(p);
	for (size_t i = 0; i < n; i++)
		add_word(it, &next[i]);
}

static void
take_open(struct parser *p, const struct word *w)
{
	struct item *it = &p->item;

	if (it->place == INSIDE && it->n == it->open) {
		it->is_odd = true; /* "<<a@example.com>>" */
		return;
	}
	if (it->place == INSIDE)
		end_item(p);
	else if (it->place == AFTER && !it->is_long)
		split_item(p);
	extend(it, w);
	it->place = INSIDE;
	it->open = it->n;
}

static void
take_close(struct item *it, const struct word *w)
{
	extend(it, w);
	if (it->place != INSIDE) {
		it->is_odd = true;
		return;
	}
	it->place = AFTER;
	it->close = it->n;
}

/* Commas of a route (RFC 5322 4.4) do not end an address. */
static void
take_comma(struct parser *p, const struct word *w)
{
	struct item *it = &p->item;

	if (it->place == INSIDE && it->n > it->open &&
	    it->words[it->open].kind == WORD_AT)
		add_word(it, w);
	else
		end_item(p);
}

/* The end of a group; or of an address, as some write it. */
static void
take_semicolon(struct parser *p, const struct word *w)
{
	if (p->item.place == INSIDE) {
		add_word(&p->item, w);
		return;
	}
	end_item(p);
	end_group(p);
}

static void
take_word(struct parser *p, const struct word *w)
{
	switch (w->kind) {
	case WORD_COMMENT:
		add_comment(&p->item, w);
		break;
	case WORD_OPEN:
		take_open(p, w);
		break;
	case WORD_CLOSE:
		take_close(&p->item, w);
		break;
	case WORD_COMMA:
		take_comma(p, w);
		break;
	case WORD_COLON:
		take_colon(p, w);
		break;
	case WORD_SEMICOLON:
		take_semicolon(p, w);
		break;
	default:
		add_word(&p->item, w);
	}
}

/* "(Recipient list suppressed)" is all that there is. */
static void
emit_remark(struct parser *p)
{
	*p->defects |= DEFECT_BAD_ADDRESS;
	read_comment(p, &p->remark);
	if (p->name.len > 0)
		emit(p, json_set(json_object(), "name", name_json(p)));
}

json
mailbox_list(json list, struct slice value, const struct charset *hint,
    defect_set *defects)
{
	int before = json_count(list);
	struct word words[WORDS_MAX]; /* not all of it is worth clearing */
	struct parser p = {
	    .item = {.words = words},
	    .list = list,
	    .n = before,
	    .group = json_none(),
	    .defects = defects,
	};
	defect_set guessed = 0;
	struct word w;

	lexer_begin(&p.lex, encoded_raw(value, hint, &p.raw, &guessed));
	p.is_utf8 = !(guessed & DEFECT_HEADER_NOT_UTF8);
	*defects |= guessed;
	while (!p.is_full && lexer_next(&p.lex, &w))
		take_word(&p, &w);
	end_item(&p);
	end_group(&p);
	if (p.n == before && p.remark.text.len > 0)
		emit_remark(&p);
	if (p.lex.has_unclosed)
		*defects |= DEFECT_BAD_ADDRESS;
	buf_release(&p.raw);
	buf_release(&p.text);
	buf_release(&p.name);
	buf_release(&p.address);
	return p.list;
}
