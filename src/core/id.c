#include "core/id.h"

#include <sodium.h>
#include <stdint.h>
#include <string.h>

enum {
	LARGE = 64 * 1024,
};

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

bool
id_valid(const char *id, size_t len)
{
	if (len < 1 || len > ID_MAX || id[0] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(id[i]) && id[i] != '_' && id[i] != '-')
			return false;
	return true;
}

bool
name_valid(const char *name, size_t len)
{
	if (len < 1 || len > NAME_MAX_LEN || !is_alnum(name[0]))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!is_alnum(name[i]) &&
		    (name[i] == '\0' || strchr("._-", name[i]) == NULL))
			return false;
	return true;
}

char *
id_random(char id[ID_TEXT])
{
	unsigned char raw[(ID_TEXT - 1) / 2];

	randombytes_buf(raw, sizeof raw);
	return sodium_bin2hex(id, ID_TEXT, raw, sizeof raw);
}

char *
id_derive(const char *const *parts, size_t n, char id[ID_TEXT])
{
	unsigned char raw[(ID_TEXT - 1) / 2];
	crypto_generichash_state st;
	uint64_t len;

	crypto_generichash_init(&st, NULL, 0, sizeof raw);
	for (size_t i = 0; i < n; i++) {
		len = strlen(parts[i]);
		crypto_generichash_update(
		    &st, (const unsigned char *)&len, sizeof len);
		crypto_generichash_update(
		    &st, (const unsigned char *)parts[i], len);
	}
	crypto_generichash_final(&st, raw, sizeof raw);
	return sodium_bin2hex(id, ID_TEXT, raw, sizeof raw);
}

void
digest_init(struct digest *d)
{
	crypto_generichash_init(&d->state, NULL, 0, crypto_generichash_BYTES);
}

/*
 * Let libsodium find the processor's fastest code, which is twice as fast, once
 * there is enough to digest to repay what that takes: 20 us, and 70 on virtual
 * machines, which trap each CPUID.
 */
static void
hash_faster(size_t n)
{
	static size_t seen;

	if (seen > LARGE)
		return;
	seen += n < LARGE ? n : LARGE + 1;
	if (seen > LARGE && sodium_init() == -1)
		return; /* the portable code is as right */
}

void
digest_add(struct digest *d, const void *data, size_t n)
{
	hash_faster(n);
	if (n > 0)
		crypto_generichash_update(&d->state, data, n);
}

char *
digest_text(struct digest *d, char text[DIGEST_TEXT])
{
	unsigned char raw[crypto_generichash_BYTES];

	crypto_generichash_final(&d->state, raw, sizeof raw);
	memcpy(text, "b2:", 3);
	sodium_bin2hex(text + 3, DIGEST_TEXT - 3, raw, sizeof raw);
	return text;
}
