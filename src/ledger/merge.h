/*
 * A record that is put on a queue after it was stored: it may have changed on
 * its way, but the blobs are those that were stored, and with them digest and
 * size.  (When an MTA tries again, its "From " line is another.)
 */
#ifndef LEDGER_MERGE_H
#define LEDGER_MERGE_H

#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"

struct merge_text {
	const char *data;
	size_t len;
};

/*
 * Write the record put into out, with the blobs of the record stored: "blob",
 * "digest", "size", "blob" of each element of "message.parts", and of those
 * "mail.attachments" that have one of the same K (ledger/parts.h).  1, 0 when
 * there are none and put is right as it is, -1 ERR_DATA: one is no JSON.
 */
int merge_blobs(struct merge_text stored, struct merge_text put,
    struct buf *out, struct err *e);

/* The last two of these, of records that are parsed.  Consumes put. */
json merge_parts(json put, json stored);

#endif
