/*
 * Changes of stored records that are made while the ledger is walked: many
 * share a transaction, and a record that another has changed meanwhile stays as
 * that one left it.
 */
#ifndef DESK_CHANGES_H
#define DESK_CHANGES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"
#include "ledger/mail.h"

enum {
	CHANGES_MAX = 100, /* of one transaction */
	CHANGES_BYTES = 4 * 1024 * 1024,
};

struct change {
	char *id;
	struct buf was, record;
	struct buf entry; /* of the history; empty: none */
};

/* What became of one: is_lost, another had changed the record. */
typedef void changes_fn(void *ctx, const char *id, bool is_lost);

struct changes {
	struct mail_engine *mail;
	bool is_stored; /* was and record are as they are stored, sealed */
	const char *stage; /* of the entries */
	changes_fn *over;
	void *ctx;
	struct change items[CHANGES_MAX];
	size_t n, bytes;
};

/*
 * A row is to have this record.  record and entry are empty then.  -1: ERR_TEMP
 * of the transaction.
 */
int changes_add(struct changes *c, const struct mail_row *row,
    struct buf *record, struct buf *entry, struct err *e);

/* Make those that wait.  -1: ERR_TEMP, and none of them was made. */
int changes_flush(struct changes *c, struct err *e);

/* Forget those that wait. */
void changes_release(struct changes *c);

#endif
