/*
 * An mbox file: messages one after the other, each begun by a "From " line with
 * a time in it, before which is the beginning of the file or a blank line.
 *
 * That line stays with its message, as an MTA's pipe gives it; the blank line
 * before the next one does not.  Lines that a writer has quoted (">From ") stay
 * as they are: which writers quote what, nobody can tell.
 */
#ifndef INGEST_MBOX_H
#define INGEST_MBOX_H

#include "core/err.h"
#include "ingest/ingest.h"

/*
 * Read all messages of an mbox.  What is wrong with one of them is reported
 * (tool_failed), and the others are read.  ERR_DATA: it is no mbox.
 */
int mbox_read(struct ingest *in, int fd, const char *name, struct err *e);

#endif
