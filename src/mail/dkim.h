/*
 * DKIM signatures (RFC 6376; RSA-SHA256 after RFC 8301, Ed25519-SHA256 of RFC
 * 8463), relaxed/relaxed, oversigned, never with l=.  Keys are libcrypto's.
 */
#ifndef MAIL_DKIM_H
#define MAIL_DKIM_H

#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/bulk.h"
#include "core/err.h"

struct dkim_key;

/*
 * A private key: PEM (PKCS#8 or PKCS#1) without a passphrase, or the base64 of
 * the 32 bytes of an Ed25519 seed.  NULL: ERR_TEMP, it is none, or RSA under
 * 1024 bits.  No error text has any of it.
 */
struct dkim_key *dkim_key_parse(const char *text, size_t len, struct err *e);
void dkim_key_free(struct dkim_key *k);

struct dkim_signer {
	const struct dkim_key *key;
	const char *domain, *selector;
};

/*
 * Append one "DKIM-Signature: …\r\n" for each signer, in their order, to stand
 * before the message as mail/wire.h makes it.  ERR_DATA: the message can't be
 * signed (not one From); ERR_TEMP.
 */
int dkim_sign(const struct bulk *message, const struct dkim_signer *signers,
    size_t n, int64_t at_s, struct buf *fields, struct err *e);

enum dkim_algorithm {
	DKIM_RSA, /* 2048 bits */
	DKIM_ED25519,
};

/* A new private key, PKCS#8 PEM, appended to pem.  ERR_TEMP. */
int dkim_keygen(enum dkim_algorithm a, struct buf *pem, struct err *e);

/*
 * Append the DNS record that publishes its public half, in zone file form, its
 * text in strings of at most 255 bytes: "S._domainkey.D. IN TXT ( "…" "…" )".
 */
int dkim_dns_record(
    const struct dkim_signer *s, struct buf *out, struct err *e);

#endif
