/* What came of a try to send, and what it means for the transport. */
#ifndef SEND_VERDICT_H
#define SEND_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "net/smtp.h"
#include "send/letter.h"

enum {
	VERDICT_REASON = 640,
};

struct verdict {
	const char *status, *class; /* of a result; class may be NULL */
	int code; /* of the reply, or an exit status; -1: none */
	char reason[VERDICT_REASON];
	char provider_id[80]; /* what the server calls it, or "" */
	int64_t after_s; /* 0: not said */
	bool is_transport; /* all of its mail has this trouble */
	bool is_mails; /* the transport works: it is this mail's trouble */
	bool is_slow_down; /* there was too much of it */
	bool is_login; /* the login was refused */
	bool is_again; /* a kept connection was over: try it on another */
	/* For "detail", as far as they are known. */
	const char *stage, *rule;
	char enhanced[12];
};

/* Trouble that has no reply: all mail of the transport has it. */
struct verdict verdict_trouble(
    const char *status, const char *class, const struct err *why);

/*
 * What a server has answered.  is_kept: the connection has had mail before, so
 * that it may have been closed for its age.
 */
struct verdict verdict_of_answer(
    const struct smtp_answer *answer, bool is_kept);

/* The letter is done with it. */
void verdict_apply(const struct verdict *v, struct letter *l);

#endif
