/* The tables of desk/listing.h, a row at a time. */
#ifndef DESK_LISTING_TABLE_H
#define DESK_LISTING_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/table.h"
#include "ledger/mail.h"

/* Mails.  has_queue: of several queues, so each says which is its own. */
void listing_table_mails(
    struct table *t, bool has_queue, const struct look *look, struct buf *out);
void listing_table_mail(
    struct table *t, const struct mail_row *row, int64_t now);

/* Queues. */
void listing_table_queues(
    struct table *t, const struct look *look, struct buf *out);
void listing_table_queue(
    struct table *t, const struct mail_stats *s, int64_t now);

/* How many are in which state, and all of them: the table whole. */
void listing_table_totals(const int64_t n[MAIL_STATES], int64_t all,
    const struct look *look, struct buf *out);

#endif
