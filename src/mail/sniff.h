/*
 * What the first bytes of a part look like, whatever its header says: a MIME
 * type.  What is declared as text, or as a notice (message/delivery-status),
 * and may be text is found without help ("text/plain", or "text/html"); the
 * usual signatures by a table; all else by libmagic, whose database is opened
 * beforehand and mapped when first asked for, since that costs a millisecond
 * and most mail never needs it.
 */
#ifndef MAIL_SNIFF_H
#define MAIL_SNIFF_H

#include <stddef.h>

enum {
	SNIFF_BYTES = 4096, /* so many are looked at */
};

struct sniff;

/*
 * Opens the database, and nothing after that: afterwards neither files nor the
 * network are touched, only anonymous memory and the open descriptor.  Where
 * there is no database, sniffing goes on without it.
 */
struct sniff *sniff_new(void);
void sniff_free(struct sniff *s);

/*
 * The type of a part's decoded first bytes; declared: what its header says, in
 * lower case.  Borrowed until the next call.  NULL: nothing can be said (no
 * bytes, or no database).
 */
const char *sniff_type(
    struct sniff *s, const char *declared, const char *data, size_t n);

#endif
