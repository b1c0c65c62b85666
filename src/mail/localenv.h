/*
 * The environment of a handler: what Postfix local(8) gives to a command, made
 * from a record.  Facts: local(8), OpenSMTPD, qmail-command(8), Exim.
 */
#ifndef MAIL_LOCALENV_H
#define MAIL_LOCALENV_H

#include <stddef.h>
#include <stdint.h>

#include "core/json.h"

/* "NAME=value" strings for execve(2); all are ours until the release. */
struct localenv {
	char **vars; /* ends with NULL */
	size_t n;
};

/*
 * From "envelope.env", the MTA's own variables, verbatim, as far as they are
 * names that an MTA uses (a record may be forged: no LD_PRELOAD, no PATH).
 * Without any of them, derived from "envelope" as local(8) does:
 *
 *   SENDER              from, "" when missing
 *   RECIPIENT           to; the next three as well only when it is known
 *   LOCAL               left of its last @
 *   DOMAIN              right of it
 *   EXTENSION           in LOCAL, behind the first +
 *   ORIGINAL_RECIPIENT  original_to
 *   CLIENT_ADDRESS CLIENT_HELO CLIENT_HOSTNAME CLIENT_PROTOCOL
 *                       client.address, helo, name, protocol
 *   USER LOGNAME HOME SHELL
 *                       of the user we run as
 *
 * each with '_' for what Postfix does not let through.  Then, always, PATH
 * (ours, else /usr/bin:/bin), TZ MAIL_CONFIG LANG (ours, when set), MAIL_ID,
 * MAIL_TENANT and MAIL_ATTEMPT.  Does not consume rec.
 */
void localenv_make(struct localenv *env, json rec, int64_t attempt);

/* Add a variable, or replace it. */
void localenv_set(struct localenv *env, const char *name, const char *value);

void localenv_release(struct localenv *env);

#endif
