/*
 * Clues: what a mail may be looked for by, as small numbers that an index holds
 * beside the states, so that a walk over a million mails reads some 60 bytes
 * of each.  Two values may have one number: who looks compares the record too.
 */
#ifndef QUEUE_CLUES_H
#define QUEUE_CLUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/json.h"

struct clues {
	int64_t sender, recipient, message_id; /* 0: there is none */
};

/*
 * Of a record: envelope.from, envelope.to and message.message_id, of one that
 * is to be sent mail.message_id.  What is no record has none.
 */
struct clues clues_of(const char *record, size_t len);

/* Of what is looked for; NULL: 0.  Addresses are those of any spelling in
 * upper and lower case; a Message-ID may come without its < and >. */
int64_t clue_address(const char *address);
int64_t clue_message_id(const char *message_id);

/* That of a record's Message-ID.  Does not consume rec. */
int64_t clue_of_message(json rec);

/* Does the record really have them?  NULL: any.  Of a sealed one the number of
 * the Message-ID has to do. */
bool clues_match(const char *record, size_t len, const char *sender,
    const char *recipient, const char *message_id);

#endif
