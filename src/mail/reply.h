/*
 * What a mail server's reply means (RFC 5321, RFC 3463): one table for SMTP,
 * LMTP and, later, bounces.  Rules are in src/mail/reply_rules.txt, the first
 * that fits decides: rules of text first, then the enhanced code, then the
 * basic code, then its first digit.
 */
#ifndef MAIL_REPLY_H
#define MAIL_REPLY_H

#include <stdbool.h>
#include <stdint.h>

/* Where in the dialog it came. */
enum reply_stage {
	REPLY_CONNECT, /* greeting, EHLO, STARTTLS */
	REPLY_AUTH,
	REPLY_MAIL,
	REPLY_RCPT,
	REPLY_DATA,
	REPLY_END, /* after the final dot */
	REPLY_STAGES, /* how many */
};
const char *reply_stage_name(enum reply_stage s); /* "connect", "auth", … */

struct reply {
	enum reply_stage stage;
	int code; /* 250; 0: there was none that could be read */
	char enhanced[12]; /* "5.1.1", of the first line, or "" */
	char text[512]; /* UTF-8 without control characters, lines joined */
};

struct reply_verdict {
	const char *status; /* of a result: "ok", "retry", "snooze", "fail" */
	/*
	 * Of a result: "recipient", "mailbox-full", "size", "content",
	 * "policy", "greylist", "throttle", "credentials", "configuration",
	 * "network", "server".
	 */
	const char *class;
	const char *rule; /* which one decided */
	int64_t after_s; /* what the text asks for ("try again in 5 minutes"),
			    or what the rule says; 0: nothing */
	bool is_transport; /* the transport's trouble, not the mail's */
	bool is_slow_down; /* its rate is to be lowered */
};

struct reply_verdict reply_classify(const struct reply *r);

#endif
