/*
 * What a message says, found out in a cell (core/cell.h): the parser never runs
 * in the process that stores the mail.  Whatever a message does to it, the mail
 * is kept, with the defect parser-killed.
 */
#ifndef MAIL_EXAMINE_H
#define MAIL_EXAMINE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"
#include "mail/fingerprint.h"

/* Whose mail it is, and what is wanted; all borrowed. */
struct examine_wants {
	const char *tenant; /* NULL: by routes */
	json routes; /* core/route.h; may be invalid */
	const char *sender; /* from an option (address_clean), or NULL */
	char *const *recipients; /* the same; a record for each */
	size_t n_recipients; /* 0: one record, its recipient is found out */
	bool bodies; /* "text" and "html" */
	/*
	 * Decoded content of attachment index, in pieces; -1 stops it.  NULL:
	 * not wanted.
	 */
	int (*content)(
	    void *ctx, size_t index, const char *data, size_t n, struct err *e);
	void *ctx;
};

/* For one of the records. */
struct examined_record {
	struct buf envelope; /* the record's "envelope", JSON text */
	char *recipient; /* "": unknown */
	char *tenant; /* NULL: nobody's */
	char fingerprint[FINGERPRINT_TEXT]; /* "": only the raw bytes tell */
};

struct examined {
	bool has_from; /* a "From " line leads it, and a header follows */
	struct buf message; /* the record's "message", JSON text */
	struct examined_record *records;
	size_t n;
};

struct examiner;

/* wants lives as long as it.  NULL: ERR_TEMP. */
struct examiner *examiner_new(const struct examine_wants *wants, struct err *e);
void examiner_free(struct examiner *x);

/*
 * A message, piece by piece.  1 ok; 0: the parser died, and what it said is
 * void: examiner_again, then the message from its first byte, once; -1
 * ERR_TEMP.
 */
int examiner_add(struct examiner *x, const char *data, size_t n, struct err *e);
/* It is over: fills out, which is released by examined_release. */
int examiner_end(struct examiner *x, struct examined *out, struct err *e);
int examiner_again(struct examiner *x, struct err *e);

/* What can be said without looking into a message that kills its parsers. */
void examiner_give_up(struct examiner *x, struct examined *out);

void examined_release(struct examined *out);

#endif
