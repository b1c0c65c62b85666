/* The message of a record, for who wants to see it: nothing is sent. */
#ifndef SEND_PREVIEW_H
#define SEND_PREVIEW_H

#include "core/err.h"

/*
 * Write the message of the one record on stdin to stdout, unsigned.  Another
 * record is refused.  ERR_DATA, ERR_TEMP.
 */
int preview(struct err *e);

#endif
