/* Who wrote a message, by its header. */
#ifndef SEND_AUTHOR_H
#define SEND_AUTHOR_H

#include "core/bulk.h"
#include "core/err.h"

/*
 * The address of From, which must be one field with one address at least (RFC
 * 5322 3.6.2), of which the first counts.  NULL: ERR_DATA, ERR_TEMP.  The
 * caller frees it.
 */
char *author_of(const struct bulk *message, struct err *e);

#endif
