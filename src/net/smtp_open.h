/*
 * A connection that is being opened: libcurl looks up the name, connects, does
 * TLS, EHLO and AUTH (RFC 5321, 3207, 8314, 4954).  LMTP is connected only.
 */
#ifndef NET_SMTP_OPEN_H
#define NET_SMTP_OPEN_H

#include <poll.h>
#include <stdint.h>

#include "net/line.h"
#include "net/share.h"
#include "net/smtp.h"
#include "net/smtp_caps.h"

enum smtp_opened {
	SMTP_OPENED_NOT_YET,
	SMTP_OPENED, /* line is the caller's, caps are what the server offers */
	SMTP_OPENED_FAILED, /* *why: reply.stage, code and text; error */
};

struct smtp_opening;

/* name is the server's in errors; borrowed, like server.  NULL: ERR_TEMP. */
struct smtp_opening *smtp_opening_new(struct net *net,
    const struct smtp_server *server, const char *name, struct err *e);

/* What smtp_watch and smtp_due say of it. */
int smtp_opening_fd(const struct smtp_opening *o);
int64_t smtp_opening_due(const struct smtp_opening *o);

enum smtp_opened smtp_opening_step(struct smtp_opening *o, int64_t now,
    struct line *line, struct smtp_caps *caps, struct smtp_answer *why);

void smtp_opening_free(struct smtp_opening *o);

#endif
