#include "mail/flags.h"

#include <string.h>
#include <strings.h>

#include "core/json_text.h"

enum {
	RECEIVED_MAX = 50, /* Postfix hopcount_limit */
};

static bool
has(const struct header *h, const char *name)
{
	return header_next(h, name, NULL) != NULL;
}

/* The first word of the first such field, in any case? */
static bool
says(const struct header *h, const char *name, const char *word)
{
	const struct header_field *f = header_next(h, name, NULL);
	struct buf value = BUF_INIT;
	size_t n;
	bool is;

	if (f == NULL)
		return false;
	header_squeeze(f->value, &value);
	n = strcspn(value.data, " ;(");
	is = n == strlen(word) && strncasecmp(value.data, word, n) == 0;
	buf_release(&value);
	return is;
}

/* Is the address of Delivered-To a in one below it, too? */
static bool
comes_again(const struct header *h, const struct header_field *a)
{
	const struct header_field *b = a;
	struct buf one = BUF_INIT, other = BUF_INIT;
	bool is = false;

	header_squeeze(a->value, &one);
	while (!is && one.len > 0 &&
	       (b = header_next(h, "delivered-to", b)) != NULL) {
		header_squeeze(b->value, &other);
		is = strcasecmp(one.data, other.data) == 0;
	}
	buf_release(&one);
	buf_release(&other);
	return is;
}

static bool
is_delivered_twice(const struct header *h)
{
	const struct header_field *a = NULL;

	/* MTAs write few such fields: an attacker's many are not worth it. */
	for (int n = 0; n < RECEIVED_MAX; n++) {
		a = header_next(h, "delivered-to", a);
		if (a == NULL)
			return false;
		if (comes_again(h, a))
			return true;
	}
	return true;
}

static bool
is_loop(const struct header *h)
{
	const struct header_field *f = NULL;
	int n = 0;

	while ((f = header_next(h, "received", f)) != NULL)
		n++;
	return n > RECEIVED_MAX || is_delivered_twice(h);
}

static bool
is_auto(const struct header *h)
{
	return (has(h, "auto-submitted") && !says(h, "auto-submitted", "no")) ||
	       says(h, "precedence", "auto_reply") || has(h, "x-autoreply") ||
	       has(h, "x-autorespond");
}

static bool
is_list(const struct header *h)
{
	return has(h, "list-id") || has(h, "list-post") ||
	       has(h, "list-unsubscribe") || says(h, "precedence", "list");
}

static bool
is_from_daemon(const struct header *h)
{
	const struct header_field *f = header_next(h, "from", NULL);
	struct buf value = BUF_INIT;
	bool is;

	if (f == NULL)
		return false;
	header_squeeze(f->value, &value);
	is = strcasestr(value.data, "mailer-daemon") != NULL ||
	     strcasestr(value.data, "postmaster@") != NULL;
	buf_release(&value);
	return is;
}

static bool
is_bounce(const struct header *h, const char *sender, bool is_dsn)
{
	if (is_dsn)
		return true;
	return sender != NULL && sender[0] == '\0' &&
	       (has(h, "x-failed-recipients") || is_from_daemon(h));
}

void
flags_write(
    const struct header *h, const char *sender, bool is_dsn, struct buf *out)
{
	const struct {
		const char *name;
		bool is_set;
	} flags[] = {
	    {"loop", is_loop(h)},
	    {"auto-submitted", is_auto(h)},
	    {"list", is_list(h)},
	    {"bulk",
		says(h, "precedence", "bulk") || says(h, "precedence", "junk")},
	    {"bounce", is_bounce(h, sender, is_dsn)},
	};
	bool is_begun = false;

	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		if (!flags[i].is_set)
			continue;
		if (!is_begun) {
			json_text_key(out, "flags");
			buf_addch(out, '[');
		}
		is_begun = true;
		json_text_comma(out);
		json_text_string(out, flags[i].name, strlen(flags[i].name));
	}
	if (is_begun)
		buf_addch(out, ']');
}
