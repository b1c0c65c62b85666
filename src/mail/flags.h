/*
 * What kind of mail it is, for those who answer mail by program (RFC 3834):
 *
 *   loop            one address twice in Delivered-To, or more than 50 Received
 *   auto-submitted  Auto-Submitted other than "no" (RFC 3834 5), Precedence
 *                   auto_reply, X-Autoreply, X-Autorespond
 *   list            List-Id, List-Post, List-Unsubscribe (RFC 2369, 2919),
 *                   Precedence list
 *   bulk            Precedence bulk or junk
 *   bounce          a delivery status notification (RFC 3464); or the null
 *                   sender together with X-Failed-Recipients or a From that is
 *                   mailer-daemon or postmaster
 */
#ifndef MAIL_FLAGS_H
#define MAIL_FLAGS_H

#include <stdbool.h>

#include "core/buf.h"
#include "mail/header.h"

/*
 * Append the member "flags", an array of these names, when there are any, to
 * the JSON object in out.  sender: of the envelope, NULL: unknown.  is_dsn: the
 * message has a part message/delivery-status.
 */
void flags_write(
    const struct header *h, const char *sender, bool is_dsn, struct buf *out);

#endif
