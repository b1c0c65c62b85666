#include "send/envelope.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mail/compose.h"

enum {
	PATH_MAX_LEN = 320, /* RFC 5321 4.5.3.1: 64 + 1 + 255 */
};

const char *
envelope_domain(const char *address)
{
	const char *at = strrchr(address, '@');

	return at != NULL ? at + 1 : "";
}

/*
 * Could it stand between < and > without changing what the server reads?  A
 * quoted local part may have blanks and brackets.
 */
static bool
is_path(const char *s)
{
	bool is_quoted = false;
	size_t n = strlen(s);

	if (n > PATH_MAX_LEN || s[0] == '@' || envelope_domain(s)[0] == '\0')
		return false;
	for (const unsigned char *p = (const unsigned char *)s; *p != 0; p++) {
		if (*p < ' ' || *p == 0x7f)
			return false;
		if (*p == '"')
			is_quoted = !is_quoted;
		else if (*p == '\\' && is_quoted && p[1] >= ' ')
			p++;
		else if (!is_quoted && strchr(" <>", *p) != NULL)
			return false;
	}
	return !is_quoted;
}

static void
fail(struct letter *l, const char *class, const char *reason)
{
	letter_end(l, "fail", class, reason);
}

/* What put has written: an address, or what is none. */
static char *
read_address(struct letter *l, json envelope, const char *key)
{
	const char *s = json_str(envelope, key);

	if (s == NULL && json_has(envelope, key)) {
		fail(l, "content",
		    key[0] == 't' ? "envelope.to is no address"
				  : "envelope.from is no address");
		return NULL;
	}
	return s != NULL ? xstrdup(s) : NULL;
}

static void
read_envelope(struct letter *l, json envelope)
{
	l->recipient = read_address(l, envelope, "to");
	if (l->fate == LETTER_WAITING)
		l->sender = read_address(l, envelope, "from");
}

/* The only one of the mail. */
static void
read_recipient(struct letter *l)
{
	json all = compose_recipients(l->mail, &l->err);
	json one = json_at(all, 0);

	if (!json_is_valid(all))
		fail(l, "content", l->err.text);
	else if (json_count(all) > 1)
		fail(l, "recipient",
		    "it has several recipients and no envelope: pass it "
		    "through mail-store put, which makes a record for each");
	else if (json_kind(one) != JSON_STRING)
		fail(l, "content", "it has no recipient");
	else
		l->recipient = xstrdup(json_string_value(one));
	json_free(one);
	json_free(all);
}

static void
read_mail(struct letter *l)
{
	if (compose_check(l->mail, &l->err) == -1) {
		fail(l, "content", l->err.text);
		return;
	}
	l->author = compose_author(l->mail, &l->err);
	if (l->sender == NULL)
		l->sender = compose_sender(l->mail, &l->err);
	if (l->author == NULL || l->sender == NULL)
		fail(l, "content", l->err.text);
	else if (l->recipient == NULL)
		read_recipient(l);
}

static void
check_paths(struct letter *l)
{
	if (l->recipient == NULL)
		fail(l, "content",
		    "it has no recipient: no \"envelope.to\", and no \"mail\" "
		    "that says it");
	else if (l->sender == NULL)
		fail(l, "content", "it has no sender: no \"envelope.from\"");
	else if (!is_path(l->recipient))
		fail(l, "content", "envelope.to is no address");
	else if (l->sender[0] != '\0' && !is_path(l->sender))
		fail(l, "content", "envelope.from is no address");
}

void
envelope_read(struct letter *l)
{
	json envelope = json_member(l->rec, "envelope", JSON_OBJECT);

	l->mail = json_member(l->rec, "mail", JSON_OBJECT);
	read_envelope(l, envelope);
	json_free(envelope);
	/* Of a sealed record there is only an empty one. */
	if (l->fate == LETTER_WAITING && json_count(l->mail) > 0)
		read_mail(l);
	if (l->fate == LETTER_WAITING)
		check_paths(l);
	err_clear(&l->err);
}

static bool
has_domain(json domains, const char *domain)
{
	for (int i = 0, n = json_count(domains); i < n; i++) {
		json one = json_at(domains, i);
		bool is_it = strcasecmp(json_string_value(one), domain) == 0;

		json_free(one);
		if (is_it)
			return true;
	}
	return false;
}

void
envelope_check_from(struct letter *l, const struct config *config)
{
	json domains = config_in(
	    config_tenant(config, l->tenant), "from_domains"); /* borrowed */
	char *reason;

	if (!json_is_valid(domains) || l->author == NULL ||
	    has_domain(domains, envelope_domain(l->author)))
		return;
	reason = xasprintf("From %.320s is in none of tenants.%s.from_domains",
	    l->author, l->tenant);
	fail(l, "configuration", reason);
	free(reason);
}
