/*
 * A record on its way out:
 *
 *   waiting    checked: whom it goes to, from whom, by which transport
 *   ready      its message is made and signed; nothing was started
 *   sending    its lease is started, a carrier has it
 *   done       it has a result
 *   withheld   err says why
 */
#ifndef SEND_LETTER_H
#define SEND_LETTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/bulk.h"
#include "core/err.h"
#include "core/json.h"
#include "mail/reply.h"
#include "queue/queue.h"
#include "send/transport.h"

enum {
	/* A lease outlives the time limits by this. */
	LETTER_MARGIN_MS = 60 * 1000,
};

enum letter_fate {
	LETTER_WAITING,
	LETTER_READY,
	LETTER_SENDING,
	LETTER_DONE,
	LETTER_WITHHELD, /* its record must not be passed on */
};

struct letter {
	enum letter_fate fate;
	json rec;
	json mail; /* the record's "mail" if it is to be composed, or none */
	size_t line_len; /* of the line that it came as */
	int64_t priority; /* what is higher goes first */
	char *tenant;
	struct transport *transport;
	char *sender, *recipient; /* as they are sent */
	char *original_to; /* when the guard has rewritten recipient */
	char *author; /* the address of From, when it is known */
	bool is_leased;
	struct mail_lease lease;
	bool is_begun; /* the lease is started */
	int64_t lease_until; /* and then is until that, of the wall clock */
	bool is_again; /* a kept connection was closed before it was begun */
	struct bulk message;
	struct buf head; /* fields before the message */
	int64_t at; /* its moment, of the wall clock */
	bool has_moment; /* it was reserved */
	bool is_paced; /* and must not be missed */
	bool is_missed; /* an earlier one was */
	int64_t missed_at; /* that one */
	bool is_joined; /* it counts among the connections of its tenant */
	int64_t started_at; /* monotonic */
	json result; /* when it is done */
	struct err err;
	struct letter *next; /* of those that wait */
};

/*
 * Find out what is to be done with a record, without touching anything.
 * Consumes rec.  Waiting; or done, since it cannot be sent at all; or withheld:
 * it is no record for us (ERR_DATA).
 */
struct letter *letter_new(struct transports *transports, json rec);

/*
 * The same letter is done: with this result, which is not that of a try to send
 * it.  class and reason as in mail-record(5).
 */
void letter_end(struct letter *l, const char *status, const char *class,
    const char *reason);

/*
 * The same after a try, or after what would have been one: it tells of the
 * transport, by "route" and "detail".
 */
void letter_tried(struct letter *l, const char *status, int code,
    const char *class, const char *reason);

/* One whose lease is started, and that was not sent: it comes again at once. */
void letter_undone(struct letter *l, const char *reason);

/* More for the result of one that is done.  Consumes value. */
void letter_add(struct letter *l, const char *key, json value);
void letter_add_detail(struct letter *l, const char *key, json value);

/* l->err says why. */
void letter_withhold(struct letter *l);

/*
 * Start the leases of n letters, in one write: sending; or withheld, another
 * has it.  One that was begun, has waited since, and may not be answered before
 * its lease is over is done: "snooze".
 */
void letters_begin(struct queue *q, struct letter **letters, size_t n);

/* The message with what stands before it, in lines that end with LF. */
int letter_write(
    const struct letter *l, int fd, const char *name, struct err *e);

/* Append the line of a record: with its result, or as it came. */
void letter_line(const struct letter *l, struct buf *out);
void letter_line_back(const struct letter *l, struct buf *out);

/* The message is not needed any more. */
void letter_drop_message(struct letter *l);

void letter_free(struct letter *l);

#endif
