/*
 * A clue: what a mail may be looked for by, as a small number, from 1; 0 is
 * that of nothing.  Two values may have one number: who looks compares the
 * record too.
 */
#ifndef LEDGER_CLUE_H
#define LEDGER_CLUE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/json.h"

/* NULL: 0.  Addresses are those of any spelling in upper and lower case; a
 * Message-ID may come without its < and >. */
int64_t clue_address(const char *address);
int64_t clue_message_id(const char *message_id);

/*
 * That of a record's Message-ID: message.message_id, of one that is to be sent
 * mail.message_id.  Does not consume rec.
 */
int64_t clue_of_message(json rec);

/* Has the record this Message-ID?  NULL: any. */
bool clue_is_message(const char *wanted, json rec);

#endif
