/*
 * The envelope of a mail that an MTA hands to a command: who sent it, for whom
 * it is.  From options, else from the MTA's environment, else from the fields
 * that the MTA put on top of the message, else from its "From " line.
 *
 * An environment is an MTA's when it has SENDER or RECIPIENT (Postfix local(8),
 * OpenSMTPD, qmail-command(8), Exim's pipe transport; sendmail gives none).  In
 * the message only the topmost run of Return-Path, X-Original-To and
 * Delivered-To counts, the first of each: what stands below another field came
 * with the mail and may be a lie.
 *
 * Postfix turns characters that mean something to a shell into '_' in the
 * environment.  Where the field on top becomes the environment's value in this
 * way, the field is the true one.
 */
#ifndef MAIL_ENVELOPE_H
#define MAIL_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/json.h"
#include "mail/defect.h"
#include "mail/header.h"

enum {
	ENVELOPE_ENV_MAX = 4096, /* longest value of a variable that is kept */
};

struct envelope_address {
	char *text; /* as it stands; NULL: not known; "": the null sender */
	const char *source; /* "option", "env:SENDER", "header:Return-Path" … */
};

struct envelope {
	struct envelope_address from, to, original_to;
	bool has_env; /* an MTA's */
	defect_set defects; /* mail/defect.h */
};

/*
 * Find out sender and recipient of the message with header h.  sender and
 * recipient: from options (address_clean), or NULL.
 */
void envelope_resolve(struct envelope *env, const char *sender,
    const char *recipient, const struct header *h);

/* Another recipient from an option. */
void envelope_set_recipient(struct envelope *env, const char *recipient);

void envelope_release(struct envelope *env);

/*
 * The record's "envelope": from, to, original_to, client, source and env, those
 * that are known.  Defects in what it passes on are added to *defects.
 */
json envelope_json(const struct envelope *env, defect_set *defects);

#endif
