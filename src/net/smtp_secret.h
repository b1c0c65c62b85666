/* A server could repeat what it was told. */
#ifndef NET_SMTP_SECRET_H
#define NET_SMTP_SECRET_H

#include "mail/reply.h"

/*
 * The text of a reply that holds the password, as it is or anywhere in base64,
 * is replaced.  Passwords of less than four bytes are everywhere, and stay.
 */
void smtp_hide_secret(const char *password, struct reply *reply);

#endif
