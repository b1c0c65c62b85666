/* The message of a letter: composed, or the blob as it is; and signed. */
#ifndef SEND_MESSAGE_H
#define SEND_MESSAGE_H

#include "core/err.h"
#include "queue/engines.h"
#include "send/letter.h"
#include "send/signing.h"

/*
 * Where messages come from.  The queue is opened when something of the state
 * directory is needed first, where it is not open yet.
 */
struct message_source {
	struct queue *queue; /* NULL: not open */
	/* Opens it; -1: ERR_TEMP.  NULL: it is open. */
	int (*open)(struct message_source *s, struct err *e);
};

/*
 * Make the message and check whose it is: the letter is ready.  What can never
 * work is done, with "fail"; what cannot be read now is withheld.
 */
void message_make(struct message_source *source, struct signing *signing,
    const struct config *config, struct letter *l);

/* The message alone, into l->message.  ERR_DATA, ERR_TEMP. */
int message_read(
    struct message_source *source, struct letter *l, struct err *e);

#endif
