/*
 * The parts of a record that have bytes of their own: "message.parts[]" of mail
 * that came, their "content" (mail-ingest -a writes it) and their "blob", and
 * "mail.attachments[]" of mail that is to be sent.  Their blobs are ID.K, where
 * K is the place in the array, counted from where its kind begins.
 */
#ifndef LEDGER_PARTS_H
#define LEDGER_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "core/json.h"
#include "mail/mime.h"

enum {
	PARTS_KINDS = 2,
	/* K of the first attachment, behind all parts that there can be. */
	PARTS_ATTACHMENT = MIME_PARTS_MAX + 1,
	PARTS_ATTACHMENTS_MAX = 500, /* what a message is composed of */
};

struct parts_kind {
	const char *section, *list; /* "message", "parts" */
	const char *path; /* "message.parts" */
	int first; /* K of the first one */
};
extern const struct parts_kind parts_kinds[PARTS_KINDS];

/* The elements of a kind; JSON_NONE where there are none. */
json parts_list(json rec, const struct parts_kind *kind);

/* "file:YYYY/MM/DD/ID.K": K; -1: it is not of this mail. */
int parts_number(const char *ref, const char *id);

/*
 * Change each part that has member: fn replaces *part, which is an object.  -1
 * leaves rec as it was.
 */
struct parts_place {
	const char *path; /* "message.parts" */
	int index; /* in it, from 0 */
	int k;
};
typedef int part_fn(
    void *ctx, const struct parts_place *at, json *part, struct err *e);
int parts_change(
    json *rec, const char *member, part_fn *fn, void *ctx, struct err *e);

/* Does any part have content still, or name a file?  Does not consume rec. */
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
