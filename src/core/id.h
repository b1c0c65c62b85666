/* Names, ids and digests. */
#ifndef CORE_ID_H
#define CORE_ID_H

#include <sodium/crypto_generichash.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	ID_TEXT = 33, /* 32 hex digits and NUL: what we make ourselves */
	ID_MAX = 64, /* longest id that we accept */
	NAME_MAX_LEN = 64, /* longest tenant or queue name */
	DIGEST_TEXT = 68, /* "b2:", 64 hex digits, NUL */
};

/* [0-9A-Za-z_-]{1,64} and no leading '-' (it would look like an option). */
bool id_valid(const char *id, size_t len);

/* Tenants and queues: [A-Za-z0-9][A-Za-z0-9._-]{0,63}. */
bool name_valid(const char *name, size_t len);

/* A random id.  Returns id. */
char *id_random(char id[ID_TEXT]);

/*
 * An id derived from n strings, each hashed with its length, so that
 * ("ab","c") and ("a","bc") differ.  Returns id.
 */
char *id_derive(const char *const *parts, size_t n, char id[ID_TEXT]);

/* BLAKE2b-256, in pieces. */
struct digest {
	crypto_generichash_state state;
};
void digest_init(struct digest *d);
void digest_add(struct digest *d, const void *data, size_t n);
/* "b2:" and 64 hex digits.  d is used up.  Returns text. */
char *digest_text(struct digest *d, char text[DIGEST_TEXT]);

#endif
