/* Whom a record goes to and whom bounces go to, and who may say so. */
#ifndef SEND_ENVELOPE_H
#define SEND_ENVELOPE_H

#include "core/config.h"
#include "send/letter.h"

/*
 * Sender and recipient: of "envelope", else of a "mail" with one recipient.
 * Done, with "fail", when there is none, or more than one.
 */
void envelope_read(struct letter *l);

/*
 * Is the author, as far as it is known, one of those whom the tenant may name
 * (tenants.T.from_domains)?  Done, with "fail", when not.
 */
void envelope_check_from(struct letter *l, const struct config *config);

/* The domain of an address, borrowed; "" when it has none. */
const char *envelope_domain(const char *address);

#endif
