/*
 * The parts of a record that have bytes of their own, "message.parts[]": their
 * "content" (mail-ingest -a writes it) and their "blob", ID.K, where K is the
 * place in the array, from 1.
 */
#ifndef QUEUE_PARTS_H
#define QUEUE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/json.h"
#include "queue/deposit.h"
#include "queue/engines.h"

struct deposits {
	struct deposit *all;
	size_t n;
};

/*
 * Take the content of each part and put its "blob" in its place; to be put by
 * deposit_put, released on failure too.  at: when the mail was received.
 * ERR_DATA names the part.
 */
int parts_take(struct queue *q, json *rec, int64_t at, struct deposits *out,
    struct err *e);
void parts_release(struct deposits *d);

/*
 * Change each part that has member: fn replaces *part, which is an object.  -1
 * leaves rec as it was.
 */
typedef int part_fn(void *ctx, size_t index, json *part, struct err *e);
int parts_change(
    json *rec, const char *member, part_fn *fn, void *ctx, struct err *e);

/* Does any part have content still?  Does not consume rec. */
bool parts_have_content(json rec);

/* Might this stored form of a record name blobs of parts?  Cheap. */
bool parts_may_have_blobs(const char *record, size_t len);

/*
 * Call fn for each blob that a part of rec names, if it is one of a part of
 * mail id and no part of row (an invalid one has none) names it.
 */
int parts_orphans(json rec, json row, const char *id,
    int (*fn)(void *ctx, const char *ref, struct err *e), void *ctx,
    struct err *e);

#endif
