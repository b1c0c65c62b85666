/*
 * Encryption at rest: bytes that only who has the secret key can read back.
 * Who writes them needs the public key alone.
 *
 * A data key seals the bytes (crypto_secretstream_xchacha20poly1305), and is
 * itself sealed to the public key (crypto_box_seal), so that other keys later
 * cost 88 bytes a file and not the file.  Files, version 1, all of fixed width:
 *
 *   16  "\x89mailpipe seal\n" and the version, "1"
 *    8  key id: the first bytes of BLAKE2b of the public key
 *   80  the data key, sealed to it
 *   24  the header of the stream
 *   32  BLAKE2b of the bytes that are sealed
 *    8  how many they are, little-endian
 *       then chunks of SEAL_CHUNK bytes, each 17 longer when it is sealed; the
 *       last is shorter, or as long, and has the tag FINAL
 *
 * Digest and size stand in the clear, as they do in the record.  They are what
 * a file is known by: one file may be the blob of several records, under names
 * that nobody knew when it was sealed, so that the record's digest, and not a
 * name, tells one blob from another.  Both are written last; without them and
 * FINAL the file is unfinished.
 *
 * A version of "0" is no seal at all: the rest is the content as it came, which
 * happened to begin with these bytes.  So whatever does not begin with them is
 * plain, and what was stored before there was a key can still be read.
 *
 * Texts (seal_text) are in one piece: data key, header of the stream, one
 * chunk.  The associated data of the first chunk says what it is ("blob", or
 * whose text), so that one cannot stand in the place of another.
 */
#ifndef STORE_SEAL_H
#define STORE_SEAL_H

#include <sodium/crypto_box.h>
#include <sodium/crypto_secretstream_xchacha20poly1305.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/id.h"

enum {
	SEAL_MAGIC = 16,
	SEAL_KEY_ID = 8,
	SEAL_KEY = crypto_secretstream_xchacha20poly1305_KEYBYTES,
	SEAL_BOX = SEAL_KEY + crypto_box_SEALBYTES,
	SEAL_STREAM = crypto_secretstream_xchacha20poly1305_HEADERBYTES,
	SEAL_DIGEST = 32,
	SEAL_HEADER =
	    SEAL_MAGIC + SEAL_KEY_ID + SEAL_BOX + SEAL_STREAM + SEAL_DIGEST + 8,
	SEAL_CHUNK = 64 * 1024,
	SEAL_TAG = crypto_secretstream_xchacha20poly1305_ABYTES,
	SEAL_KEY_ID_TEXT = 2 * SEAL_KEY_ID + 1,
};

struct seal_public {
	unsigned char key[crypto_box_PUBLICKEYBYTES];
	unsigned char id[SEAL_KEY_ID];
};

struct seal_pair {
	struct seal_public public;
	unsigned char secret[crypto_box_SECRETKEYBYTES];
};

/* Secret keys, of which the right one is found by its id. */
struct seal_ring {
	struct seal_pair *all;
	size_t n;
};

/* Its id is made from the key. */
void seal_public_init(
    struct seal_public *p, const unsigned char key[crypto_box_PUBLICKEYBYTES]);
char *seal_key_id_text(
    const unsigned char id[SEAL_KEY_ID], char text[SEAL_KEY_ID_TEXT]);

/* A new data key, for a mail: its blobs and its text; wipe it with
 * sodium_memzero. */
struct seal_data_key {
	unsigned char key[SEAL_KEY];
	unsigned char id[SEAL_KEY_ID];
	unsigned char box[SEAL_BOX];
};
void seal_data_key(struct seal_data_key *k, const struct seal_public *to);

/* Seal a file's content.  Nothing but memory is touched. */
struct sealer {
	crypto_secretstream_xchacha20poly1305_state state;
	unsigned char header[SEAL_HEADER];
	unsigned char key[SEAL_KEY];
	struct digest digest;
	int64_t size;
	bool is_begun;
	char *chunk; /* not yet sealed, for it may be the last */
	size_t n;
};
/* Append the header, whose place seal_end fills. */
void seal_begin(
    struct sealer *s, const struct seal_data_key *k, struct buf *out);
/* Append what is full by now. */
void seal_add(struct sealer *s, const char *data, size_t n, struct buf *out);
/* Append the last chunk; s->header goes to the file's first bytes. */
void seal_end(struct sealer *s, struct buf *out);
void seal_release(struct sealer *s);

/* All of it at once. */
void seal_bytes(
    const struct seal_data_key *k, const char *data, size_t n, struct buf *out);

enum seal_kind {
	SEAL_PLAIN,
	SEAL_ESCAPED, /* behind SEAL_MAGIC bytes the content as it came */
	SEAL_SEALED,
};

struct seal_info {
	enum seal_kind kind;
	/* Of a sealed one, as it says, and not yet verified: */
	unsigned char key_id[SEAL_KEY_ID];
	int64_t size;
	char digest[DIGEST_TEXT];
};

/*
 * What a file's first bytes say; n is SEAL_HEADER, or all there are.  ERR_DATA:
 * it is cut; ERR_TEMP: a later release has written it.
 */
int seal_look(
    const void *head, size_t n, struct seal_info *info, struct err *e);

/* Must content that begins so be escaped?  Then seal_escape goes before it. */
bool seal_is_like(const void *head, size_t n);
extern const char seal_escape[SEAL_MAGIC];

/* The reverse: what comes out is not to be believed before unseal_end. */
struct unsealer {
	crypto_secretstream_xchacha20poly1305_state state;
	unsigned char expected[SEAL_DIGEST];
	struct digest digest;
	int64_t size, expected_size;
	bool is_begun, is_over;
	struct buf chunk;
};
/*
 * ERR_DATA: it is damaged; ERR_TEMP: no key of the ring opens it.
 */
int unseal_begin(struct unsealer *u, const unsigned char header[SEAL_HEADER],
    const struct seal_ring *ring, struct err *e);
/* Of a sealer that is at work: what it has given out so far. */
int unseal_begin_own(struct unsealer *u, const struct sealer *s, struct err *e);
/* More of the file, behind the header; content is appended.  ERR_DATA. */
int unseal_add(struct unsealer *u, const char *data, size_t n, struct buf *out,
    struct err *e);
/* That was all: the last of it.  ERR_DATA: it is damaged, or cut. */
int unseal_end(struct unsealer *u, struct buf *out, struct err *e);
void unseal_release(struct unsealer *u);

/*
 * A text, in one piece; what says whose it is.  Opened, *k has its data key.
 */
void seal_text(const struct seal_data_key *k, const char *what,
    const void *data, size_t n, struct buf *out);
int unseal_text(const struct seal_ring *ring,
    const unsigned char id[SEAL_KEY_ID], const char *what, const void *sealed,
    size_t n, struct buf *out, struct seal_data_key *k, struct err *e);

/* Seal a data key anew: id and box are replaced.  The classes of unseal_begin.
 */
int seal_again(unsigned char id[SEAL_KEY_ID], unsigned char box[SEAL_BOX],
    const struct seal_ring *ring, const struct seal_public *to, struct err *e);

#endif
