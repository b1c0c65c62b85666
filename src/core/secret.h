/*
 * Secrets: a password or a key that the configuration says how to get.
 *
 *   {"file":"/etc/mailpipe/smtp"}      readable by its owner only, who is us or
 *                                      root
 *   {"command":["pass","show","smtp"]} what it prints; no shell; 10 s
 *   {"credential":"smtp"}              below $CREDENTIALS_DIRECTORY, systemd's
 *
 * One line end behind it is taken off.  No error text has any of it.
 */
#ifndef CORE_SECRET_H
#define CORE_SECRET_H

#include <stddef.h>

#include "core/err.h"
#include "core/json.h"

enum {
	SECRET_MAX = 64 * 1024, /* bytes */
	SECRET_COMMAND_S = 10, /* how long a command may take */
};

/* NUL is data; there is a NUL of ours behind it. */
struct secret {
	char *data; /* NULL: none */
	size_t len;
};

/* clang-format off */
#define SECRET_INIT {NULL, 0}
/* clang-format on */

/*
 * Get it, from such an object.  ERR_TEMP says what is wrong and what to do.
 * Borrows from.
 */
int secret_get(struct secret *s, json from, struct err *e);

/* Overwrite and free it. */
void secret_release(struct secret *s);

#endif
