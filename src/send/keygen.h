/* New keys for DKIM. */
#ifndef SEND_KEYGEN_H
#define SEND_KEYGEN_H

#include "core/err.h"

struct keygen {
	const char *algorithm; /* "rsa", "ed25519" */
	const char *domain, *selector;
	const char *file; /* NULL: SELECTOR.DOMAIN.pem, here */
};

/*
 * Make a key: the private one into the file, mode 0600, never over another
 * one; the DNS record of the public one to stdout.  ERR_USAGE, ERR_TEMP.
 */
int keygen(const struct keygen *how, struct err *e);

#endif
