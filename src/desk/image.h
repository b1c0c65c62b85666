/*
 * The row of a mail as export writes it (desk/export.h), read again.
 *
 *   it was                                 it becomes
 *   stored                                 stored
 *   succeeded, skipped, dead, dropped,     the same
 *   parked
 *   ready, scheduled, deferred, leased     parked: where it was it may have
 *                                          been worked on since, or still is
 */
#ifndef DESK_IMAGE_H
#define DESK_IMAGE_H

#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"
#include "ledger/mail.h"

struct image {
	struct mail_image mail; /* borrows from the rest */
	json rec; /* the record as it is stored */
	json line; /* what was read */
	struct buf record, last;
	struct mail_history *history;
	struct buf entries; /* of the history, all of them */
};

/* ERR_DATA: it is none.  To be released either way. */
int image_parse(
    struct image *image, const char *text, size_t len, struct err *e);
void image_release(struct image *image);

#endif
