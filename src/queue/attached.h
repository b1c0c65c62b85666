/*
 * Attachments of a mail that is to be sent, "mail.attachments[]", on their way
 * to being blobs.  Each brings its bytes as one of
 *
 *   content   base64 text, or an object as a message's "content" is
 *   base64    base64 text
 *   path      a file below the directory of mail-store put --attach-from
 *   blob      stored bytes: of this mail, or of mail-store put --file, which
 *             stay where they are; of another mail, which are copied
 *
 * White space in base64 does not matter.  First the bytes of all are taken,
 * into files of the spool; when it is known how many records share them, each
 * gets a name of each of these files for itself: one blob, one owner.
 */
#ifndef QUEUE_ATTACHED_H
#define QUEUE_ATTACHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/json.h"
#include "queue/deposits.h"
#include "queue/engines.h"
#include "store/spool.h"

struct attached {
	struct spool spool;
	int index; /* in mail.attachments */
};

struct attaching {
	struct queue *q;
	int dir; /* of paths; -1: there are none */
	const char *id; /* of the record, NULL: it has none yet */
	struct attached *all;
	size_t n;
};

/*
 * Take the bytes of all attachments of rec.  Each is left with "blob", which
 * has "size" and "digest" but no "ref" yet where the bytes were taken; "type"
 * and "name" are set where they were missing and are known.  ERR_DATA names the
 * attachment; ERR_TEMP.
 */
int attached_take(struct attaching *a, json *rec, struct err *e);

/* So many records will have them. */
int attached_share(struct attaching *a, size_t n, struct err *e);

/*
 * The next of these, with its "id": the references in it are set, and what is
 * to be put is added to out.  ERR_DATA: under this id other bytes are stored.
 */
int attached_give(struct attaching *a, json *rec, int64_t at,
    struct deposits *out, struct err *e);

/* What was not given is removed. */
void attached_release(struct attaching *a);

/* Is it of a file that was stored by itself (mail-store put --file)? */
bool attached_is_file(const char *ref);

/* What the ids of those begin with. */
#define ATTACHED_FILE "file-"

#endif
