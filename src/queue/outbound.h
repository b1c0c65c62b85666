/*
 * Mail that is to be sent, as somebody's program wrote it ("mail"), made what
 * is stored: a record for each recipient.
 *
 *   envelope    "to" is the recipient, "from" whom bounces go to; a record that
 *               comes with envelope.to is for that one only
 *
 *   id          of one with several recipients: from its id and the recipient;
 *               without an id from tenant, key, recipient and what the mail
 *               says, so that the same line has the same ids; without a key
 *               too, random
 *
 *   of          [K,N]
 *
 *   mail        whole, in each of them; "message_id" is set, so that all are
 *               one message, and so is "received_at", so that composing it
 *               again makes the same bytes
 *
 * Attachments are blobs, and each record has its own (queue/attached.h).
 *
 * What go-to-k/mail-queues takes (mail/request.h) becomes such a record first.
 * "defaults" of the configuration are used for a tenant or a mail.from that is
 * missing.  Whether the mail can be composed is for mail-send to say, so that
 * it is in the ledger as failed, where people see it; what cannot be stored for
 * a recipient is refused here.
 */
#ifndef QUEUE_OUTBOUND_H
#define QUEUE_OUTBOUND_H

#include <stdbool.h>

#include "core/err.h"
#include "core/json.h"
#include "queue/deposits.h"
#include "queue/engines.h"

enum {
	/* All records that are made of one, as they are stored. */
	OUTBOUND_BYTES_MAX = 64 * 1024 * 1024,
};

struct outbound {
	json recs; /* an array */
	struct deposits deposits;
};

/* Is it to be sent?  One whose "mail" is sealed is stored already. */
bool outbound_is(json rec);

/*
 * Make the records of rec, which is not consumed.  attach_dir: where paths of
 * attachments begin; -1: they are not allowed.  To be released, on failure too.
 * ERR_DATA: it can never be sent; ERR_TEMP.
 */
int outbound_make(struct queue *q, int attach_dir, json rec,
    struct outbound *out, struct err *e);
void outbound_release(struct outbound *o);

/*
 * For who queues what was never stored: fill in envelope and id of a record
 * that has one recipient.  ERR_DATA, also when there are several.
 */
int outbound_address(json *rec, struct err *e);

/*
 * The id of a record that has none, for its envelope.to: from tenant, key and
 * recipient, and what the mail says; without a key random.
 */
json outbound_mint(json rec);

#endif
