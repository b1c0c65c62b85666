/* What SMTP servers answer, as results have it. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "send/verdict.h"

enum {
	SLOW_DOWN_S = 60, /* when the server does not say how long */
	ID_MIN = 6, /* what is shorter, or has no digit, is a word */
};

/* Its length if it looks like a queue id: [A-Za-z0-9._-] with a digit. */
static size_t
id_length(const char *s)
{
	bool has_digit = false;
	size_t n = 0;

	for (; isalnum((unsigned char)s[n]) ||
	       (s[n] != '\0' && strchr("._-", s[n]) != NULL);
	     n++)
		has_digit |= isdigit((unsigned char)s[n]) != 0;
	while (n > 0 && s[n - 1] == '.')
		n--;
	return has_digit && n >= ID_MIN ? n : 0;
}

/*
 * "2.0.0 Ok: queued as 4XyZ", "OK id=1abc-…", "2.0.0 xAB123 Message accepted",
 * "Ok 0102…": behind "queued as " or "id=", else the first word that looks like
 * one.
 */
static void
find_id(const char *text, char id[sizeof((struct verdict *)0)->provider_id])
{
	const char *at = strstr(text, "queued as ");
	size_t n = 0, room = sizeof((struct verdict *)0)->provider_id;

	if (at != NULL)
		at += strlen("queued as ");
	else if ((at = strstr(text, "id=")) != NULL)
		at += strlen("id=");
	if (at != NULL)
		n = id_length(at);
	for (const char *s = text; n == 0 && *s != '\0';) {
		s += strspn(s, " <>()[]:,;");
		at = s;
		n = strspn(s, "0123456789.") == strcspn(s, " ")
			? 0 /* an enhanced code, a number */
			: id_length(s);
		s += strcspn(s, " ");
	}
	if (n > 0 && n < room) {
		memcpy(id, at, n);
		id[n] = '\0';
	}
}

static void
add_reply(struct verdict *v, const struct reply *r)
{
	v->code = r->code > 0 ? r->code : -1;
	v->stage = reply_stage_name(r->stage);
	snprintf(v->enhanced, sizeof v->enhanced, "%s", r->enhanced);
}

static struct verdict
refused(const struct smtp_answer *a)
{
	struct reply_verdict r = reply_classify(&a->reply);
	struct verdict v = {
	    .status = r.status,
	    .class = r.class,
	    .code = a->reply.code,
	    .after_s = r.after_s,
	    .is_transport = r.is_transport,
	    .is_slow_down = r.is_slow_down,
	    .rule = r.rule,
	};

	/* No mail was looked at, and none is to have used up an attempt. */
	if (a->reply.stage == REPLY_CONNECT && strcmp(v.status, "retry") == 0) {
		v.status = "snooze";
		v.class = "network";
	}
	/* Who says that it does not relay may mean this mail, or all. */
	v.is_mails = a->reply.stage >= REPLY_MAIL && !v.is_transport &&
		     strcmp(v.rule, "relay") != 0;
	/* A refusal is no success, whatever the table makes of its code. */
	if (strcmp(v.status, "ok") == 0)
		v.status = "retry";
	if (v.is_transport || v.is_slow_down)
		v.status = "snooze";
	if (v.is_slow_down && v.after_s == 0)
		v.after_s = SLOW_DOWN_S;
	snprintf(v.reason, sizeof v.reason, "%d%s%s %s", a->reply.code,
	    a->reply.enhanced[0] != '\0' ? " " : "", a->reply.enhanced,
	    a->reply.text);
	return v;
}

/* What has no reply is said by an error. */
static struct verdict
without_reply(const char *status, const char *class, const struct err *why)
{
	struct verdict v = verdict_trouble(status, class, why);

	v.is_transport = false;
	return v;
}

/* No login is possible there, whatever the password is. */
static struct verdict
without_login(const struct err *why)
{
	return verdict_trouble("snooze", "credentials", why);
}

static struct verdict
accepted(const struct reply *r)
{
	struct verdict v = {.status = "ok", .code = r->code};

	find_id(r->text, v.provider_id);
	return v;
}

static struct verdict
judge(const struct smtp_answer *a)
{
	switch (a->outcome) {
	case SMTP_ACCEPTED:
		return accepted(&a->reply);
	case SMTP_REFUSED:
		return a->reply.code == 0 ? without_login(&a->error)
					  : refused(a);
	case SMTP_UNKNOWN:
		return without_reply("uncertain", "network", &a->error);
	case SMTP_IMPOSSIBLE:
		return without_reply("fail", "content", &a->error);
	default:
		return without_reply("retry", "network", &a->error);
	}
}

struct verdict
verdict_of_answer(const struct smtp_answer *a, bool is_kept)
{
	struct verdict v = judge(a);

	add_reply(&v, &a->reply);
	v.is_login = a->reply.stage == REPLY_AUTH;
	v.is_again = is_kept && a->reply.stage == REPLY_MAIL &&
		     ((a->outcome == SMTP_BROKEN && a->reply.code == 0) ||
			 (a->outcome == SMTP_REFUSED && a->reply.code == 421 &&
			     !v.is_slow_down));
	return v;
}
