/*
 * Unit tests of mail/dkim*.c: canonical forms, keys, signatures.  What other
 * programs say of the signatures is in tests/dkim.bats, what we say of theirs
 * in dkim_corpora.c.
 */
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/bulk.h"
#include "dkim_vector.h"
#include "mail/dkim.h"
#include "mail/dkim_key.h"

/* RFC 8463, appendix A; also RFC 8032, 7.1, test 1. */
#define SEED "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
#define PUBLIC "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

enum {
	AT = 1795300000,
};

static int failures;

static void
fail(const char *what, const char *got)
{
	printf("%s: %s\n", what, got);
	failures++;
}

static void
same(const char *what, const char *got, const char *want)
{
	if (strcmp(got, want) == 0)
		return;
	printf("%s: %s, not %s\n", what, got, want);
	failures++;
}

static const struct {
	const char *in, *relaxed, *simple;
} bodies[] = {
    {"", "", "\r\n"},
    {"\r\n", "", "\r\n"},
    {"\r\n\r\n\r\n", "", "\r\n"},
    {" \r\n", "", " \r\n"},
    {" \t\r\n \r\n", "", " \t\r\n \r\n"},
    {"a\r\n", "a\r\n", "a\r\n"},
    {"a\r\n\r\n", "a\r\n", "a\r\n"},
    {"a\r\n \r\n\t\r\n", "a\r\n", "a\r\n \r\n\t\r\n"},
    /* RFC 6376, 3.4.5. */
    {" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n", " C \r\nD \t E\r\n"},
    {"\r\n\r\na\r\n", "\r\n\r\na\r\n", "\r\n\r\na\r\n"},
    {"a\r\n \r\nb\r\n", "a\r\n\r\nb\r\n", "a\r\n \r\nb\r\n"},
    {"\xe5\x8f\x97 \xff\x01\x7f\v\f\r\n", "\xe5\x8f\x97 \xff\x01\x7f\v\f\r\n",
	"\xe5\x8f\x97 \xff\x01\x7f\v\f\r\n"},
};

static void
check_body(
    const char *in, const char *want, enum dkim_canon canon, size_t piece)
{
	unsigned char ours[EVP_MAX_MD_SIZE], theirs[EVP_MAX_MD_SIZE];
	size_t len = strlen(in);
	struct dkim_body b;

	dkim_body_init(&b, canon, EVP_sha256());
	for (size_t i = 0; i < len; i += piece)
		dkim_body_add(&b, in + i, len - i < piece ? len - i : piece);
	EVP_Digest(want, strlen(want), theirs, NULL, EVP_sha256(), NULL);
	if (!dkim_body_end(&b, ours) || memcmp(ours, theirs, 32) != 0)
		fail("body", in);
	dkim_body_release(&b);
}

static void
check_bodies(void)
{
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
		for (size_t piece = 1; piece < 9; piece++) {
			check_body(bodies[i].in, bodies[i].relaxed,
			    DKIM_RELAXED, piece);
			check_body(
			    bodies[i].in, bodies[i].simple, DKIM_SIMPLE, piece);
		}
}

/* More than a block, and more line ends than would be kept. */
static void
check_long_body(void)
{
	struct buf in = BUF_INIT;

	for (int i = 0; i < 5000; i++)
		buf_addstr(&in, "\r\n");
	for (int i = 0; i < 9000; i++)
		buf_addch(&in, 'x');
	buf_addstr(&in, "\r\n");
	check_body(in.data, in.data, DKIM_RELAXED, 4096);
	check_body(in.data, in.data, DKIM_SIMPLE, 100000);
	buf_release(&in);
}

static void
check_fields(void)
{
	static const char *const names[] = {
	    "to", "B", "TO", "Cc", "to", "To", "b"};
	static const char text[] = "To: 1\r\nA: x\r\nTO \t:\t2 \r\n \t 3 "
				   "\r\nb : X  \r\n\tY\t\r\nto:\r\n\r\n";
	struct buf out = BUF_INIT;
	struct vector v;

	vector_init(&v, text, strlen(text));
	dkim_add_fields(&v.header, names, 7, DKIM_RELAXED, &out);
	same("relaxed", out.data, "to:\r\nb:X Y\r\nto:2 3\r\nto:1\r\n");
	buf_reset(&out);
	dkim_add_fields(&v.header, names, 3, DKIM_SIMPLE, &out);
	same("simple", out.data,
	    "to:\r\nb : X  \r\n\tY\t\r\nTO \t:\t2 \r\n \t 3 \r\n");
	vector_release(&v);
	buf_release(&out);
}

static struct dkim_key *
seed_key(void)
{
	struct err e = ERR_INIT;
	struct dkim_key *k = dkim_key_parse(SEED "\n", strlen(SEED) + 1, &e);

	if (k == NULL) {
		fail("seed", e.text);
		exit(1);
	}
	return k;
}

static struct dkim_key *
new_key(enum dkim_algorithm a)
{
	struct err e = ERR_INIT;
	struct buf pem = BUF_INIT;
	struct dkim_key *k = NULL;

	if (dkim_keygen(a, &pem, &e) == 0)
		k = dkim_key_parse(pem.data, pem.len, &e);
	if (k == NULL || k->algorithm != a ||
	    strncmp(pem.data, "-----BEGIN PRIVATE KEY-----\n", 28) != 0) {
		fail("keygen", e.text);
		exit(1);
	}
	buf_release(&pem);
	return k;
}

static void
refuse(const char *text, size_t len, const char *why)
{
	struct err e = ERR_INIT;
	struct dkim_key *k = dkim_key_parse(text, len, &e);

	if (k != NULL || e.class != ERR_TEMP || strstr(e.text, why) == NULL ||
	    (len > 20 && memmem(e.text, sizeof e.text, text + len / 2, 8)))
		fail(why, k != NULL ? "taken" : e.text);
	dkim_key_free(k);
}

/* In PEM, as OpenSSL writes it with that cipher. */
static void
refuse_pem(EVP_PKEY *pkey, const EVP_CIPHER *cipher, const char *why)
{
	char *text, passphrase[] = "secret";
	BIO *out = BIO_new(BIO_s_mem());
	long n;

	PEM_write_bio_PKCS8PrivateKey(
	    out, pkey, cipher, passphrase, cipher != NULL ? 6 : 0, NULL, NULL);
	n = BIO_get_mem_data(out, &text);
	refuse(text, (size_t)n, why);
	BIO_free(out);
	EVP_PKEY_free(pkey);
}

static void
check_keys(void)
{
	static const char junk[] =
	    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK"
	    "\n-----END PRIVATE KEY-----\n";
	static char large[70 * 1024];
	struct dkim_key *k = new_key(DKIM_RSA);
	EVP_PKEY *pkey = k->pkey;

	if (EVP_PKEY_bits(pkey) != 2048)
		fail("keygen", "not 2048 bits");
	EVP_PKEY_up_ref(pkey);
	dkim_key_free(k);
	refuse_pem(pkey, EVP_aes_128_cbc(), "passphrase");
	refuse_pem(EVP_EC_gen("P-256"), NULL, "neither RSA nor Ed25519");
	refuse_pem(EVP_RSA_gen(768), NULL, "768 bits");
	refuse(junk, strlen(junk), "no private key in PEM");
	refuse("", 0, "neither");
	refuse("nonsense", 8, "neither");
	refuse(SEED "AAAA", strlen(SEED) + 4, "neither");
	refuse(SEED, strlen(SEED) - 8, "neither");
	memset(large, 'x', sizeof large);
	refuse(large, sizeof large, "71680 bytes");
	dkim_key_free(NULL);
}

static void
check_record(void)
{
	struct dkim_signer s = {seed_key(), "example.com", "brisbane"};
	struct dkim_key *ed = (struct dkim_key *)s.key, *rsa;
	struct buf out = BUF_INIT, text = BUF_INIT;
	struct err e = ERR_INIT;
	char *save = NULL, *part;
	EVP_PKEY *pkey;
	size_t longest = 0;

	if (dkim_dns_record(&s, &out, &e) == -1)
		fail("record", e.text);
	same("record", out.data,
	    "brisbane._domainkey.example.com. IN TXT ( \"v=DKIM1; k=ed25519; "
	    "p=" PUBLIC "\" )\n");
	buf_reset(&out);
	s.key = rsa = new_key(DKIM_RSA);
	if (dkim_dns_record(&s, &out, &e) == -1)
		fail("record", e.text);
	strtok_r(out.data, "\"", &save);
	while ((part = strtok_r(NULL, "\"", &save)) != NULL) {
		if (strlen(part) > longest)
			longest = strlen(part);
		if (strcmp(part, " ") != 0 && strcmp(part, " )\n") != 0)
			buf_addstr(&text, part);
	}
	pkey = vector_key(text.data);
	if (pkey == NULL || EVP_PKEY_eq(pkey, rsa->pkey) != 1)
		fail("record", text.data);
	if (longest != 255)
		fail("record", "strings not of 255 bytes");
	EVP_PKEY_free(pkey);
	dkim_key_free(ed);
	dkim_key_free(rsa);
	buf_release(&out);
	buf_release(&text);
}

static int
sign(const char *message, size_t len, const struct dkim_signer *signers,
    size_t n, struct buf *fields, struct err *e)
{
	struct bulk b;
	int r;

	bulk_init(&b, NULL, NULL);
	bulk_add(&b, message, len, e);
	r = dkim_sign(&b, signers, n, AT, fields, e);
	bulk_release(&b);
	return r;
}

/* Both signatures of a message, put before it, are good. */
static void
check_good(const char *message, const struct dkim_signer signers[2],
    const char *const records[2])
{
	const struct header_field *f = NULL;
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	struct vector v;

	if (sign(message, strlen(message), signers, 2, &out, &e) == -1)
		fail(message, e.text);
	buf_addstr(&out, message);
	vector_init(&v, out.data, out.len);
	for (int i = 0; i < 2; i++) {
		f = header_next(&v.header, "DKIM-Signature", f);
		if (f == NULL || !vector_verify(&v, f, records[i]))
			fail("not good", message);
	}
	vector_release(&v);
	buf_release(&out);
}

static char *
record_of(const struct dkim_key *k)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	buf_addstr(&out, k->algorithm == DKIM_RSA ? "p=" : "k=ed25519; p=");
	dkim_key_public(k, &out, &e);
	return buf_detach(&out);
}

static void
check_signatures(void)
{
	static const char *const messages[] = {
	    "From: a@example.com\n\n",
	    "From: a@example.com",
	    "From: a@example.com\r\n\r\n \r\n\r\n",
	    "From: a@example.com\nTo: b\nTo:  c\n d\nto : e\n\nbody",
	    "From: a@example.com\r\nSubject: \xe5\x8f\x97\r\n\r\n\xe5\x8f\x97 "
	    " \r\n",
	    "X: y\rFrom: a@example.com\r\rbody\r",
	    "Subject:\nFrom: a@example.com\nList-Unsubscribe: <https://a/>\n"
	    "List-Unsubscribe-Post: List-Unsubscribe=One-Click\n"
	    "DKIM-Signature: v=1; b=old\n\n.\n..\n",
	};
	struct dkim_key *rsa = new_key(DKIM_RSA), *ed = seed_key();
	struct dkim_signer signers[2] = {
	    {rsa, "example.com", "r"}, {ed, "mail.example.com", "e"}};
	char *r = record_of(rsa), *d = record_of(ed);
	const char *records[2] = {r, d};

	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
		check_good(messages[i], signers, records);
	free(r);
	free(d);
	dkim_key_free(rsa);
	dkim_key_free(ed);
}

/* The field as a whole, which does not change by itself. */
static void
check_field(void)
{
	static const char want[] =
	    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
	    "\td=football.example.com;\r\n"
	    "\ts=brisbane;\r\n"
	    "\tt=1795300000; h=From:From:To:To:To:Cc:Subject:Subject:Date:"
	    "Reply-To:\r\n"
	    "\tMessage-ID:MIME-Version:Content-Type:List-Unsubscribe:\r\n"
	    "\tList-Unsubscribe:List-Unsubscribe-Post:List-Unsubscribe-Post:"
	    "Sender;\r\n"
	    "\tbh=";
	static const char *const same_message[] = {
	    "from: a\r\nTo: 1\r\nTo: 2\r\nSubject: s\r\nList-Unsubscribe: "
	    "<>\r\nList-Unsubscribe-Post: p\r\nSender: x\r\n\r\nHi.  There\r\n",
	    "from: a\nTo: 1\nTo: 2\nSubject: s\nList-Unsubscribe: "
	    "<>\nList-Unsubscribe-Post: p\nSender: x\n\nHi.  There",
	    "From : a \nTo: 1\nTo:\t2\nSubject:  s\nList-Unsubscribe:\n "
	    "<>\nList-Unsubscribe-Post: p\nSENDER: x\n\nHi. There  \n\n \n\n",
	};
	struct dkim_signer s = {seed_key(), "football.example.com", "brisbane"};
	struct buf first = BUF_INIT, other = BUF_INIT;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < 3; i++) {
		buf_reset(&other);
		if (sign(same_message[i], strlen(same_message[i]), &s, 1,
			i == 0 ? &first : &other, &e) == -1)
			fail("field", e.text);
		if (i > 0)
			same("field", other.data, first.data);
	}
	if (strncmp(first.data, want, strlen(want)) != 0)
		same("field", first.data, want);
	for (char *p = first.data; *p != '\0'; p = strchr(p, '\n') + 1)
		if (strchr(p, '\n') - p > 78)
			fail("a long line", p);
	dkim_key_free((struct dkim_key *)s.key);
	buf_release(&first);
	buf_release(&other);
}

static const struct {
	const char *message, *domain, *selector, *why;
	enum err_class class;
} refused[] = {
    {"", "a.b", "s", "no header", ERR_DATA},
    {"\n\nFrom: a\n", "a.b", "s", "no header", ERR_DATA},
    {"To: a\n\n", "a.b", "s", "0 From fields", ERR_DATA},
    {"From: a\nfrom : b\n\n", "a.b", "s", "2 From fields", ERR_DATA},
    {"From: a\nno colon\n\n", "a.b", "s", "no colon", ERR_DATA},
    {"From: a\nbad name: b\n\n", "a.b", "s", "bad characters", ERR_DATA},
    {" x\nFrom: a\n\n", "a.b", "s", "white space", ERR_DATA},
    {"From a b\nFrom: a\n\n", "a.b", "s", "before its first", ERR_DATA},
    {"\xef\xbb\xbf"
     "From: a\n\n",
	"a.b", "s", "before its first", ERR_DATA},
    {"From: a\n\n", "", "s", "no domain", ERR_TEMP},
    {"From: a\n\n", "a.b; l=0", "s", "no domain", ERR_TEMP},
    {"From: a\n\n", "a..b", "s", "no domain", ERR_TEMP},
    {"From: a\n\n", "\xe4\xbe\x8b.jp", "s", "no domain", ERR_TEMP},
    {"From: a\n\n", "a.b", "s\r\nBcc: x", "no selector", ERR_TEMP},
};

static void
check_refused_one(const char *message, size_t len, const char *domain,
    const char *selector, const char *why, enum err_class class)
{
	struct dkim_signer s = {seed_key(), domain, selector};
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;

	buf_addstr(&out, "before");
	if (sign(message, len, &s, 1, &out, &e) != -1 || e.class != class ||
	    strstr(e.text, why) == NULL)
		fail(why, e.text);
	same("nothing is added", out.data, "before");
	dkim_key_free((struct dkim_key *)s.key);
	buf_release(&out);
}

static void
check_refused(void)
{
	struct buf large = BUF_INIT;

	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		check_refused_one(refused[i].message,
		    strlen(refused[i].message), refused[i].domain,
		    refused[i].selector, refused[i].why, refused[i].class);
	buf_addstr(&large, "From: a\n");
	for (int i = 0; i < 2000; i++)
		buf_addstr(&large, "To: b\n");
	check_refused_one(
	    large.data, large.len, "a.b", "s", "2000 fields", ERR_DATA);
	buf_reset(&large);
	buf_addstr(&large, "From: a");
	for (int i = 0; i < 1100; i++)
		buf_addf(&large, "\n %01000d", i);
	buf_addstr(&large, "\n\nbody\n");
	check_refused_one(large.data, large.len, "a.b", "s", "1 MiB", ERR_DATA);
	buf_release(&large);
}

/* From a file, larger than any piece: the same as from memory. */
static void
check_file(void)
{
	struct dkim_signer s = {seed_key(), "a.b", "s"};
	struct buf text = BUF_INIT, ours = BUF_INIT, theirs = BUF_INIT;
	struct err e = ERR_INIT;
	FILE *f = tmpfile();
	struct bulk b;

	buf_addstr(&text, "From: a\r\nTo: b\r\n\r\n");
	for (int i = 0; i < 100000; i++)
		buf_addf(&text, "%d\t  %*s\r%s", i, i % 70, "x",
		    i % 3 == 0 ? "\n" : "");
	if (f == NULL || fwrite(text.data, 1, text.len, f) != text.len ||
	    fflush(f) != 0 || bulk_init_file(&b, dup(fileno(f)), &e) == -1 ||
	    dkim_sign(&b, &s, 1, AT, &ours, &e) == -1 ||
	    sign(text.data, text.len, &s, 1, &theirs, &e) == -1)
		fail("file", e.text);
	else
		same("file", ours.data, theirs.data);
	bulk_release(&b);
	fclose(f);
	dkim_key_free((struct dkim_key *)s.key);
	buf_release(&text);
	buf_release(&ours);
	buf_release(&theirs);
}

int
main(void)
{
	check_bodies();
	check_long_body();
	check_fields();
	check_keys();
	check_record();
	check_signatures();
	check_field();
	check_refused();
	check_file();
	return failures > 0;
}
