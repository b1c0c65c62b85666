/*
 * The clues of a stored record, which an index holds beside the states, so that
 * a walk over a million mails reads some 60 bytes of each.
 */
#ifndef LEDGER_CLUES_H
#define LEDGER_CLUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clues {
	int64_t sender, recipient, message_id; /* 0: there is none */
};

/*
 * Of a record: envelope.from, envelope.to and message.message_id, of one that
 * is to be sent mail.message_id.  What is no record has none.
 */
struct clues clues_of(const char *record, size_t len);

/* Does the record really have them?  NULL: any.  Of a sealed one the number of
 * the Message-ID has to do. */
bool clues_match(const char *record, size_t len, const char *sender,
    const char *recipient, const char *message_id);

#endif
