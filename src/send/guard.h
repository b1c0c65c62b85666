/*
 * The guard of a transport, for rehearsal and development:
 *
 *   "allow": ["a@example.com", "@example.org"]   all others are skipped
 *   "rewrite_to": "dev@example.com"              all goes there
 */
#ifndef SEND_GUARD_H
#define SEND_GUARD_H

#include "send/letter.h"

/* May it go there?  It is done, with "skip", or its recipient is another. */
void guard_check(struct letter *l);

#endif
