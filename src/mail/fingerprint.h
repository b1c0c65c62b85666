/*
 * The fingerprint tells that two deliveries are the same mail, whatever their
 * trace fields and line ends.  It is "f1:" and the 64 hex digits of BLAKE2b-256
 * over elements, each after its length (64 bits, little-endian):
 *
 *   tenant
 *   envelope recipient, A-Z as a-z; empty when unknown
 *   name and value of each field From, To, Cc, Subject, Date, Message-ID: in
 *     this order of names, repeated ones as they come; names in lower case,
 *     values unfolded, each run of white space one space, none at the ends
 *   "body"
 *   the digest ("b2:…") of the body: line ends as LF, line ends at the end cut
 *
 * Without Date and Message-ID two equal notices cannot be told from one that
 * came twice.  What differs is what the MTA wrote on top of each, so then it is
 *
 *   tenant
 *   envelope recipient as it stands
 *   "raw"
 *   the digest of the message without a leading "From " line
 *
 * which is equal when the MTA tries one queue file again, and only then.  So it
 * is as well when the header was not read whole.
 */
#ifndef MAIL_FINGERPRINT_H
#define MAIL_FINGERPRINT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/id.h"
#include "mail/header.h"

enum {
	FINGERPRINT_TEXT = DIGEST_TEXT, /* "f1:", 64 hex digits, NUL */
};

/* The body's part, fed as it is read. */
struct body_digest {
	struct digest digest;
	size_t newlines; /* line ends after which nothing came yet */
	bool has_cr; /* the last byte was a CR */
};

void body_digest_init(struct body_digest *b);
void body_digest_add(struct body_digest *b, const char *data, size_t n);
/* b is used up.  Returns text. */
char *body_digest_text(struct body_digest *b, char text[DIGEST_TEXT]);

/* Does the header tell this mail from an equal one? */
bool fingerprint_has_identity(const struct header *h);

/* body is what body_digest_text made.  Returns text. */
char *fingerprint_mail(const char *tenant, const char *recipient,
    const struct header *h, const char *body, char text[FINGERPRINT_TEXT]);

/* raw is the digest without the "From " line.  Returns text. */
char *fingerprint_raw(const char *tenant, const char *recipient,
    const char *raw, char text[FINGERPRINT_TEXT]);

#endif
