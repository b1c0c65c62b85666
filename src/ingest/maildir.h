/*
 * A Maildir as a lane into the queue, without a process a mail.
 *
 *   new/NAME      delivered by an MTA
 *   claimed/NAME  read by one of us, its record on the way
 *   (gone)        the record is queued: settled
 *
 * A claim is a rename, so each file has one reader.  A line that dies leaves
 * its claims behind; after the lease time they are read again, which is
 * harmless: ids are derived.  cur/ and tmp/ are never touched.
 */
#ifndef INGEST_MAILDIR_H
#define INGEST_MAILDIR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "ingest/ingest.h"

struct maildir_options {
	bool
	    is_following; /* wait for more, until a signal or our reader ends */
	int64_t lease_s;
};

/*
 * Read what is in new/, and claims that are too old, in the order of their
 * names.  ERR_TEMP.  A file that cannot be read is reported (tool_failed) and
 * stays claimed, so that it is tried again after the lease time.
 */
int maildir_read(struct ingest *in, const char *dir,
    const struct maildir_options *options, struct err *e);

/*
 * The end of the line: records on stdin.  Those with a result ok are settled,
 * the others' files go back to new/.
 */
int maildir_settle(const char *dir, struct err *e);

#endif
