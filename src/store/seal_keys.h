/*
 * The keys of encryption at rest, as the configuration names them:
 *
 *   keys.public       the key that new mail is sealed to, or the file that has
 *                     it ("/…"): "mailpipe-public-1:" and 64 hex digits
 *   keys.secret_file  the key ring: "mailpipe-secret-1:" and 64 hex digits a
 *                     line; empty lines and those with '#' do not count
 *
 * Each is read when it is first needed: who receives never looks for a secret
 * key.
 */
#ifndef STORE_SEAL_KEYS_H
#define STORE_SEAL_KEYS_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/config.h"
#include "core/err.h"
#include "store/seal.h"

#define SEAL_PUBLIC_PREFIX "mailpipe-public-1:"
#define SEAL_SECRET_PREFIX "mailpipe-secret-1:"

/* Starts as zeros. */
struct seal_keys {
	bool is_public_read, is_ring_read;
	bool has_public;
	struct seal_public public;
	struct seal_ring ring;
};

/* Is anything of it configured?  Then there may be something to open. */
bool seal_is_configured(const struct config *c);

/*
 * *out is the key to seal to, NULL when none is configured.  ERR_TEMP: it is
 * there, and no key.
 */
int seal_keys_public(struct seal_keys *k, const struct config *c,
    const struct seal_public **out, struct err *e);

/*
 * The key ring.  ERR_TEMP: "the secret key is missing", others can read the
 * file, or it has what is no key.
 */
int seal_keys_ring(struct seal_keys *k, const struct config *c,
    const struct seal_ring **out, struct err *e);

void seal_keys_release(struct seal_keys *k);

/*
 * Make a pair of keys.  secret is a new file, readable by its owner alone, and
 * public one that all may read, NULL: none; ERR_TEMP when either is there
 * already.  *made tells the public key.
 */
int seal_keys_generate(const char *secret, const char *public,
    struct seal_public *made, struct err *e);

/* Remove what was just made: nobody has heard of it. */
void seal_keys_forget(const char *secret, const char *public);

/* The text of a public key, as the configuration has it; appended. */
void seal_public_text(const struct seal_public *p, struct buf *out);

#endif
