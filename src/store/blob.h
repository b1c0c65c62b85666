/*
 * Blobs: stored bytes, written once, one owner each.  An engine is chosen by a
 * spec, "file:" (the default: below the state directory), "mem:", or, for
 * tests, "fail:N:SPEC" and "trace:SPEC".
 *
 * What is put is in the format of store/seal.h: sealed, or plain where there is
 * no key.  What is read is the content, whatever it was stored as.
 */
#ifndef STORE_BLOB_H
#define STORE_BLOB_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "store/seal.h"
#include "store/state.h"

enum {
	BLOB_REF = 160, /* room for any reference, NUL included */
};

/* One blob to be put. */
struct blob_put {
	const char *ref; /* from blob_ref */
	/* Its bytes: data and len, or a spool file that put consumes. */
	const void *data;
	size_t len;
	const char *spool; /* "spool/…", or NULL */
};

struct blobs;

struct blob_ops {
	const char *scheme;
	struct blobs *(*open)(struct state *s, const char *rest, struct err *e);
	int (*put)(struct blobs *b, const struct blob_put *puts, size_t n,
	    struct err *e);
	int (*read)(struct blobs *b, const char *ref, struct err *e);
	int (*remove)(
	    struct blobs *b, const char *const *refs, size_t n, struct err *e);
	/* A descriptor to read and to write in place; as read.  NULL: no. */
	int (*change)(struct blobs *b, const char *ref, struct err *e);
	void (*close)(struct blobs *b);
};

/* What every engine's struct begins with. */
struct blobs {
	const struct blob_ops *ops;
	struct state *state;
};

/*
 * Open the engine named by spec.  NULL: ERR_TEMP (an unknown scheme is a
 * broken configuration).
 */
struct blobs *blobs_open(struct state *s, const char *spec, struct err *e);
void blobs_close(struct blobs *b);

/*
 * The reference under which part of mail id will be found:
 * "file:YYYY/MM/DD/ID.PART".  Known before the bytes are there.
 */
void blob_ref(char ref[BLOB_REF], const char *id, int part, int64_t at_ms);

/*
 * Store n blobs, sealed where there is a public key, whoever has made them; on
 * 0 all are on stable storage.  A reference that exists
 * already keeps its bytes (put is repeated after a 75).  ERR_TEMP: any of them
 * may be there, put again.
 */
int blob_put(
    struct blobs *b, const struct blob_put *puts, size_t n, struct err *e);

/*
 * A descriptor to read its content from, at its start; the caller closes it.
 * A sealed one is verified to its end before.  -1: ERR_DATA when there is no
 * such blob (errno ENOENT), it is damaged (EBADMSG) or ref is malformed, else
 * ERR_TEMP, also when the secret key is missing.
 */
int blob_read(struct blobs *b, const char *ref, struct err *e);

/* The same, and what it was stored as. */
int blob_read_info(
    struct blobs *b, const char *ref, struct seal_info *info, struct err *e);

/* The same, as it is stored: nothing is opened, nor verified. */
int blob_read_stored(struct blobs *b, const char *ref, struct err *e);

/*
 * Seal its data key to another public key (seal_file_again).  1, 0 it is so
 * already or not sealed, -1.
 */
int blob_seal_again(struct blobs *b, const char *ref,
    const struct seal_public *to, struct err *e);

/* Remove n blobs; one that is gone already is no error. */
int blob_remove(
    struct blobs *b, const char *const *refs, size_t n, struct err *e);

#endif
