/*
 * What is said of a mail before its bytes: MAIL and RCPT with the parameters
 * that the server offers (RFC 5321, 1870, 6152, 6531, 3461).
 */
#ifndef NET_SMTP_MAIL_H
#define NET_SMTP_MAIL_H

#include "core/buf.h"
#include "mail/wire.h"
#include "net/smtp.h"
#include "net/smtp_caps.h"

/*
 * Can it be said and sent there?  seen is of its bytes.  ERR_DATA: no; nothing
 * of an address or of the message is in the text.
 */
int smtp_mail_check(const struct smtp_mail *mail, const struct wire *seen,
    const struct smtp_caps *caps, struct err *e);

/* Append the commands, with their line ends; the mail is checked. */
void smtp_mail_from(struct buf *out, const struct smtp_mail *mail,
    const struct wire *seen, const struct smtp_caps *caps);
void smtp_mail_to(struct buf *out, const struct smtp_mail *mail,
    const struct smtp_caps *caps);

#endif
