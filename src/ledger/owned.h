/*
 * The blobs that a mail owns: its message's, ID.0, and those of its parts
 * and attachments, ID.K (ledger/parts.h).  What a record names beside them is
 * another's.
 */
#ifndef LEDGER_OWNED_H
#define LEDGER_OWNED_H

#include <stdint.h>

#include "core/err.h"
#include "core/json.h"
#include "store/spool.h"

struct owned {
	const char *ref; /* borrowed */
	int part; /* 0: the message */
	int64_t size; /* -1: the record does not say */
	const char *digest; /* NULL: the record does not say */
};

typedef int owned_fn(void *ctx, const struct owned *blob, struct err *e);

/*
 * Call fn for each that a record names.  -1 of fn ends it.  Does not consume
 * rec.
 */
int owned_each(json rec, owned_fn *fn, void *ctx, struct err *e);

/*
 * Read fd to its end, to the descriptor to (-1: nowhere), and compare it with
 * size and digest of blob.  ERR_DATA: it is another; ERR_TEMP.
 */
int owned_check(const struct owned *blob, int fd, int to, struct err *e);

/* The same, on the way into a spool file (store/spool.h). */
int owned_spool(
    const struct owned *blob, int fd, struct spool *to, struct err *e);

#endif
