/*
 * The format of sealed files and texts: every size comes back, and whatever is
 * changed, cut or put in another's place is an error before it is believed.
 */
#include "store/seal.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;
static struct seal_pair pairs[2];
static struct seal_ring ring = {pairs, 1}, both = {pairs, 2};

static void
expect(bool ok, const char *what, size_t n)
{
	if (ok)
		return;
	fprintf(stderr, "seal: %s (%zu)\n", what, n);
	failures++;
}

static void
make_pair(struct seal_pair *p)
{
	unsigned char key[crypto_box_PUBLICKEYBYTES];

	crypto_box_keypair(key, p->secret);
	seal_public_init(&p->public, key);
}

static void
make(struct buf *b, size_t n)
{
	buf_reset(b);
	for (size_t i = 0; i < n; i++)
		buf_addch(b, (char)(i * 31 + (i >> 8)));
}

static void
seal(const struct seal_public *to, const struct buf *content, struct buf *file)
{
	struct seal_data_key k;

	seal_data_key(&k, to);
	buf_reset(file);
	seal_bytes(
	    &k, content->data != NULL ? content->data : "", content->len, file);
}

/* Open a file; pieces of it are step bytes long. */
static int
unseal(const struct seal_ring *keys, const char *data, size_t n, size_t step,
    struct buf *out, struct err *e)
{
	struct seal_info info;
	struct unsealer u = {0};
	int r;

	buf_reset(out);
	if (seal_look(data, n < SEAL_HEADER ? n : SEAL_HEADER, &info, e) == -1)
		return -1;
	if (info.kind != SEAL_SEALED)
		return err_set(e, ERR_USAGE, "not sealed");
	r = unseal_begin(&u, (const unsigned char *)data, keys, e);
	for (size_t at = SEAL_HEADER; r == 0 && at < n; at += step)
		r = unseal_add(
		    &u, data + at, n - at < step ? n - at : step, out, e);
	if (r == 0)
		r = unseal_end(&u, out, e);
	unseal_release(&u);
	return r;
}

static const size_t sizes[] = {0, 1, 15, 16, 17, 1000, SEAL_CHUNK - 1,
    SEAL_CHUNK, SEAL_CHUNK + 1, 2 * SEAL_CHUNK, 3 * SEAL_CHUNK + 12345};

static void
check_sizes(void)
{
	struct buf content = BUF_INIT, file = BUF_INIT, out = BUF_INIT;

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct err e = ERR_INIT;
		struct seal_info info;
		size_t n = sizes[i],
		       chunks = n == 0 ? 1 : (n - 1) / SEAL_CHUNK + 1;

		make(&content, n);
		seal(&pairs[0].public, &content, &file);
		expect(file.len == SEAL_HEADER + n + chunks * SEAL_TAG,
		    "its length", n);
		expect(seal_look(file.data, SEAL_HEADER, &info, &e) == 0 &&
			   info.size == (int64_t)n,
		    "says its size", n);
		for (size_t step = 1000; step <= 200000; step += 66666)
			expect(unseal(&ring, file.data, file.len, step, &out,
				   &e) == 0 &&
				   out.len == n &&
				   (n == 0 ||
				       memcmp(out.data, content.data, n) == 0),
			    e.text, n);
		expect(n < 17 || memmem(file.data, file.len, content.data,
				     17) == NULL,
		    "nothing in the clear", n);
	}
	buf_release(&content);
	buf_release(&file);
	buf_release(&out);
}

/* In as many pieces as it comes in, it is the same file. */
static void
check_pieces(void)
{
	struct buf content = BUF_INIT, file = BUF_INIT, out = BUF_INIT;
	struct seal_data_key k;
	struct sealer s;
	struct err e = ERR_INIT;

	make(&content, 200000);
	seal_data_key(&k, &pairs[0].public);
	seal_begin(&s, &k, &file);
	for (size_t at = 0; at < content.len; at += 777)
		seal_add(&s, content.data + at,
		    content.len - at < 777 ? content.len - at : 777, &file);
	expect(unseal(&ring, file.data, file.len, 4096, &out, &e) == -1,
	    "an unfinished one is no file", file.len);
	seal_end(&s, &file);
	memcpy(file.data, s.header, SEAL_HEADER);
	seal_release(&s);
	e = (struct err)ERR_INIT;
	expect(unseal(&ring, file.data, file.len, 4096, &out, &e) == 0 &&
		   out.len == content.len &&
		   memcmp(out.data, content.data, out.len) == 0,
	    e.text, out.len);
	buf_release(&content);
	buf_release(&file);
	buf_release(&out);
}

/* At every byte of the header and here and there behind it. */
static void
check_damage(size_t n)
{
	struct buf content = BUF_INIT, file = BUF_INIT, out = BUF_INIT;

	make(&content, n);
	seal(&pairs[0].public, &content, &file);
	for (size_t at = 0; at < file.len;
	     at += at < SEAL_HEADER + 40 ? 1 : 997) {
		struct err cut = ERR_INIT, flip = ERR_INIT;

		expect(unseal(&ring, file.data, at, 5000, &out, &cut) == -1 &&
			   (cut.class == ERR_DATA || at == 0),
		    "cut", at);
		file.data[at] ^= 0x20;
		expect(unseal(&ring, file.data, file.len, 5000, &out, &flip) ==
			       -1 &&
			   flip.class != ERR_NONE,
		    "flip", at);
		file.data[at] ^= 0x20;
	}
	buf_addch(&file, 'x');
	for (int i = 0; i < 2; i++) {
		struct err more = ERR_INIT;

		expect(unseal(&ring, file.data, file.len, 5000, &out, &more) ==
			       -1 &&
			   more.class == ERR_DATA,
		    "something behind it", file.len);
		make(&content, SEAL_CHUNK);
		buf_add(&file, content.data, content.len);
	}
	buf_release(&content);
	buf_release(&file);
	buf_release(&out);
}

/* Chunks in another order, or left out, or of another file. */
static void
check_chunks(void)
{
	const size_t chunk = SEAL_CHUNK + SEAL_TAG;
	struct buf content = BUF_INIT, file = BUF_INIT, other = BUF_INIT;
	struct buf work = BUF_INIT, out = BUF_INIT;
	struct err a = ERR_INIT, b = ERR_INIT, c = ERR_INIT;

	make(&content, 3 * SEAL_CHUNK);
	seal(&pairs[0].public, &content, &file);
	seal(&pairs[0].public, &content, &other);
	buf_add(&work, file.data, SEAL_HEADER);
	buf_add(&work, file.data + SEAL_HEADER + chunk, 2 * chunk);
	expect(unseal(&ring, work.data, work.len, chunk, &out, &a) == -1,
	    "the first is missing", 0);
	buf_reset(&work);
	buf_add(&work, file.data, SEAL_HEADER + chunk);
	buf_add(&work, file.data + SEAL_HEADER + 2 * chunk, chunk);
	expect(unseal(&ring, work.data, work.len, chunk, &out, &b) == -1,
	    "the second is missing", 0);
	buf_reset(&work);
	buf_add(&work, file.data, SEAL_HEADER);
	buf_add(&work, other.data + SEAL_HEADER, 3 * chunk);
	expect(unseal(&ring, work.data, work.len, chunk, &out, &c) == -1,
	    "another's chunks", 0);
	buf_release(&content);
	buf_release(&file);
	buf_release(&other);
	buf_release(&work);
	buf_release(&out);
}

static void
check_keys(void)
{
	static const struct seal_ring none = {NULL, 0};
	struct buf content = BUF_INIT, file = BUF_INIT, out = BUF_INIT;
	struct err missing = ERR_INIT, wrong = ERR_INIT, e = ERR_INIT;
	unsigned char *id;

	make(&content, 100);
	seal(&pairs[1].public, &content, &file);
	expect(unseal(&none, file.data, file.len, 99, &out, &missing) == -1 &&
		   missing.class == ERR_TEMP,
	    "no key at all", 0);
	expect(unseal(&ring, file.data, file.len, 99, &out, &wrong) == -1 &&
		   wrong.class == ERR_TEMP &&
		   strstr(wrong.text, "secret key is missing") != NULL,
	    "another key", 0);
	expect(
	    unseal(&both, file.data, file.len, 99, &out, &e) == 0, e.text, 0);
	id = (unsigned char *)file.data + SEAL_MAGIC;
	expect(
	    seal_again(id, id + SEAL_KEY_ID, &both, &pairs[0].public, &e) == 0,
	    e.text, 1);
	expect(unseal(&ring, file.data, file.len, 99, &out, &e) == 0 &&
		   out.len == 100 && memcmp(out.data, content.data, 100) == 0,
	    "after the key was changed", 0);
	buf_release(&content);
	buf_release(&file);
	buf_release(&out);
}

/* What is no seal: plain, escaped, of a later release, too short to tell. */
static void
check_look(void)
{
	static const struct {
		const char *head;
		size_t n;
		enum err_class class;
		enum seal_kind kind;
	} rows[] = {
	    {"", 0, ERR_NONE, SEAL_PLAIN},
	    {"From: a", 7, ERR_NONE, SEAL_PLAIN},
	    {"\x89mailpipe seal", 14, ERR_DATA, SEAL_PLAIN},
	    {"\x89", 1, ERR_DATA, SEAL_PLAIN},
	    {"\x89mailpipe seal\n0", 16, ERR_NONE, SEAL_ESCAPED},
	    {"\x89mailpipe seal\n1", 16, ERR_DATA, SEAL_PLAIN},
	    {"\x89mailpipe seal\n2", 16, ERR_TEMP, SEAL_PLAIN},
	    {"\x89mailpipe sea1\n1", 16, ERR_NONE, SEAL_PLAIN},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err e = ERR_INIT;
		struct seal_info info;
		int r = seal_look(rows[i].head, rows[i].n, &info, &e);

		expect((r == -1) == (rows[i].class != ERR_NONE) &&
			   e.class == rows[i].class,
		    "class of a look", i);
		expect(r == -1 || info.kind == rows[i].kind, "its kind", i);
	}
	expect(seal_is_like("\x89", 1) && seal_is_like(seal_escape, 16) &&
		   !seal_is_like("", 0) && !seal_is_like("From", 4),
	    "what is escaped", 0);
}

static void
check_text(void)
{
	static const char text[] = "{\"message\":{\"subject\":\"x\"}}";
	struct buf sealed = BUF_INIT, out = BUF_INIT;
	struct seal_data_key k, got;
	struct err e = ERR_INIT;

	seal_data_key(&k, &pairs[0].public);
	seal_text(&k, "row a 1", text, sizeof text, &sealed);
	expect(unseal_text(&ring, k.id, "row a 1", sealed.data, sealed.len,
		   &out, &got, &e) == 0 &&
		   out.len == sizeof text &&
		   memcmp(out.data, text, sizeof text) == 0 &&
		   memcmp(&got, &k, sizeof k) == 0,
	    e.text, 0);
	for (size_t at = 0; at < sealed.len; at++) {
		struct err cut = ERR_INIT, flip = ERR_INIT;

		expect(unseal_text(&ring, k.id, "row a 1", sealed.data, at,
			   &out, &got, &cut) == -1 &&
			   cut.class == ERR_DATA,
		    "text cut", at);
		sealed.data[at] ^= 1;
		expect(unseal_text(&ring, k.id, "row a 1", sealed.data,
			   sealed.len, &out, &got, &flip) == -1 &&
			   flip.class == ERR_DATA,
		    "text changed", at);
		sealed.data[at] ^= 1;
	}
	expect(unseal_text(&ring, k.id, "row b 1", sealed.data, sealed.len,
		   &out, &got, &e) == -1 &&
		   e.class == ERR_DATA,
	    "another row's", 0);
	buf_release(&sealed);
	buf_release(&out);
}

int
main(void)
{
	if (sodium_init() == -1)
		return 1;
	make_pair(&pairs[0]);
	make_pair(&pairs[1]);
	check_sizes();
	check_pieces();
	check_damage(0);
	check_damage(500);
	check_damage(SEAL_CHUNK);
	check_damage(2 * SEAL_CHUNK + 7);
	check_chunks();
	check_keys();
	check_look();
	check_text();
	return failures > 0;
}
