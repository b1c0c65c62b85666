/*
 * Unit tests of mail/reply.c: what replies mean.  The texts are those that the
 * servers named send, as their manuals, sources or the facts of the corpora
 * have them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/reply.h"
#include "mail/reply_after.h"
#include "mail/reply_table.h"

static int failures;

/* "snooze throttle 5 slow transport": what there is of it. */
static const struct {
	enum reply_stage stage;
	int code;
	const char *enhanced, *text, *want;
} cases[] = {
    /* Good, none, and what no server should say. */
    {REPLY_END, 250, "2.0.0", "Ok: queued as 4F2", "ok"},
    {REPLY_END, 250, "", "spam accepted, rate limit 5 minutes", "ok"},
    {REPLY_DATA, 354, "", "go", "ok"},
    {REPLY_RCPT, 354, "", "go", "retry server"},
    {REPLY_END, 0, "", "", "retry network"},
    {REPLY_CONNECT, 0, "", "SSH-2.0", "retry network"},
    {REPLY_MAIL, 199, "", "", "retry server"},
    {REPLY_MAIL, 999, "", "", "retry server"},
    {REPLY_MAIL, -1, "", "", "retry network"},
    {REPLY_MAIL, 1234567, "", "", "retry network"},
    {REPLY_MAIL, 450, "not a code", "", "retry server"},

    /* Amazon SES. */
    {REPLY_MAIL, 454, "", "Throttling failure: Maximum sending rate exceeded.",
	"snooze throttle 1 slow"},
    {REPLY_END, 454, "4.7.0", "Throttling failure", "snooze throttle 1 slow"},
    {REPLY_MAIL, 454, "", "Throttling failure: Daily message quota exceeded.",
	"snooze throttle 3600"},
    {REPLY_CONNECT, 421, "", "Too many concurrent SMTP connections",
	"snooze throttle slow"},
    {REPLY_AUTH, 535, "", "Authentication Credentials Invalid",
	"snooze credentials transport"},
    {REPLY_AUTH, 454, "", "Temporary authentication failure",
	"snooze credentials transport"},
    {REPLY_MAIL, 530, "", "Authentication required",
	"snooze credentials transport"},
    {REPLY_MAIL, 530, "", "Must issue a STARTTLS command first",
	"snooze configuration transport"},
    {REPLY_END, 554, "",
	"Message rejected: Email address is not verified. The following "
	"identities failed the check in region EU-WEST-1: a@example.com",
	"snooze configuration 300"},
    {REPLY_END, 552, "", "Message is too long.", "fail size"},
    {REPLY_END, 554, "",
	"Transaction failed: Duplicate header 'DKIM-Signature'.",
	"fail content"},
    {REPLY_END, 451, "4.4.2", "Timeout waiting for data from client.",
	"retry network"},

    /* Gmail. */
    {REPLY_RCPT, 450, "4.2.1",
	"The user you are trying to contact is receiving mail too quickly. "
	"Please resend your message at a later time.",
	"snooze throttle 600"},
    {REPLY_RCPT, 550, "5.2.1",
	"The user you are trying to contact is receiving mail at a rate that "
	"prevents additional messages from being delivered.",
	"snooze throttle 600"},
    {REPLY_END, 421, "4.7.28",
	"[192.0.2.1 15] Our system has detected an unusual rate of unsolicited "
	"mail originating from your IP address. To protect our users from "
	"spam, mail sent from your IP address has been temporarily rate "
	"limited.",
	"snooze throttle slow"},
    {REPLY_CONNECT, 421, "4.7.0", "Try again later, closing connection.",
	"snooze throttle slow"},
    {REPLY_RCPT, 452, "4.2.2",
	"The email account that you tried to reach is over quota.",
	"retry mailbox-full"},
    {REPLY_RCPT, 552, "5.2.2",
	"The email account that you tried to reach is over quota.",
	"retry mailbox-full"},
    {REPLY_RCPT, 550, "5.1.1",
	"The email account that you tried to reach does not exist. Please try "
	"double-checking the recipient's email address",
	"fail recipient"},
    {REPLY_END, 550, "5.4.5", "Daily user sending limit exceeded.",
	"snooze throttle 3600"},
    {REPLY_END, 550, "5.7.26",
	"This mail has been blocked because the sender is unauthenticated. "
	"Gmail requires all senders to authenticate with either SPF or DKIM.",
	"fail configuration"},
    {REPLY_AUTH, 535, "5.7.8", "Username and Password not accepted.",
	"snooze credentials transport"},
    {REPLY_AUTH, 534, "5.7.9", "Application-specific password required.",
	"snooze credentials transport"},
    {REPLY_END, 550, "5.7.1",
	"[192.0.2.1] Our system has detected that this message is likely "
	"unsolicited mail.",
	"fail content"},
    {REPLY_END, 552, "5.7.0",
	"This message was blocked because its content presents a potential "
	"security issue. Please visit /?p=BlockedMessage to review our message "
	"content and attachment content guidelines.",
	"fail content"},

    /* Microsoft. */
    {REPLY_RCPT, 451, "4.7.500",
	"Server busy. Please try again later from [192.0.2.1]. (AS780090)",
	"snooze throttle slow"},
    {REPLY_MAIL, 451, "4.7.650",
	"The mail server [192.0.2.1] has been temporarily rate limited due to "
	"IP reputation.",
	"snooze throttle slow"},
    {REPLY_MAIL, 421, "",
	"RP-001 (SNT004) Unfortunately, some messages from 192.0.2.1 weren't "
	"sent. Please try again. We have limits for how many messages can be "
	"sent per hour and per day.",
	"snooze throttle slow"},
    {REPLY_RCPT, 550, "5.4.1",
	"Recipient address rejected: Access denied [x.prod.outlook.com]",
	"fail recipient"},
    {REPLY_END, 550, "5.7.515",
	"Access denied, sending domain example.jp does not meet the required "
	"authentication level.",
	"fail policy"},
    {REPLY_END, 550, "5.7.515", "Access: see the guide", "fail configuration"},
    {REPLY_MAIL, 550, "5.7.57",
	"Client not authenticated to send mail. Error: 535 5.7.3",
	"snooze credentials transport"},
    {REPLY_END, 550, "5.7.60",
	"SMTP; Client does not have permissions to send as this sender",
	"snooze configuration 300"},
    {REPLY_RCPT, 550, "5.7.1",
	"RESOLVER.RST.AuthRequired; authentication required", "fail policy"},
    {REPLY_RCPT, 550, "5.2.3",
	"RESOLVER.RST.RecipSizeLimit; message too large for this recipient",
	"fail size"},
    {REPLY_END, 432, "4.3.2",
	"STOREDRV.ClientSubmit; sender thread limit exceeded",
	"snooze throttle slow"},

    /* Yahoo. */
    {REPLY_MAIL, 421, "4.7.0",
	"[TSS04] Messages from 192.0.2.1 temporarily deferred due to "
	"unexpected volume or user complaints - 4.16.55.1",
	"snooze throttle slow"},
    {REPLY_END, 554, "",
	"delivery error: dd This user doesn't have a yahoo.com account "
	"(a@yahoo.com) [0]",
	"fail recipient"},
    {REPLY_END, 554, "5.7.9", "Message not accepted for policy reasons.",
	"fail policy"},

    /* Postfix. */
    {REPLY_RCPT, 450, "4.2.0",
	"<a@example.jp>: Recipient address rejected: Greylisted, see "
	"http://postgrey.schweikert.ch/help/example.jp.html",
	"retry greylist"},
    {REPLY_RCPT, 451, "4.7.1",
	"Greylisting in action, please come back in 00:05:00",
	"retry greylist 300"},
    {REPLY_RCPT, 450, "4.7.1",
	"<a@example.jp>: Recipient address rejected: Greylisted for 5 minutes",
	"retry greylist 300"},
    {REPLY_CONNECT, 421, "4.7.0",
	"mx.example.jp Error: too many connections from 192.0.2.1",
	"snooze throttle slow"},
    {REPLY_RCPT, 450, "4.7.1", "Error: too many recipients from 192.0.2.1",
	"snooze throttle slow"},
    {REPLY_MAIL, 450, "4.7.1", "Error: too much mail from 192.0.2.1",
	"snooze throttle slow"},
    {REPLY_RCPT, 421, "4.7.0", "mx.example.jp Error: too many errors",
	"retry server"},
    {REPLY_END, 421, "4.4.2", "mx.example.jp Error: timeout exceeded",
	"retry server"},
    {REPLY_CONNECT, 421, "4.3.2", "All server ports are busy", "retry server"},
    {REPLY_RCPT, 554, "5.7.1", "<a@example.com>: Relay access denied",
	"snooze configuration 300"},
    {REPLY_RCPT, 454, "4.7.1", "<a@example.com>: Relay access denied",
	"snooze configuration 300"},
    {REPLY_RCPT, 553, "5.7.1",
	"<a@example.jp>: Sender address rejected: not owned by user b",
	"snooze configuration 300"},
    {REPLY_RCPT, 450, "4.1.8",
	"<a@example.jp>: Sender address rejected: Domain not found",
	"retry configuration"},
    {REPLY_RCPT, 550, "5.1.1",
	"<a@example.jp>: Recipient address rejected: User unknown in local "
	"recipient table",
	"fail recipient"},
    {REPLY_RCPT, 450, "4.1.1",
	"<a@example.jp>: Recipient address rejected: unverified address: "
	"connect to x[192.0.2.1]:25: Connection timed out",
	"retry recipient"},
    {REPLY_RCPT, 554, "5.7.1",
	"Service unavailable; Client host [192.0.2.1] blocked using "
	"zen.spamhaus.org",
	"snooze policy transport"},
    {REPLY_RCPT, 450, "4.7.1",
	"Client host rejected: cannot find your hostname, [192.0.2.1]",
	"snooze configuration transport"},
    {REPLY_AUTH, 535, "5.7.8",
	"Error: authentication failed: authentication failure",
	"snooze credentials transport"},
    {REPLY_AUTH, 454, "4.7.0",
	"Temporary authentication failure: Connection lost to authentication "
	"server",
	"snooze credentials transport"},
    {REPLY_CONNECT, 454, "4.7.0", "TLS not available due to local problem",
	"retry server"},
    {REPLY_MAIL, 552, "5.3.4", "Message size exceeds fixed limit", "fail size"},
    {REPLY_MAIL, 452, "4.3.1", "Insufficient system storage", "retry server"},
    {REPLY_END, 451, "4.3.0", "Error: queue file write error", "retry server"},
    {REPLY_RCPT, 501, "5.1.3", "Bad recipient address syntax",
	"fail recipient"},
    {REPLY_MAIL, 501, "5.1.7", "Bad sender address syntax",
	"fail configuration"},
    {REPLY_MAIL, 553, "5.1.8",
	"<a@b.example>... Domain of sender address a@b.example does not exist",
	"fail configuration"},
    {REPLY_RCPT, 554, "5.4.6", "Too many hops", "fail configuration"},

    /* Others. */
    {REPLY_RCPT, 550, "", "relay not permitted", "snooze configuration 300"},
    {REPLY_RCPT, 550, "5.7.1", "<a@b.example>... Relaying denied",
	"snooze configuration 300"},
    {REPLY_RCPT, 550, "", "Unrouteable address", "fail recipient"},
    {REPLY_RCPT, 451, "", "Temporary local problem - please try later",
	"retry server"},
    {REPLY_RCPT, 552, "5.2.2", "<a@b.example> Quota exceeded (mailbox is full)",
	"retry mailbox-full"},
    {REPLY_RCPT, 550, "5.1.1", "<a@b.example> User doesn't exist: a@b.example",
	"fail recipient"},
    {REPLY_MAIL, 550, "",
	"The from address does not match a verified Sender Identity. Mail "
	"cannot be sent until this error is resolved.",
	"snooze configuration 300"},
    {REPLY_AUTH, 451, "", "Authentication failed: Maximum credits exceeded",
	"snooze credentials transport"},
    {REPLY_RCPT, 550, "5.7.1", "Rate limit exceeded", "snooze throttle slow"},
    {REPLY_RCPT, 550, "5.2.2", "", "retry mailbox-full"},
    {REPLY_RCPT, 521, "", "does not accept mail", "fail recipient"},
    {REPLY_RCPT, 556, "5.1.10", "Recipient address has null MX",
	"fail recipient"},
    {REPLY_RCPT, 450, "4.7.1", "Try again in 120 seconds",
	"snooze throttle 120 slow"},
    {REPLY_END, 550, "5.7.1", "URL listed by SURBL", "fail content"},
    {REPLY_END, 554, "5.7.1", "rejected: is your PTR record in order?",
	"fail configuration"},

    /* What the code alone says. */
    {REPLY_RCPT, 552, "", "", "retry mailbox-full"},
    {REPLY_END, 552, "", "", "fail size"},
    {REPLY_MAIL, 552, "", "", "fail size"},
    {REPLY_RCPT, 550, "", "", "fail recipient"},
    {REPLY_MAIL, 550, "", "", "fail policy"},
    {REPLY_END, 550, "", "", "fail policy"},
    {REPLY_END, 554, "", "", "fail content"},
    {REPLY_CONNECT, 554, "", "No SMTP service here", "snooze policy transport"},
    {REPLY_CONNECT, 554, "5.7.1", "", "snooze policy transport"},
    {REPLY_CONNECT, 450, "", "", "retry server"},
    {REPLY_AUTH, 500, "", "", "snooze credentials transport"},
    {REPLY_RCPT, 421, "", "", "retry server"},
    {REPLY_RCPT, 421, "4.7.1", "", "snooze throttle slow"},
    {REPLY_RCPT, 450, "4.7.1", "", "snooze throttle slow"},
    {REPLY_RCPT, 451, "4.7.1", "", "retry policy"},
    {REPLY_RCPT, 451, "", "", "retry server"},
    {REPLY_RCPT, 550, "5.7.1", "", "fail policy"},
    {REPLY_RCPT, 550, "5.4.4", "", "retry network"},
    {REPLY_RCPT, 452, "4.5.3", "", "snooze throttle slow"},
    {REPLY_END, 550, "5.6.0", "", "fail content"},
    {REPLY_MAIL, 503, "5.5.1", "", "fail content"},
    {REPLY_DATA, 599, "", "", "fail policy"},

    {REPLY_RCPT, 550, "5.3.4", "", "fail size"},
    {REPLY_RCPT, 450, "4.2.3", "", "retry size"},
    {REPLY_END, 550, "5.2.0", "", "fail recipient"},
    {REPLY_MAIL, 550, "5.1.0", "", "fail policy"},
    {REPLY_RCPT, 550, "5.1.8", "", "fail configuration"},
    {REPLY_RCPT, 550, "5.7.27", "", "fail configuration"},
    {REPLY_END, 550, "5.7.28", "", "snooze throttle slow"},
    {REPLY_RCPT, 550, "5.7.57", "", "snooze credentials transport"},
    {REPLY_MAIL, 550, "5.7.9", "", "snooze credentials transport"},
    {REPLY_MAIL, 550, "5.7.10", "", "snooze configuration transport"},
    {REPLY_RCPT, 550, "5.7.25", "", "snooze configuration transport"},
    {REPLY_RCPT, 451, "4.7.651", "", "snooze throttle slow"},
    {REPLY_RCPT, 550, "5.4.6", "", "fail configuration"},
    {REPLY_RCPT, 550, "5.4.7", "", "fail network"},
    {REPLY_RCPT, 550, "5.3.2", "", "retry server"},
    {REPLY_RCPT, 550, "5.3.5", "", "fail server"},
    {REPLY_AUTH, 421, "", "", "retry server"},
    {REPLY_RCPT, 530, "", "", "snooze credentials transport"},
    {REPLY_RCPT, 538, "", "", "snooze configuration transport"},
    {REPLY_MAIL, 553, "", "", "fail configuration"},
    {REPLY_RCPT, 450, "", "", "retry server"},

    /* Words that stand for themselves. */
    {REPLY_END, 554, "", "Mail loop detected", "fail configuration"},
    {REPLY_AUTH, 454, "4.7.0", "Too many login attempts",
	"snooze throttle slow"},
    {REPLY_RCPT, 550, "", "you are an open relay, relay denied", "fail policy"},
    {REPLY_MAIL, 550, "5.7.1", "192.0.2.1 is banned",
	"snooze policy transport"},
    {REPLY_END, 550, "5.7.1", "192.0.2.1 is banned", "fail policy"},
    {REPLY_END, 550, "5.7.1", "spam source listed by Spamhaus", "fail policy"},

    /* Words are words, and addresses are nobody's words. */
    {REPLY_RCPT, 550, "5.1.1", "<spam@example.jp>", "fail recipient"},
    {REPLY_RCPT, 550, "", "<too.many.connections@example.jp>: no",
	"fail recipient"},
    {REPLY_RCPT, 450, "", "\"rate limit\"@example.jp is busy", "retry server"},
    {REPLY_RCPT, 550, "", "NO  SUCH-USER, \xe3\x81\x82", "fail recipient"},
    {REPLY_RCPT, 550, "5.7.1", "whiteblacklist", "fail policy"},
    {REPLY_END, 451, "", "antigreylisting", "retry server"},
};

static void
say(const struct reply_verdict *v, char *out, size_t size)
{
	char after[32] = "";

	if (v->after_s != 0)
		snprintf(after, sizeof after, " %lld", (long long)v->after_s);
	snprintf(out, size, "%s%s%s%s%s%s", v->status,
	    v->class != NULL ? " " : "", v->class != NULL ? v->class : "",
	    after, v->is_slow_down ? " slow" : "",
	    v->is_transport ? " transport" : "");
}

static void
check_case(size_t i)
{
	struct reply r = {.stage = cases[i].stage, .code = cases[i].code};
	struct reply_verdict v;
	char got[128];

	snprintf(r.enhanced, sizeof r.enhanced, "%s", cases[i].enhanced);
	snprintf(r.text, sizeof r.text, "%s", cases[i].text);
	v = reply_classify(&r);
	say(&v, got, sizeof got);
	if (strcmp(got, cases[i].want) != 0) {
		printf("%s %d %s %s: %s, not %s (%s)\n",
		    reply_stage_name(r.stage), r.code, r.enhanced, r.text, got,
		    cases[i].want, v.rule);
		failures++;
	}
}

/* It names what decided. */
static void
check_name(int code, const char *text, const char *want)
{
	struct reply r = {.stage = REPLY_RCPT, .code = code};

	snprintf(r.text, sizeof r.text, "%s", text);
	if (strcmp(reply_classify(&r).rule, want) != 0) {
		printf("%d %s: %s, not %s\n", code, text,
		    reply_classify(&r).rule, want);
		failures++;
	}
}

static const struct {
	const char *text;
	int64_t after_s;
} afters[] = {
    {"", 0},
    {"try again later", 0},
    {"try again in 5 minutes", 300},
    {"Please try again in 1 minute.", 60},
    {"retry after 300 seconds", 300},
    {"retry after 300s", 300},
    {"please wait 30 sec", 30},
    {"come back in 00:04:59", 299},
    {"come back in 1:2:3", 0},
    {"greylisted for 2 hours", 7200},
    {"Deferred, retry in (at least) 10 mins", 600},
    {"wait at least 1 day", 86400},
    {"try again in 30 days", 86400},
    {"try again in 9999999 seconds", 0},
    {"try again in 999999 days", 86400},
    {"try again in 0 seconds", 0},
    {"TRY AGAIN IN 7 SECONDS", 7},
    {"try again in 5 years", 0},
    /* Times of something else. */
    {"timeout after 300 seconds, try again later", 0},
    {"limit of 20 messages in 60 seconds", 0},
    {"try again later; 5 minutes ago all was well", 0},
    {"1234567890123456789012345678901234567890 again in", 0},
};

static void
check_after(const char *text, int64_t want)
{
	int64_t got = reply_after(text);

	if (got != want) {
		printf("%s: %lld, not %lld\n", text, (long long)got,
		    (long long)want);
		failures++;
	}
}

/* Whatever comes, there is an answer; the text fills its room. */
static void
check_any(void)
{
	static const char letters[] = "aA5. @<\"/\xe3*-:in";
	struct reply r = {.stage = REPLY_CONNECT};
	struct reply_verdict v;

	srand(1);
	for (int i = 0; i < 20000; i++) {
		size_t len = (size_t)(i % (int)sizeof r.text);

		r.stage = (enum reply_stage)(i % REPLY_STAGES);
		r.code = i % 700;
		snprintf(r.enhanced, sizeof r.enhanced, "%d.%d.%d", i % 7,
		    i % 11, i % 1003);
		for (size_t k = 0; k < len; k++)
			r.text[k] =
			    letters[(size_t)rand() % (sizeof letters - 1)];
		r.text[len] = '\0';
		v = reply_classify(&r);
		if (v.status == NULL || v.rule == NULL || v.after_s < 0 ||
		    (v.class == NULL) != (strcmp(v.status, "ok") == 0)) {
			printf("no verdict: %d %s\n", r.code, r.text);
			failures++;
		}
	}
	r.stage = (enum reply_stage)77;
	v = reply_classify(&r);
	if (v.status == NULL || strcmp(reply_stage_name(r.stage), "?") != 0)
		failures++;
}

/* What holds for every rule. */
static void
check_rules(void)
{
	const struct reply_rule *rule = reply_rules;

	for (; strcmp(rule->name, "unexpected") != 0; rule++) {
		/* Only what is held, or slower, is not now. */
		if (rule->is_transport && rule->status != REPLY_SNOOZE) {
			printf("%s: of the transport, no snooze\n", rule->name);
			failures++;
		}
		if (rule->is_slow_down &&
		    (rule->class == NULL ||
			strcmp(rule->class, "throttle") != 0)) {
			printf("%s: slow, no throttle\n", rule->name);
			failures++;
		}
	}
}

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		check_case(i);
	for (size_t i = 0; i < sizeof afters / sizeof *afters; i++)
		check_after(afters[i].text, afters[i].after_s);
	check_name(450, "", "d-soft");
	check_name(454, "Throttling failure", "ses-rate");
	check_name(0, "Throttling failure", "no-reply");
	check_any();
	check_rules();
	return failures > 0;
}
