/* A signed message that somebody else made, for the unit tests of DKIM. */
#ifndef UNIT_DKIM_VECTOR_H
#define UNIT_DKIM_VECTOR_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "core/buf.h"
#include "mail/dkim_canon.h"
#include "mail/header.h"
#include "mail/wire.h"

struct vector {
	struct buf text; /* in wire form */
	size_t body; /* where it begins */
	struct header header;
};

static inline void
vector_init(struct vector *v, const char *text, size_t len)
{
	struct header_scan scan = {0};
	struct wire w;

	*v = (struct vector){0};
	wire_init(&w, false);
	wire_add(&w, text, len, &v->text);
	wire_end(&w, &v->text);
	header_scan(&scan, v->text.data, v->text.len, true);
	header_parse(&v->header, v->text.data, &scan);
	v->body = scan.size;
}

static inline void
vector_release(struct vector *v)
{
	header_release(&v->header);
	buf_release(&v->text);
}

static inline bool
vector_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Where a tag's value stands in a field; false: nowhere. */
static inline bool
vector_find(struct slice field, const char *name, struct slice *value)
{
	const char *p = field.data, *end = field.data + field.len, *next;

	for (; p < end; p = next + 1) {
		next = memchr(p, ';', (size_t)(end - p));
		if (next == NULL)
			next = end;
		while (p < next && vector_is_space(*p))
			p++;
		if ((size_t)(next - p) <= strlen(name) ||
		    strncmp(p, name, strlen(name)) != 0)
			continue;
		p += strlen(name);
		while (p < next && vector_is_space(*p))
			p++;
		if (*p != '=')
			continue;
		*value = (struct slice){p + 1, (size_t)(next - p - 1)};
		return true;
	}
	return false;
}

/* A tag's value without white space, "" if there is none; the caller frees. */
static inline char *
vector_tag(struct slice field, const char *name)
{
	struct buf out = BUF_INIT;
	struct slice value = {"", 0};

	vector_find(field, name, &value);
	buf_addstr(&out, "");
	for (size_t i = 0; i < value.len; i++)
		if (!vector_is_space(value.data[i]))
			buf_addch(&out, value.data[i]);
	return buf_detach(&out);
}

static inline const EVP_MD *
vector_digest(struct slice field)
{
	char *a = vector_tag(field, "a");
	const EVP_MD *md =
	    strcmp(a, "rsa-sha1") == 0 ? EVP_sha1() : EVP_sha256();

	free(a);
	return md;
}

static inline void
vector_canons(struct slice field, enum dkim_canon *head, enum dkim_canon *body)
{
	char *c = vector_tag(field, "c"), *slash = strchr(c, '/');

	*head = strncmp(c, "relaxed", 7) == 0 ? DKIM_RELAXED : DKIM_SIMPLE;
	*body = slash != NULL && strcmp(slash + 1, "relaxed") == 0
		    ? DKIM_RELAXED
		    : DKIM_SIMPLE;
	free(c);
}

/* What bh= ought to be. */
static inline char *
vector_body_hash(const struct vector *v, struct slice field)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	const EVP_MD *md = vector_digest(field);
	struct buf out = BUF_INIT;
	enum dkim_canon head, body;
	struct dkim_body b;
	char *l = vector_tag(field, "l");
	size_t len = v->text.len - v->body;

	vector_canons(field, &head, &body);
	if (l[0] != '\0' && strtoul(l, NULL, 10) < len)
		len = strtoul(l, NULL, 10);
	dkim_body_init(&b, body, md);
	dkim_body_add(&b, v->text.data + v->body, len);
	if (dkim_body_end(&b, digest))
		base64_encode(digest, (size_t)EVP_MD_size(md), &out);
	else
		buf_addstr(&out, "no digest");
	dkim_body_release(&b);
	free(l);
	return buf_detach(&out);
}

/* What b= is the signature of. */
static inline void
vector_input(
    const struct vector *v, const struct header_field *f, struct buf *input)
{
	const char *names[512];
	char *h = vector_tag(f->value, "h"), *save = NULL;
	struct buf field = BUF_INIT;
	struct slice b = {f->value.data + f->value.len, 0};
	enum dkim_canon head, body;
	size_t n = 0;

	for (char *s = strtok_r(h, ":", &save); s != NULL && n < 512;
	     s = strtok_r(NULL, ":", &save))
		names[n++] = s;
	vector_canons(f->value, &head, &body);
	dkim_add_fields(&v->header, names, n, head, input);
	vector_find(f->value, "b", &b);
	buf_add(&field, f->name.data, (size_t)(b.data - f->name.data));
	buf_add(&field, b.data + b.len,
	    (size_t)(f->value.data + f->value.len - b.data) - b.len);
	n = (size_t)(f->value.data - f->name.data);
	dkim_add_field((struct slice){field.data, f->name.len},
	    (struct slice){field.data + n, field.len - n}, head, input);
	buf_release(&field);
	free(h);
}

/* The key of a DNS record; NULL: none that could be read. */
static inline EVP_PKEY *
vector_key(const char *record)
{
	struct slice text = {record, strlen(record)};
	char *p = vector_tag(text, "p"), *k = vector_tag(text, "k");
	struct buf bytes = BUF_INIT;
	const unsigned char *at;
	EVP_PKEY *pkey = NULL;

	base64_decode_lenient(p, strlen(p), &bytes);
	if (bytes.len > 0 && strcmp(k, "ed25519") == 0) {
		pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
		    (unsigned char *)bytes.data, bytes.len);
	} else if (bytes.len > 0) {
		at = (unsigned char *)bytes.data;
		pkey = d2i_PUBKEY(NULL, &at, (long)bytes.len);
		at = (unsigned char *)bytes.data;
		if (pkey == NULL) /* as RFC 6376 says, and few do */
			pkey = d2i_PublicKey(
			    EVP_PKEY_RSA, NULL, &at, (long)bytes.len);
	}
	buf_release(&bytes);
	free(p);
	free(k);
	return pkey;
}

static inline bool
vector_check_b(
    const struct vector *v, const struct header_field *f, EVP_PKEY *pkey)
{
	const EVP_MD *md = vector_digest(f->value), *of_data = md;
	unsigned char digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	struct buf input = BUF_INIT, sig = BUF_INIT;
	char *b = vector_tag(f->value, "b");
	bool is_good;

	base64_decode_lenient(b, strlen(b), &sig);
	vector_input(v, f, &input);
	if (EVP_PKEY_base_id(pkey) == EVP_PKEY_ED25519) {
		EVP_Digest(input.data, input.len, digest, NULL, md, NULL);
		buf_reset(&input);
		buf_add(&input, digest, (size_t)EVP_MD_size(md));
		of_data = NULL;
	}
	is_good = EVP_DigestVerifyInit(ctx, NULL, of_data, NULL, pkey) == 1 &&
		  EVP_DigestVerify(ctx, (unsigned char *)sig.data, sig.len,
		      (unsigned char *)input.data, input.len) == 1;
	EVP_MD_CTX_free(ctx);
	buf_release(&input);
	buf_release(&sig);
	free(b);
	return is_good;
}

/* Is the signature good, the key that of this record? */
static inline bool
vector_verify(
    const struct vector *v, const struct header_field *f, const char *record)
{
	EVP_PKEY *pkey = vector_key(record);
	char *bh = vector_tag(f->value, "bh");
	char *ours = vector_body_hash(v, f->value);
	bool is_good =
	    pkey != NULL && strcmp(bh, ours) == 0 && vector_check_b(v, f, pkey);

	EVP_PKEY_free(pkey);
	free(bh);
	free(ours);
	return is_good;
}

#endif
