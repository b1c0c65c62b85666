/*
 * Records at rest: where there is a public key (keys.public), what a mail says
 * is sealed in its row, and what the programs need to work with it stays in the
 * clear:
 *
 *   {"sealed":"1.KEY.CLUE.BASE64","v":1,"id":…,"tenant":…,"envelope":…,…}
 *
 * KEY is the key id and CLUE the number of its Message-ID (ledger/clue.h);
 * BASE64 is a text of store/seal.h that holds all members but those in the
 * clear, and is bound to the id and CLUE.  "message" stays too where parts have
 * blobs, with nothing but these, so that who has no secret key can count and
 * remove them; the blobs there are the ones that count.  So does "mail", with
 * those of its attachments or empty, which tells a mail that is to be sent.
 *
 * Only rows and the intake have records in this form; in a pipe they are whole.
 */
#ifndef LEDGER_SEALED_H
#define LEDGER_SEALED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"
#include "ledger/mail.h"
#include "store/seal.h"

/* Is a record, as it is stored, of this form? */
bool sealed_is(const char *record, size_t len);

/* The same of one that was read. */
bool sealed_is_record(json rec);

/* Its CLUE; of what is not of this form 0. */
int64_t sealed_clue(const char *record, size_t len);

/*
 * Append the form in which rec is stored.  One that is sealed already (it comes
 * from a list where there is no secret key) stays so, and needs no k; ERR_DATA:
 * something was added to it.  Does not consume rec.
 */
int sealed_write(
    const struct seal_data_key *k, json rec, struct buf *out, struct err *e);

/*
 * The reverse; *k is the data key it has.  1, 0 it is not of this form (and
 * nothing is appended), -1: ERR_DATA it is damaged; ERR_TEMP the secret key is
 * missing.
 */
int sealed_read(const struct seal_ring *ring, const char *id,
    const char *record, size_t len, struct buf *out, struct seal_data_key *k,
    struct err *e);

/*
 * Open the record of a row.  text is what it may point into.  Where that fails
 * the row stays as it is, and says why (row->sealed).
 */
void sealed_open_row(struct state *s, struct mail_row *row, struct buf *text);

/*
 * The form that a record is to be stored in, when it is another than was given:
 * 1 appended, 0 it is right as it is, -1 ERR_TEMP.
 */
int sealed_close(struct state *s, const char *record, size_t len,
    struct buf *out, struct err *e);

/*
 * Replace the data key's box: as sealed_write, *is_changed false when it is
 * sealed to that key already, or not at all.
 */
int sealed_again(const struct seal_ring *ring, const struct seal_public *to,
    const char *record, size_t len, struct buf *out, bool *is_changed,
    struct err *e);

#endif
