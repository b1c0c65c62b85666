/*
 * Sealed files and texts from hostile hands.  The input begins with the number
 * of a file that is sound, and a place in it; the rest goes there, or stands
 * for a file of its own.
 */
#include <sodium.h>

#include "fuzz.h"
#include "ledger/sealed.h"
#include "store/seal.h"

static struct seal_pair pair;
static const struct seal_ring ring = {&pair, 1};

/* Always the same key, so that an input can be repeated. */
static void
setup(void)
{
	static const unsigned char seed[crypto_box_SEEDBYTES] = {1};
	unsigned char key[crypto_box_PUBLICKEYBYTES];

	CHECK(sodium_init() != -1);
	crypto_box_seed_keypair(key, pair.secret, seed);
	seal_public_init(&pair.public, key);
}

/* Nothing is believed that was not put in. */
static void
check_file(const char *data, size_t n, const char *content, size_t len)
{
	struct seal_info info;
	struct unsealer u = {0};
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	uint32_t seed = (uint32_t)n;
	int r = seal_look(data, n < SEAL_HEADER ? n : SEAL_HEADER, &info, &e);

	CHECK((r == -1) == (e.class != ERR_NONE));
	if (r == -1 || info.kind != SEAL_SEALED)
		return;
	r = unseal_begin(&u, (const unsigned char *)data, &ring, &e);
	for (size_t at = SEAL_HEADER, step; r == 0 && at < n; at += step) {
		step = next_piece(&seed, n - at);
		r = unseal_add(&u, data + at, step, &out, &e);
	}
	if (r == 0)
		r = unseal_end(&u, &out, &e);
	CHECK((r == -1) == (e.class != ERR_NONE));
	CHECK(
	    r == -1 || (out.len == len && memcmp(out.data, content, len) == 0));
	unseal_release(&u);
	buf_release(&out);
}

/* As a row may have it. */
static void
check_row(const char *data, size_t n)
{
	struct buf out = BUF_INIT;
	struct seal_data_key k;
	struct err e = ERR_INIT, bad = ERR_INIT;
	bool is_changed;
	int r = sealed_read(&ring, "id", data, n, &out, &k, &e);

	CHECK((r == -1) == (e.class != ERR_NONE));
	CHECK(r == 1 || out.len == 0);
	sealed_clue(data, n);
	buf_reset(&out);
	r = sealed_again(&ring, &pair.public, data, n, &out, &is_changed, &bad);
	CHECK((r == -1) == (bad.class != ERR_NONE));
	buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char content[] = "Subject: x\n\nbody\n";
	struct seal_data_key k;
	struct buf file = BUF_INIT, row = BUF_INIT;
	size_t at;

	if (pair.public.id[0] == 0)
		setup();
	check_file((const char *)data, n, "", 0);
	check_row((const char *)data, n);
	buf_addstr(&row, "{\"sealed\":\"1.");
	buf_add(&row, data, n);
	check_row(row.data, row.len);
	if (n >= 2) {
		seal_data_key(&k, &pair.public);
		seal_bytes(&k, content, sizeof content, &file);
		at = data[0] < file.len ? data[0] : file.len;
		if (data[1] % 2 == 0) /* cut there first */
			file.len = at;
		for (size_t i = 2; i < n; i++, at++)
			if (at < file.len)
				file.data[at] = (char)data[i];
			else
				buf_addch(&file, (char)data[i]);
		check_file(file.data, file.len, content, sizeof content);
	}
	buf_release(&file);
	buf_release(&row);
	return 0;
}
