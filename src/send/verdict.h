/* What came of a try to send, and what it means for the transport. */
#ifndef SEND_VERDICT_H
#define SEND_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

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
	bool is_slow_down; /* there was too much of it */
	/* For "detail", as far as they are known. */
	const char *stage, *rule;
	char enhanced[12];
};

/* Trouble that has no reply: all mail of the transport has it. */
struct verdict verdict_trouble(
    const char *status, const char *class, const struct err *why);

/* The letter is done with it. */
void verdict_apply(const struct verdict *v, struct letter *l);

#endif
