/*
 * Who signs (DKIM): the keys of the tenant, tenants.T.dkim, else those of the
 * author's domain, dkim.DOMAIN; each is {domain, selector, key}, or a list of
 * these, RSA first.  Keys are loaded once.
 */
#ifndef SEND_SIGNING_H
#define SEND_SIGNING_H

#include "core/config.h"
#include "core/err.h"
#include "send/letter.h"

struct signer_set;

struct signing {
	const struct config *config;
	struct signer_set **sets; /* as far as asked for */
	size_t n;
};

/*
 * Put the signatures before the message: into l->head, in front.  ERR_TEMP: a
 * key cannot be had; ERR_DATA: the message cannot be signed.
 */
int signing_sign(struct signing *s, struct letter *l, struct err *e);

void signing_release(struct signing *s);

#endif
