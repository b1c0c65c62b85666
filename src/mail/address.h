/* Envelope addresses, as they stand: nothing is normalised. */
#ifndef MAIL_ADDRESS_H
#define MAIL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"

enum {
	ADDRESS_MAX = 1000, /* bytes; RFC 5321 4.5.3.1 has at most 320 */
};

/*
 * An address without blanks and <> around it; the caller frees it.  NULL:
 * ERR_USAGE, it holds control characters or is too long.
 */
char *address_clean(const char *s, size_t len, struct err *e);

/*
 * Is safe what Postfix local(8) makes of full in a command's environment ('_'
 * for what a shell might mind, a quoted local part unquoted), and not all of
 * it?
 */
bool address_is_sanitised(const char *safe, const char *full);

/*
 * As it stands in a header or an SMTP command: a local part that is no dot-atom
 * (RFC 5322 3.2.3, RFC 5321 4.1.2 Dot-string) gets quotes, if it has none:
 * a..b@docomo.ne.jp is "a..b"@docomo.ne.jp there.
 */
void address_quote(struct buf *out, const char *address);

#endif
