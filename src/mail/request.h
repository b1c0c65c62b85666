/*
 * The message that go-to-k/mail-queues takes, as it is:
 *
 *   {"mailKey":"…","subject":"…","body":"…","toAddress":"…",
 *    "attachedFileKeys":["…"]}
 */
#ifndef MAIL_REQUEST_H
#define MAIL_REQUEST_H

#include <stdbool.h>

#include "core/err.h"
#include "core/json.h"

/* Is it one?  Does not consume rec. */
bool request_is(json rec);

/*
 * Make it a record that is to be sent: "key", and "mail" with "to", "subject",
 * "text" and "attachments", whose "path" is mailKey/attachedFileKey, as those
 * are stored there.  "from" beside it becomes mail.from; all other members
 * stay. Neither key may be more than one name in a path.  ERR_DATA, then *rec
 * is as it was.
 */
int request_convert(json *rec, struct err *e);

#endif
