/*
 * A stored record made anew, when a better parser has come: what its message
 * says is found out again, in a cell (mail/examine.h).
 */
#ifndef MAIL_RENEW_H
#define MAIL_RENEW_H

#include <stdbool.h>

#include "core/err.h"
#include "core/json.h"

/* Does the record say what its message says, so that it can be made anew? */
bool renew_is_possible(json rec);

/*
 * Read the message of rec from fd and replace "message" and "fingerprint";
 * bodies are made again where there are any, and the blobs of parts stay.  The
 * envelope is left as it is, and so are the defects that are its own.
 *
 * 1: *out is the new record, *changed an array of names ("message.subject");
 * 0: nothing differs.  -1: ERR_TEMP, the parser died; ERR_DATA, parts that have
 * blobs are not the same parts today.  Does not consume rec.
 *
 * The process's SENDER and RECIPIENT are forgotten: they are of another mail.
 */
int renew_record(json rec, int fd, json *out, json *changed, struct err *e);

#endif
