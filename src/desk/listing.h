/*
 * What the operator's verbs print: rows and counts, as JSON lines or, where
 * look says so, as a table.
 */
#ifndef DESK_LISTING_H
#define DESK_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/look.h"
#include "queue/engines.h"

/* What mail_state_parse knows. */
#define LISTING_STATES                                                         \
	"stored ready scheduled leased succeeded skipped dead deferred "       \
	"parked "                                                              \
	"dropped"

struct listing {
	const char *queue, *tenant; /* NULL: any */
	const char *state; /* a state's name, NULL: any */
	int64_t older_s, newer_s; /* stored before or since; 0: any */
	int64_t count; /* at most; 0: all */
	/* Of the envelope, in any case; with or without < and >. */
	const char *sender, *recipient, *message_id;
	bool is_kept; /* only what is on legal hold */
	const char *behind; /* only what came after the mail of this id */
	/*
	 * What listing_filter leaves to listing_each: class of the last result,
	 * a part of its reason, and a jq program that must be true.
	 */
	const char *class, *reason, *jq;
	char *const *ids; /* only these, ended by NULL; none or NULL: all */
};

/* What an engine calls it.  ERR_USAGE for an unknown state. */
int listing_filter(
    const struct listing *how, struct mail_filter *f, struct err *e);

/*
 * Call fn for each mail that it means, oldest first; ids in their order.  An id
 * that is no mail's is named, as a failure (ERR_DATA), and the others are done.
 * -1: ERR_USAGE for an unknown state or a jq program that is none, ERR_TEMP.
 */
int listing_each(struct queue *q, const struct listing *how, mail_row_fn *fn,
    void *ctx, struct err *e);

/* Rows as records, oldest first.  ERR_USAGE for an unknown state. */
int listing_rows(struct queue *q, const struct listing *how,
    const struct look *look, struct err *e);

/*
 * {"queue":"inbound","ready":0,…,"oldest_ready_s":0} for each queue, or one
 * (which is printed also when nothing was ever put on it).
 */
int listing_stats(
    struct queue *q, const char *queue, const struct look *look, struct err *e);

/* {"mails":3,"stored":1,…} over everything. */
int listing_totals(struct queue *q, const struct look *look, struct err *e);

/*
 * Append one mail whole: the record as listing_rows has it, with "history":
 * [{"at", "event", "attempt", "delivery", "entry"}], and with "deliveries",
 * "leased_until" and "due_at" where they mean something.  ERR_DATA: no such
 * mail.
 */
int listing_mail(
    struct queue *q, const char *id, struct buf *out, struct err *e);

#endif
