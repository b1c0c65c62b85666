/*
 * DKIM: the form in which a message is signed (RFC 6376, 3.4 and 3.7).  All of
 * it is in wire form (mail/wire.h): there is no CR and no LF but in CRLF.  We
 * sign relaxed/relaxed; what others have signed may be simple.
 */
#ifndef MAIL_DKIM_CANON_H
#define MAIL_DKIM_CANON_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "mail/header.h"

enum dkim_canon {
	DKIM_RELAXED,
	DKIM_SIMPLE,
};

/* The digest of a body, which comes in pieces. */
struct dkim_body {
	enum dkim_canon canon;
	EVP_MD_CTX *md;
	bool has_failed;
	/* Read, and of no effect if nothing follows: */
	bool is_apart; /* white space */
	int64_t line_ends;
	bool has_text;
	size_t n;
	char block[4096]; /* goes into the digest next */
};

void dkim_body_init(
    struct dkim_body *b, enum dkim_canon canon, const EVP_MD *algorithm);
void dkim_body_add(struct dkim_body *b, const char *data, size_t n);

/* The digest; false: libcrypto failed. */
bool dkim_body_end(struct dkim_body *b, unsigned char digest[EVP_MAX_MD_SIZE]);
void dkim_body_release(struct dkim_body *b);

/* Append a field, without the CRLF at its end. */
void dkim_add_field(struct slice name, struct slice value,
    enum dkim_canon canon, struct buf *out);

/*
 * Append the fields of the list, as h= has them, each with CRLF: a name that
 * occurs again takes the next field above, and nothing when there is none (RFC
 * 6376, 5.4.2).
 */
void dkim_add_fields(const struct header *h, const char *const *names, size_t n,
    enum dkim_canon canon, struct buf *out);

#endif
