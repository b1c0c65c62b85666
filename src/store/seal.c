#include "store/seal.h"

#include <sodium/crypto_generichash.h>
#include <sodium/utils.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "\x89mailpipe seal\n"

enum {
	/* Where things stand in the header. */
	AT_KEY_ID = SEAL_MAGIC,
	AT_BOX = AT_KEY_ID + SEAL_KEY_ID,
	AT_STREAM = AT_BOX + SEAL_BOX,
	AT_DIGEST = AT_STREAM + SEAL_STREAM,
	AT_SIZE = AT_DIGEST + SEAL_DIGEST,
	TAG_MORE = crypto_secretstream_xchacha20poly1305_TAG_MESSAGE,
	TAG_FINAL = crypto_secretstream_xchacha20poly1305_TAG_FINAL,
};

static const char blob_magic[SEAL_MAGIC] = MAGIC "1";
const char seal_escape[SEAL_MAGIC] = MAGIC "0";
static const char blob_name[] = "blob";

void
seal_public_init(
    struct seal_public *p, const unsigned char key[crypto_box_PUBLICKEYBYTES])
{
	unsigned char hash[crypto_generichash_BYTES];

	memcpy(p->key, key, sizeof p->key);
	crypto_generichash(hash, sizeof hash, key, sizeof p->key, NULL, 0);
	memcpy(p->id, hash, sizeof p->id);
}

char *
seal_key_id_text(
    const unsigned char id[SEAL_KEY_ID], char text[SEAL_KEY_ID_TEXT])
{
	return sodium_bin2hex(text, SEAL_KEY_ID_TEXT, id, SEAL_KEY_ID);
}

void
seal_data_key(struct seal_data_key *k, const struct seal_public *to)
{
	crypto_secretstream_xchacha20poly1305_keygen(k->key);
	memcpy(k->id, to->id, sizeof k->id);
	crypto_box_seal(k->box, k->key, sizeof k->key, to->key);
}

/* A box says by itself whether a key opens it. */
static bool
is_opened(unsigned char key[SEAL_KEY], const unsigned char box[SEAL_BOX],
    const struct seal_pair *pair)
{
	return crypto_box_seal_open(
		   key, box, SEAL_BOX, pair->public.key, pair->secret) == 0;
}

static int
open_box(unsigned char key[SEAL_KEY], const unsigned char id[SEAL_KEY_ID],
    const unsigned char box[SEAL_BOX], const struct seal_ring *ring,
    struct err *e)
{
	char text[SEAL_KEY_ID_TEXT];
	bool is_known = false;

	for (size_t i = 0; i < ring->n; i++) {
		if (memcmp(ring->all[i].public.id, id, SEAL_KEY_ID) != 0)
			continue;
		is_known = true;
		if (is_opened(key, box, &ring->all[i]))
			return 0;
	}
	/* The id may be what is damaged. */
	for (size_t i = 0; !is_known && i < ring->n; i++)
		is_known = is_opened(key, box, &ring->all[i]);
	sodium_memzero(key, SEAL_KEY);
	if (is_known)
		return err_set(e, ERR_DATA, "damaged: its key cannot be read");
	return err_set(e, ERR_TEMP,
	    "the secret key is missing: it is sealed to %s, which is none of "
	    "the %zu in keys.secret_file",
	    seal_key_id_text(id, text), ring->n);
}

void
seal_begin(struct sealer *s, const struct seal_data_key *k, struct buf *out)
{
	*s = (struct sealer){.chunk = xmalloc(SEAL_CHUNK), .is_begun = true};
	memcpy(s->key, k->key, sizeof s->key);
	memcpy(s->header, blob_magic, SEAL_MAGIC);
	memcpy(s->header + AT_KEY_ID, k->id, SEAL_KEY_ID);
	memcpy(s->header + AT_BOX, k->box, SEAL_BOX);
	crypto_secretstream_xchacha20poly1305_init_push(
	    &s->state, s->header + AT_STREAM, k->key);
	digest_init(&s->digest);
	buf_add(out, s->header, SEAL_HEADER);
}

/* One chunk: the first one says what it is. */
static void
push(crypto_secretstream_xchacha20poly1305_state *state, const char *what,
    const void *data, size_t n, unsigned char tag, struct buf *out)
{
	size_t what_len = what != NULL ? strlen(what) : 0;

	buf_grow(out, n + SEAL_TAG);
	crypto_secretstream_xchacha20poly1305_push(state,
	    (unsigned char *)out->data + out->len, NULL, data, n,
	    (const unsigned char *)what, what_len, tag);
	out->len += n + SEAL_TAG;
	out->data[out->len] = '\0';
}

static void
push_chunk(struct sealer *s, unsigned char tag, struct buf *out)
{
	bool is_first = s->size <= SEAL_CHUNK;

	push(&s->state, is_first ? blob_name : NULL, s->chunk, s->n, tag, out);
	s->n = 0;
}

void
seal_add(struct sealer *s, const char *data, size_t n, struct buf *out)
{
	if (n > 0)
		digest_add(&s->digest, data, n);
	while (n > 0) {
		size_t room = SEAL_CHUNK - s->n, take = n < room ? n : room;

		if (room == 0) {
			push_chunk(s, TAG_MORE, out);
			continue;
		}
		memcpy(s->chunk + s->n, data, take);
		s->n += take;
		s->size += (int64_t)take;
		data += take;
		n -= take;
	}
}

static void
write_size(unsigned char to[8], int64_t size)
{
	for (int i = 0; i < 8; i++)
		to[i] = (unsigned char)((uint64_t)size >> 8 * i & 0xff);
}

static int64_t
read_size(const unsigned char from[8])
{
	uint64_t size = 0;

	for (int i = 0; i < 8; i++)
		size |= (uint64_t)from[i] << 8 * i;
	return size > INT64_MAX ? -1 : (int64_t)size;
}

void
seal_end(struct sealer *s, struct buf *out)
{
	push_chunk(s, TAG_FINAL, out);
	crypto_generichash_final(
	    &s->digest.state, s->header + AT_DIGEST, SEAL_DIGEST);
	write_size(s->header + AT_SIZE, s->size);
}

void
seal_release(struct sealer *s)
{
	if (s->chunk != NULL)
		sodium_memzero(s->chunk, SEAL_CHUNK);
	free(s->chunk);
	sodium_memzero(s, sizeof *s);
}

void
seal_bytes(
    const struct seal_data_key *k, const char *data, size_t n, struct buf *out)
{
	struct sealer s;
	size_t at = out->len;

	seal_begin(&s, k, out);
	seal_add(&s, data, n, out);
	seal_end(&s, out);
	memcpy(out->data + at, s.header, SEAL_HEADER);
	seal_release(&s);
}

bool
seal_is_like(const void *head, size_t n)
{
	size_t len = strlen(MAGIC);

	return n > 0 && memcmp(head, MAGIC, n < len ? n : len) == 0;
}

static void
digest_hex(const unsigned char raw[SEAL_DIGEST], char text[DIGEST_TEXT])
{
	memcpy(text, "b2:", 3);
	sodium_bin2hex(text + 3, DIGEST_TEXT - 3, raw, SEAL_DIGEST);
}

int
seal_look(const void *head, size_t n, struct seal_info *info, struct err *e)
{
	const unsigned char *s = head;

	*info = (struct seal_info){.kind = SEAL_PLAIN};
	if (!seal_is_like(head, n))
		return 0;
	if (n < SEAL_MAGIC)
		return err_set(e, ERR_DATA, "damaged: it is cut");
	if (memcmp(head, seal_escape, SEAL_MAGIC) == 0) {
		info->kind = SEAL_ESCAPED;
		return 0;
	}
	if (memcmp(head, blob_magic, SEAL_MAGIC) != 0)
		return err_set(e, ERR_TEMP,
		    "sealed in a way that this program does not know: update "
		    "mailpipe, or is it damaged?");
	if (n < SEAL_HEADER)
		return err_set(e, ERR_DATA, "damaged: it is cut");
	info->kind = SEAL_SEALED;
	memcpy(info->key_id, s + AT_KEY_ID, SEAL_KEY_ID);
	digest_hex(s + AT_DIGEST, info->digest);
	info->size = read_size(s + AT_SIZE);
	if (info->size < 0)
		return err_set(e, ERR_DATA, "damaged: it has no size");
	return 0;
}

static int
begin(struct unsealer *u, const unsigned char header[SEAL_HEADER],
    const unsigned char key[SEAL_KEY], struct err *e)
{
	*u = (struct unsealer){.expected_size = read_size(header + AT_SIZE)};
	memcpy(u->expected, header + AT_DIGEST, SEAL_DIGEST);
	digest_init(&u->digest);
	if (crypto_secretstream_xchacha20poly1305_init_pull(
		&u->state, header + AT_STREAM, key) == -1)
		return err_set(e, ERR_DATA, "damaged: its header");
	return 0;
}

int
unseal_begin(struct unsealer *u, const unsigned char header[SEAL_HEADER],
    const struct seal_ring *ring, struct err *e)
{
	unsigned char key[SEAL_KEY];
	int r;

	*u = (struct unsealer){0};
	if (open_box(key, header + AT_KEY_ID, header + AT_BOX, ring, e) == -1)
		return -1;
	r = begin(u, header, key, e);
	sodium_memzero(key, sizeof key);
	return r;
}

int
unseal_begin_own(struct unsealer *u, const struct sealer *s, struct err *e)
{
	return begin(u, s->header, s->key, e);
}

static int
pull(crypto_secretstream_xchacha20poly1305_state *state, const char *what,
    const void *sealed, size_t n, unsigned char *tag, struct buf *out)
{
	size_t what_len = what != NULL ? strlen(what) : 0, got;

	if (n < SEAL_TAG)
		return -1;
	got = n - SEAL_TAG;
	buf_grow(out, got);
	if (crypto_secretstream_xchacha20poly1305_pull(state,
		(unsigned char *)out->data + out->len, NULL, tag, sealed, n,
		(const unsigned char *)what, what_len) == -1)
		return -1;
	out->len += got;
	out->data[out->len] = '\0';
	return 0;
}

/* What was gathered is a chunk. */
static int
pull_chunk(struct unsealer *u, struct buf *out, struct err *e)
{
	unsigned char tag = TAG_MORE;
	size_t at = out->len;

	if (u->is_over)
		return err_set(
		    e, ERR_DATA, "damaged: something stands behind its end");
	if (pull(&u->state, u->is_begun ? NULL : blob_name, u->chunk.data,
		u->chunk.len, &tag, out) == -1)
		return err_set(e, ERR_DATA,
		    "damaged behind byte %lld, or cut there",
		    (long long)u->size);
	u->is_begun = true;
	u->is_over = tag == TAG_FINAL;
	u->size += (int64_t)(out->len - at);
	digest_add(&u->digest, out->data + at, out->len - at);
	buf_reset(&u->chunk);
	return 0;
}

int
unseal_add(struct unsealer *u, const char *data, size_t n, struct buf *out,
    struct err *e)
{
	while (n > 0) {
		size_t room = SEAL_CHUNK + SEAL_TAG - u->chunk.len;
		size_t take = n < room ? n : room;

		buf_add(&u->chunk, data, take);
		data += take;
		n -= take;
		if (take == room && pull_chunk(u, out, e) == -1)
			return -1;
	}
	return 0;
}

int
unseal_end(struct unsealer *u, struct buf *out, struct err *e)
{
	unsigned char digest[SEAL_DIGEST];

	if (u->chunk.len > 0 && pull_chunk(u, out, e) == -1)
		return -1;
	if (!u->is_over)
		return err_set(e, ERR_DATA, "damaged: cut behind byte %lld",
		    (long long)u->size);
	crypto_generichash_final(&u->digest.state, digest, sizeof digest);
	if (u->size != u->expected_size ||
	    memcmp(digest, u->expected, sizeof digest) != 0)
		return err_set(
		    e, ERR_DATA, "damaged: its bytes are not its digest's");
	return 0;
}

void
unseal_release(struct unsealer *u)
{
	buf_release(&u->chunk);
	sodium_memzero(u, sizeof *u);
}

void
seal_text(const struct seal_data_key *k, const char *what, const void *data,
    size_t n, struct buf *out)
{
	crypto_secretstream_xchacha20poly1305_state state;
	unsigned char header[SEAL_STREAM];

	crypto_secretstream_xchacha20poly1305_init_push(&state, header, k->key);
	buf_add(out, k->box, SEAL_BOX);
	buf_add(out, header, SEAL_STREAM);
	push(&state, what, data, n, TAG_FINAL, out);
	sodium_memzero(&state, sizeof state);
}

int
unseal_text(const struct seal_ring *ring, const unsigned char id[SEAL_KEY_ID],
    const char *what, const void *sealed, size_t n, struct buf *out,
    struct seal_data_key *k, struct err *e)
{
	const size_t before = SEAL_BOX + SEAL_STREAM;
	crypto_secretstream_xchacha20poly1305_state state;
	const unsigned char *s = sealed;
	unsigned char tag = TAG_MORE;
	int r;

	if (n < before + SEAL_TAG)
		return err_set(e, ERR_DATA, "damaged: it is cut");
	if (open_box(k->key, id, s, ring, e) == -1)
		return -1;
	memcpy(k->id, id, SEAL_KEY_ID);
	memcpy(k->box, s, SEAL_BOX);
	r = crypto_secretstream_xchacha20poly1305_init_pull(
	    &state, s + SEAL_BOX, k->key);
	if (r == 0)
		r = pull(&state, what, s + before, n - before, &tag, out);
	sodium_memzero(&state, sizeof state);
	if (r == 0 && tag == TAG_FINAL)
		return 0;
	return err_set(e, ERR_DATA, "damaged, or another mail's");
}

int
seal_again(unsigned char id[SEAL_KEY_ID], unsigned char box[SEAL_BOX],
    const struct seal_ring *ring, const struct seal_public *to, struct err *e)
{
	unsigned char key[SEAL_KEY];

	if (open_box(key, id, box, ring, e) == -1)
		return -1;
	memcpy(id, to->id, SEAL_KEY_ID);
	crypto_box_seal(box, key, sizeof key, to->key);
	sodium_memzero(key, sizeof key);
	return 0;
}
