/*
 * A message as it comes in, fed piece by piece: its header, its digests, and
 * its first bytes.  Memory stays flat, however long it is: the bytes that are
 * to be kept, or the header when it is longer (at most HEADER_MAX and a piece).
 */
#ifndef MAIL_MESSAGE_H
#define MAIL_MESSAGE_H

#include <jv.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/id.h"
#include "mail/defect.h"
#include "mail/envelope.h"
#include "mail/fingerprint.h"
#include "mail/header.h"

struct message {
	int64_t size;
	struct buf head; /* the first bytes: all, while size <= keep_max */
	size_t keep_max;
	struct header_scan scan;
	defect_set defects; /* mail/defect.h */
	/* After message_end: */
	struct header header;
	char digest[DIGEST_TEXT]; /* of the bytes as they came */
	char bare[DIGEST_TEXT]; /* without a leading "From " line */
	char body[DIGEST_TEXT]; /* mail/fingerprint.h */
	/* While it comes in: */
	struct digest digesting, baring;
	struct body_digest bodying;
};

/* keep_max: how many bytes are wanted in head. */
void message_init(struct message *m, size_t keep_max);
void message_add(struct message *m, const char *data, size_t n);
void message_end(struct message *m);
void message_release(struct message *m);

/*
 * Its record for one envelope recipient, as mail-record(5) has it, without
 * "of" and "content".
 */
jv message_record(const struct message *m, const struct envelope *env,
    const char *tenant, int64_t received_at);

#endif
