/*
 * Replies as they come, in whichever pieces (RFC 5321, 4.2; RFC 2034).  The
 * server is not trusted: of a line SMTP_LINE_KEPT bytes are kept and
 * SMTP_LINE_MAX read, of a reply SMTP_LINES_MAX lines.
 */
#ifndef NET_SMTP_REPLY_H
#define NET_SMTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/reply.h"
#include "net/smtp_caps.h"

enum {
	SMTP_LINE_KEPT = 512,
	SMTP_LINE_MAX = 64 * 1024,
	SMTP_LINES_MAX = 100,
};

struct smtp_reader {
	struct reply reply; /* code, enhanced and text; stage stays untouched */
	/* Takes the keywords of 250 replies, from their second line on; NULL:
	 * nobody does. */
	struct smtp_caps *caps;
	int lines; /* of this reply, complete ones */
	size_t text_len;
	char line[SMTP_LINE_KEPT];
	size_t kept, seen; /* bytes of the line */
};

enum smtp_got {
	SMTP_GOT_MORE, /* all bytes are used, and the reply is not complete */
	SMTP_GOT_REPLY, /* it is in reply until the next call */
	SMTP_GOT_GARBAGE, /* what came is no reply */
};

/* Before the first reply, and when what was begun does not count any more. */
void smtp_reader_reset(struct smtp_reader *r);

/* Read up to the end of one reply; *used bytes were. */
enum smtp_got smtp_reader_add(
    struct smtp_reader *r, const char *data, size_t n, size_t *used);

#endif
