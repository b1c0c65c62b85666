#include "mail/dkim_key.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"

enum {
	SEED_SIZE = 32, /* of Ed25519 */
	SHA256_SIZE = 32,
	RSA_BITS_MIN = 1024, /* RFC 8301, 3.2 */
	RSA_BITS_NEW = 2048,
	KEY_TEXT_MAX = 64 * 1024,
};

/* libcrypto's own reason, which names no data.  Empties its list of errors. */
static int
crypto_error(struct err *e, const char *what)
{
	const char *why = ERR_reason_error_string(ERR_peek_last_error());

	err_set(e, ERR_TEMP, "DKIM key: %s%s%s", what, why != NULL ? ": " : "",
	    why != NULL ? why : "");
	ERR_clear_error();
	return -1;
}

/* Nobody is asked for a passphrase. */
static int
no_passphrase(char *to, int size, int is_writing, void *ctx)
{
	(void)to;
	(void)size;
	(void)is_writing;
	*(bool *)ctx = true;
	return -1;
}

static EVP_PKEY *
parse_pem(const char *text, size_t len, struct err *e)
{
	BIO *in = BIO_new_mem_buf(text, (int)len);
	EVP_PKEY *pkey = NULL;
	bool is_locked = false;

	if (in != NULL)
		pkey = PEM_read_bio_PrivateKey(
		    in, NULL, no_passphrase, &is_locked);
	BIO_free(in);
	if (pkey == NULL && is_locked)
		err_set(e, ERR_TEMP,
		    "DKIM key: it has a passphrase: store it without one");
	else if (pkey == NULL)
		crypto_error(e, "no private key in PEM");
	ERR_clear_error();
	return pkey;
}

static EVP_PKEY *
parse_seed(const char *text, size_t len, struct err *e)
{
	unsigned char seed[SEED_SIZE];
	EVP_PKEY *pkey = NULL;
	size_t n = 0;

	if (sodium_base642bin(seed, sizeof seed, text, len, " \t\r\n", &n, NULL,
		sodium_base64_VARIANT_ORIGINAL) == 0 &&
	    n == sizeof seed)
		pkey = EVP_PKEY_new_raw_private_key(
		    EVP_PKEY_ED25519, NULL, seed, n);
	sodium_memzero(seed, sizeof seed);
	if (pkey == NULL)
		err_set(e, ERR_TEMP,
		    "DKIM key: neither a private key in PEM nor the base64 of "
		    "an Ed25519 seed of 32 bytes");
	ERR_clear_error();
	return pkey;
}

static bool
is_pem(const char *text, size_t len)
{
	return memmem(text, len, "-----BEGIN ", strlen("-----BEGIN ")) != NULL;
}

/* Which algorithm it is for; -1: for none of ours. */
static int
find_algorithm(EVP_PKEY *pkey, struct err *e)
{
	int bits;

	switch (EVP_PKEY_base_id(pkey)) {
	case EVP_PKEY_ED25519:
		return DKIM_ED25519;
	case EVP_PKEY_RSA:
		bits = EVP_PKEY_bits(pkey);
		if (bits >= RSA_BITS_MIN)
			return DKIM_RSA;
		return err_set(e, ERR_TEMP,
		    "DKIM key: RSA of %d bits; verifiers want %d or more", bits,
		    RSA_BITS_MIN);
	default:
		return err_set(
		    e, ERR_TEMP, "DKIM key: it is neither RSA nor Ed25519");
	}
}

struct dkim_key *
dkim_key_parse(const char *text, size_t len, struct err *e)
{
	struct dkim_key *k;
	EVP_PKEY *pkey;
	int algorithm;

	if (len > KEY_TEXT_MAX) {
		err_set(e, ERR_TEMP, "DKIM key: %zu bytes are no key", len);
		return NULL;
	}
	pkey = is_pem(text, len) ? parse_pem(text, len, e)
				 : parse_seed(text, len, e);
	if (pkey == NULL)
		return NULL;
	algorithm = find_algorithm(pkey, e);
	if (algorithm == -1) {
		EVP_PKEY_free(pkey);
		return NULL;
	}
	k = xmalloc(sizeof *k);
	*k = (struct dkim_key){pkey, (enum dkim_algorithm)algorithm};
	return k;
}

void
dkim_key_free(struct dkim_key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

const char *
dkim_key_algorithm(const struct dkim_key *k)
{
	return k->algorithm == DKIM_RSA ? "rsa-sha256" : "ed25519-sha256";
}

static bool
sign(const struct dkim_key *k, EVP_MD_CTX *md, const unsigned char *data,
    size_t n, unsigned char *sig, size_t *size)
{
	unsigned char digest[SHA256_SIZE];
	const EVP_MD *of_data = EVP_sha256();

	/* RFC 8463, 3: PureEdDSA, of the digest. */
	if (k->algorithm == DKIM_ED25519) {
		if (EVP_Digest(data, n, digest, NULL, of_data, NULL) != 1)
			return false;
		data = digest;
		n = sizeof digest;
		of_data = NULL;
	}
	return EVP_DigestSignInit(md, NULL, of_data, NULL, k->pkey) == 1 &&
	       EVP_DigestSign(md, sig, size, data, n) == 1;
}

int
dkim_key_sign(const struct dkim_key *k, const char *data, size_t n,
    struct buf *out, struct err *e)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	size_t size = (size_t)EVP_PKEY_size(k->pkey);
	unsigned char *sig = xmalloc(size);
	bool is_done = md != NULL &&
		       sign(k, md, (const unsigned char *)data, n, sig, &size);

	if (is_done)
		base64_encode(sig, size, out);
	else
		crypto_error(e, "cannot sign");
	EVP_MD_CTX_free(md);
	free(sig);
	return is_done ? 0 : -1;
}

/* RFC 8463, 4.2: the bytes alone. */
static int
public_ed25519(EVP_PKEY *pkey, struct buf *out, struct err *e)
{
	unsigned char raw[SEED_SIZE];
	size_t n = sizeof raw;

	if (EVP_PKEY_get_raw_public_key(pkey, raw, &n) != 1)
		return crypto_error(e, "no public half");
	base64_encode(raw, n, out);
	return 0;
}

int
dkim_key_public(const struct dkim_key *k, struct buf *out, struct err *e)
{
	unsigned char *der = NULL;
	int n;

	if (k->algorithm == DKIM_ED25519)
		return public_ed25519(k->pkey, out, e);
	/*
	 * RFC 6376, 3.6.1 says RSAPublicKey; what everybody publishes is the
	 * SubjectPublicKeyInfo around it (erratum 3017).
	 */
	n = i2d_PUBKEY(k->pkey, &der);
	if (n <= 0)
		return crypto_error(e, "no public half");
	base64_encode(der, (size_t)n, out);
	OPENSSL_free(der);
	return 0;
}

static EVP_PKEY *
generate(enum dkim_algorithm a)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(
	    a == DKIM_RSA ? EVP_PKEY_RSA : EVP_PKEY_ED25519, NULL);
	EVP_PKEY *pkey = NULL;

	if (ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 &&
	    (a != DKIM_RSA ||
		EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, RSA_BITS_NEW) == 1) &&
	    EVP_PKEY_keygen(ctx, &pkey) != 1)
		pkey = NULL;
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

int
dkim_keygen(enum dkim_algorithm a, struct buf *pem, struct err *e)
{
	EVP_PKEY *pkey = generate(a);
	BIO *out = BIO_new(BIO_s_secmem()); /* wiped when it is freed */
	char *text = NULL;
	long n = 0;

	if (pkey != NULL && out != NULL &&
	    PEM_write_bio_PKCS8PrivateKey(
		out, pkey, NULL, NULL, 0, NULL, NULL) == 1)
		n = BIO_get_mem_data(out, &text);
	if (n > 0)
		buf_add(pem, text, (size_t)n);
	else
		crypto_error(e, "cannot make one");
	BIO_free(out);
	EVP_PKEY_free(pkey);
	return n > 0 ? 0 : -1;
}
