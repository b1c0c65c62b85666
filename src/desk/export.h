/*
 * `mail-store export`: mails as files, byte for byte, and beside each the row
 * that it has, so that import makes the same mail of it.
 *
 *   DIR/ID.eml        the message       Maildir: DIR/new/ID
 *   DIR/ID.K.part     blobs of parts    Maildir: DIR/mailpipe/ID.K.part
 *   DIR/ID.json       the row, last     Maildir: DIR/mailpipe/ID.json
 *
 * A kill, at any step, leaves files that are whole, and perhaps ones that end
 * in .tmp; the next run goes on: bytes that are there are not written again,
 * and a row that has changed since is.
 *
 * The row: the record as `show` has it, with "history", and
 * {"exported":{"v":1,"priority":0,"stored_at":…,"queued_at":…,"due_at":…,
 * "deliveries":0,"interrupted":false}}, times in RFC 3339.
 */
#ifndef DESK_EXPORT_H
#define DESK_EXPORT_H

#include <stdbool.h>

#include "core/err.h"
#include "desk/listing.h"
#include "queue/engines.h"

struct exporting {
	struct listing which;
	const char *dir;
	bool is_maildir;
};

/*
 * With -v it says how many there are.  A mail whose bytes are gone or damaged
 * is named, counts as failed (ERR_TEMP), and has no row there.
 */
int export_run(struct queue *q, const struct exporting *how, struct err *e);

#endif
