/* The attachments of a message, for -a: each becomes a part's "content". */
#ifndef INGEST_ATTACHMENTS_H
#define INGEST_ATTACHMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"
#include "ingest/held.h"

struct attachments {
	struct attachment {
		size_t index; /* of the part in "parts" */
		struct held content;
	} * items;
	size_t n;
	size_t n_records; /* that will have them */
	size_t inline_max; /* of one */
	size_t room; /* inline, for those to come */
	bool is_inline;
};

/* is_inline: inline_max is for all of them, and what is more is an error. */
void attachments_init(
    struct attachments *a, size_t n_records, size_t inline_max, bool is_inline);
/* More of part index; parts come one after the other. */
int attachments_add(struct attachments *a, struct lazy_state *state,
    size_t index, const char *data, size_t n, struct err *e);
int attachments_finish(struct attachments *a, struct err *e);
/* message, JSON text, with the contents for record i put in; appended. */
void attachments_write(const struct attachments *a, const struct buf *message,
    size_t i, struct buf *out);
void attachments_given(struct attachments *a);
/* Forget what came so far, with the files that were not given away. */
void attachments_reset(struct attachments *a);

#endif
