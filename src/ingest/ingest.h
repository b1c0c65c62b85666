/*
 * From messages to records: the bytes are kept, inline or in a spool file,
 * while a cell finds out what they say (mail/examine.h); then the records go to
 * stdout.  Sources (ingest/mbox.h, ingest/maildir.h, a descriptor) give the
 * bytes.  Memory stays flat, however long a message is.
 */
#ifndef INGEST_INGEST_H
#define INGEST_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/json.h"

struct ingest_options {
	const char *tenant; /* NULL: by the configuration's recipients */
	const char *sender; /* cleaned (mail/address.h), or NULL */
	char *const *recipients; /* cleaned */
	size_t n_recipients;
	bool is_inline; /* content always inline */
	bool bodies, attachments; /* -b, -a */
	int64_t deadline_s; /* without progress; 0: never */
};

struct ingest;

/* options live as long as it.  NULL: ERR_TEMP. */
struct ingest *ingest_new(const struct ingest_options *options, struct err *e);
void ingest_free(struct ingest *in);

/* More of the message at hand.  ERR_DATA: too large for -i; else ERR_TEMP. */
int ingest_add(struct ingest *in, const char *data, size_t n, struct err *e);

/*
 * It is over: its records are printed.  name is for diagnostics; maildir: the
 * file's name in its Maildir, for "origin", or NULL.  Afterwards the next may
 * come, whatever the outcome.
 */
int ingest_end(
    struct ingest *in, const char *name, const char *maildir, struct err *e);

/* Its source has failed: forget it. */
void ingest_drop(struct ingest *in);

/* Nobody reads our output any more. */
bool ingest_is_output_lost(const struct ingest *in);

/*
 * Read a message from a descriptor to its end.  ERR_TEMP, also when nothing
 * comes for deadline_s.
 */
int ingest_fd(struct ingest *in, int fd, const char *name, const char *maildir,
    struct err *e);

#endif
