/* Blobs on their way to an engine, sealed; only store/blob.c needs this. */
#ifndef STORE_BLOB_SEAL_H
#define STORE_BLOB_SEAL_H

#include <stddef.h>

#include "core/err.h"
#include "store/blob.h"

/* What stands in the place of puts, and what is left of them. */
struct blob_sealed {
	struct state *state;
	struct blob_put *puts; /* as many */
	size_t n;
	struct buf *bytes;
	char **made; /* spool files of ours; NULL: none */
	char **plain; /* those that they were made from */
};

/*
 * Seal what is plain to the public key; what is sealed already stays as it is.
 * 1, 0 there is no key, -1 ERR_TEMP.
 */
int blob_seal_begin(struct blob_sealed *s, struct state *state,
    const struct blob_put *puts, size_t n, struct err *e);

/*
 * Afterwards.  is_put: the plain files are removed, as put consumes them; else
 * ours are.
 */
void blob_seal_end(struct blob_sealed *s, bool is_put);

#endif
