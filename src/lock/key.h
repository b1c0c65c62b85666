/*
 * Which lock a record needs, and what must be the same when it comes again.
 */
#ifndef LOCK_KEY_H
#define LOCK_KEY_H

#include <stdint.h>

#include "core/buf.h"
#include "core/id.h"
#include "core/json.h"

/*
 * Append the key of a record that record_check has passed:
 *
 *   TENANT:out:KEY:RECIPIENT      it has "mail" and "key"
 *   TENANT:in:RECIPIENT:FINGERPRINT   it has "fingerprint"; in lower case
 *   TENANT:id:ID                  neither
 *
 * In each part ':', '%', blanks and control characters are %XX, and what is
 * longer than 300 bytes is "%b2" and the 64 hex digits of its BLAKE2b-256.
 * Does not consume rec.
 */
void lock_key(json rec, struct buf *out);

/* The same for a text of the user's: TENANT:key:TEXT. */
void lock_key_text(json rec, const char *text, size_t len, struct buf *out);

/*
 * The digest of "mail" without "id", "message_id", "date" and the header fields
 * Message-ID and Date, members sorted; stored bytes count by their digest.  ""
 * where there is no "mail": nothing is compared then, for a mail that came is
 * its fingerprint, and its trace fields differ.  Does not consume rec.
 */
char *lock_content(json rec, char text[DIGEST_TEXT]);

/* Which delivery of its row it is, "lease.deliveries"; 0 without a lease. */
int64_t lock_delivery(json rec);

#endif
