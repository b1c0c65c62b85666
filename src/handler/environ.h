/* The whole environment of a handler, whichever way it came to be run. */
#ifndef HANDLER_ENVIRON_H
#define HANDLER_ENVIRON_H

#include <stdint.h>

#include "core/json.h"
#include "handler/route.h"
#include "mail/localenv.h"

/* What MAIL_RECORD says: the file handler_record made, as the handler has it.
 */
#define ENVIRON_RECORD "/dev/fd/3"

/*
 * That of localenv_make, MAIL_RECORD, and what the route adds.  Release it with
 * localenv_release.  Does not consume rec.
 */
void environ_make(
    struct localenv *env, const struct route *route, json rec, int64_t attempt);

/* "MAIL_ID=…", which is in no other handler's environment; for the caller to
 * free. */
char *environ_mark(json rec);

#endif
