/* DKIM: what is done with a key (mail/dkim.h makes them). */
#ifndef MAIL_DKIM_KEY_H
#define MAIL_DKIM_KEY_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"
#include "mail/dkim.h"

struct dkim_key {
	EVP_PKEY *pkey;
	enum dkim_algorithm algorithm;
};

/* As a= has it. */
const char *dkim_key_algorithm(const struct dkim_key *k);

/* Append the base64 of the signature of these bytes.  ERR_TEMP. */
int dkim_key_sign(const struct dkim_key *k, const char *data, size_t n,
    struct buf *out, struct err *e);

/* Append the base64 of the public half, as p= has it.  ERR_TEMP. */
int dkim_key_public(const struct dkim_key *k, struct buf *out, struct err *e);

#endif
