/*
 * A mail on its way: head and message as they travel (mail/wire.h), with dots
 * doubled and the final dot, in windows.
 */
#ifndef NET_SMTP_BODY_H
#define NET_SMTP_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "mail/wire.h"
#include "net/smtp.h"

struct smtp_body {
	const struct smtp_mail *mail;
	struct wire seen; /* of the whole, after _open */
	struct wire wire;
	struct buf window; /* bytes to be sent */
	size_t sent; /* of the window */
	int64_t at; /* how much of the message is in windows already */
	bool is_last; /* the window ends in the final dot */
};

/*
 * Look at the whole and fill the first window; a mail that is not large is in
 * it completely.  ERR_TEMP: the message cannot be read.
 */
int smtp_body_open(
    struct smtp_body *b, const struct smtp_mail *mail, struct err *e);

/* The next window, when this one is sent and was not the last.  ERR_TEMP. */
int smtp_body_next(struct smtp_body *b, struct err *e);

/* After a mail; a little memory stays for the next one. */
void smtp_body_close(struct smtp_body *b);

void smtp_body_release(struct smtp_body *b);

#endif
