/*
 * Replies of real servers, from the corpora (Sisimai's bounces), and the
 * reasons that their source gives, against the classes of mail/reply.h. Reasons
 * are opinions: several classes agree with one.  Where we differ, and why, is
 * in differences; a row there that nothing needs is an error, too.
 */
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/file.h"
#include "core/json.h"
#include "mail/reply.h"

enum {
	SKIPPED = 77,
	FILE_MAX = 8 * 1024 * 1024,
};

/* Which classes say the same. */
static const struct {
	const char *reason, *classes;
} reasons[] = {
    {"userunknown", "recipient"},
    {"filtered", "recipient"},
    {"hostunknown", "recipient"},
    {"hasmoved", "recipient"},
    {"suspend", "recipient"},
    {"notaccept", "recipient server"},
    {"mailboxfull", "mailbox-full"},
    {"mesgtoobig", "size"},
    {"exceedlimit", "size"},
    {"spamdetected", "content"},
    {"virusdetected", "content"},
    {"contenterror", "content"},
    {"syntaxerror", "content"},
    {"notcompliantrfc", "content"},
    {"policyviolation", "policy content"},
    {"blocked", "policy configuration"},
    {"badreputation", "policy throttle"},
    {"rejected", "configuration policy"},
    {"authfailure", "configuration policy"},
    {"requireptr", "configuration"},
    {"securityerror", "credentials policy"},
    {"norelaying", "configuration"},
    {"speeding", "throttle"},
    {"toomanyconn", "throttle"},
    {"systemerror", "server network"},
    {"systemfull", "server"},
    {"mailererror", "server"},
    {"networkerror", "network server configuration"},
    {"expired", "network server"},
    {"onhold", ""},
    {"undefined", ""},
    /* Of the other set. */
    {"user_unknown", "recipient"},
    {"user_disabled", "recipient"},
    {"domain_error", "recipient configuration"},
    {"over_quota", "mailbox-full"},
    {"message_too_large", "size"},
    {"spam", "content"},
    {"unknown", ""},
};

/* FILE, our class, why. */
static const struct {
	const char *file, *class, *why;
} differences[] = {
    {"lhost-exim-58.eml", "content", "a line is too long, not the message"},
    {"lhost-postfix-47.eml", "policy", "\"Transaction failed\" and no more"},
    {"lhost-postfix-74.eml", "throttle", "Yahoo's TSS04 is a rate"},
    {"lhost-receivingses-07.eml", "policy",
	"\"Message Filtered\" says nothing of the recipient"},
    {"lhost-sendmail-56.eml", "server",
	"replies of many servers in one; what decides is in the last"},
    {"rhost-facebook-03.eml", "policy",
	"the recipient is good, and doesn't want it"},
    {"rhost-franceptt-03.eml", "policy", "\"Mail rejected\" does not say why"},
    {"rhost-franceptt-08.eml", "policy",
	"\"Service refused\", which the source calls blocked elsewhere"},
    {"rhost-nttdocomo-02.eml", "recipient",
	"\"Unknown user\" of a sender: the source knows docomo by name"},
    {"rhost-nttdocomo-03.eml", "recipient", "the same"},
    {"rhost-yahooinc-02.eml", "throttle", "Yahoo's TSS04 is a rate"},
    {"spam-rejection14.msg", "configuration",
	"it names SPF as what is to be repaired"},
    {NULL, NULL, NULL},
};
static bool is_needed[sizeof differences / sizeof *differences];

static int root = -1;
static int rows, agreed, no_reply, without_reason, failures;

static const char *
classes_of(const char *reason)
{
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (strcmp(reasons[i].reason, reason) == 0)
			return reasons[i].classes;
	return NULL;
}

static bool
is_among(const char *class, const char *classes)
{
	size_t len = strlen(class);

	for (const char *p = classes; (p = strstr(p, class)) != NULL; p += len)
		if ((p == classes || p[-1] == ' ') &&
		    (p[len] == '\0' || p[len] == ' '))
			return true;
	return false;
}

static bool
is_difference(const char *file, const char *class)
{
	for (size_t i = 0; differences[i].file != NULL; i++)
		if (strcmp(differences[i].file, file) == 0 &&
		    strcmp(differences[i].class, class) == 0) {
			is_needed[i] = true;
			return true;
		}
	return false;
}

static enum reply_stage
stage_of(const char *command)
{
	static const struct {
		const char *command;
		enum reply_stage stage;
	} stages[] = {
	    {"HELO", REPLY_CONNECT},
	    {"EHLO", REPLY_CONNECT},
	    {"MAIL", REPLY_MAIL},
	    {"RCPT", REPLY_RCPT},
	    {"DATA", REPLY_END},
	};

	for (size_t i = 0; command != NULL && i < 5; i++)
		if (strcmp(stages[i].command, command) == 0)
			return stages[i].stage;
	return REPLY_END;
}

/* The first "5.1.1" of the text that goes with the code. */
static void
find_enhanced(struct reply *r)
{
	char digit = (char)('0' + r->code / 100);
	unsigned a, b;
	int n;

	for (const char *p = r->text; *p != '\0'; p++) {
		bool is_apart =
		    p == r->text ||
		    (!isalnum((unsigned char)p[-1]) && p[-1] != '.');

		if (*p == digit && is_apart &&
		    sscanf(p + 1, ".%3u.%3u%n", &a, &b, &n) == 2 &&
		    p[1 + n] != '.') {
			snprintf(r->enhanced, sizeof r->enhanced, "%c.%u.%u",
			    *p, a, b);
			return;
		}
	}
}

static void
check_reply(const char *file, const char *reason, const struct reply *r)
{
	struct reply_verdict v = reply_classify(r);
	const char *classes = classes_of(reason), *class = v.class;

	if (class == NULL)
		class = "ok";
	if (classes == NULL || classes[0] == '\0') {
		without_reason++;
		return;
	}
	rows++;
	if (is_among(class, classes)) {
		agreed++;
	} else if (!is_difference(file, class)) {
		printf("%s: %s, not %s (%s)\n    %d %s %s: %s\n", file, class,
		    reason, v.rule, r->code, r->enhanced,
		    reply_stage_name(r->stage), r->text);
		failures++;
	}
}

/* Consumes expect and fact. */
static void
check_recipient(const char *file, json expect, json fact)
{
	const char *code = json_str(expect, "replycode");
	const char *text = json_str(fact, "diagnosticcode");
	struct reply r = {.stage = stage_of(json_str(fact, "smtpcommand"))};

	r.code = code != NULL ? (int)strtol(code, NULL, 10) : 0;
	if (r.code < 400) { /* no server's words, or no refusal */
		no_reply++;
	} else {
		snprintf(r.text, sizeof r.text, "%s", text != NULL ? text : "");
		find_enhanced(&r);
		check_reply(file, json_str(expect, "reason"), &r);
	}
	json_free(expect);
	json_free(fact);
}

static void
check_row(json row)
{
	json expect = json_member(row, "expect", JSON_OBJECT);
	json ref = json_member(row, "ref", JSON_OBJECT);
	json recipients = json_member(expect, "recipients", JSON_ARRAY);
	json facts = json_member(ref, "facts", JSON_ARRAY);
	int n = json_is_valid(recipients) ? json_count(recipients) : 0;

	if (!json_is_valid(facts) || json_count(facts) != n)
		n = 0; /* whose text is whose? */
	for (int i = 0; i < n; i++)
		check_recipient(json_str(row, "file"), json_at(recipients, i),
		    json_at(facts, i));
	json_free(expect);
	json_free(ref);
	json_free(recipients);
	json_free(facts);
}

/* "smtp; 550-5.1.1 <a@b> …", "x-postfix; host … said: 550 …" */
static void
check_diagnostic(const char *file, const char *reason, const char *text)
{
	struct reply r = {.stage = REPLY_END};
	const char *code = strstr(text, "said: ");

	if (code != NULL)
		code += strlen("said: ");
	else if (strncasecmp(text, "smtp;", 5) == 0)
		code = text + 5 + strspn(text + 5, " ");
	r.code = code != NULL ? (int)strtol(code, NULL, 10) : 0;
	if (r.code < 400) {
		no_reply++;
		return;
	}
	snprintf(r.text, sizeof r.text, "%s", code);
	find_enhanced(&r);
	check_reply(file, reason, &r);
}

static void
check_bounceparser_row(json row)
{
	json dsn = json_member(row, "dsn", JSON_OBJECT);
	json recipients = json_member(dsn, "recipients", JSON_ARRAY);
	json ref = json_member(row, "ref", JSON_OBJECT);
	json reports = json_member(ref, "reports", JSON_ARRAY);
	int n = json_is_valid(recipients) ? json_count(recipients) : 0;

	if (!json_is_valid(reports) || json_count(reports) != n)
		n = 0;
	for (int i = 0; i < n; i++) {
		json of = json_at(recipients, i), report = json_at(reports, i);
		const char *text = json_str(of, "diagnostic_code");
		const char *reason = json_str(report, "std_reason");

		if (text != NULL && reason != NULL)
			check_diagnostic(json_str(row, "file"), reason, text);
		json_free(of);
		json_free(report);
	}
	json_free(dsn);
	json_free(recipients);
	json_free(ref);
	json_free(reports);
}

static void
check_set(const char *name, void (*check)(json row))
{
	char *path = xasprintf("corpora/%s/expect.ndjson", name);
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	char *line, *save = NULL;
	json row;

	rows = agreed = no_reply = without_reason = 0;
	if (file_read_at(root, path, FILE_MAX, &text, &e) != 1) {
		printf("%s: %s\n", path, e.text);
		exit(1);
	}
	for (line = strtok_r(text.data, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		if (json_parse(line, strlen(line), &row, &e) == -1) {
			printf("%s: %s\n", path, e.text);
			exit(1);
		}
		check(row);
		json_free(row);
	}
	printf("%s: %d of %d agree; %d without a reply, %d without a reason\n",
	    name, agreed, rows, no_reply, without_reason);
	buf_release(&text);
	free(path);
}

int
main(void)
{
	const char *shared = getenv("MAILPIPE_SHARED");

	if (shared != NULL)
		root = open(shared, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root == -1) {
		printf("no corpora in $MAILPIPE_SHARED\n");
		return SKIPPED;
	}
	check_set("bounce-sisimai", check_row);
	check_set("bounce-bounceparser", check_bounceparser_row);
	for (size_t i = 0; differences[i].file != NULL; i++)
		if (!is_needed[i]) {
			printf("%s: no difference\n", differences[i].file);
			failures++;
		}
	close(root);
	return failures > 0;
}
