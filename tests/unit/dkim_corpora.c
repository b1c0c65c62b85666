/*
 * Messages that others have signed, from the corpora: each signature is as good
 * or bad as its source says, by our canonical forms; where the private key is
 * there, ours is the same to the last bit.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/file.h"
#include "core/json.h"
#include "dkim_vector.h"
#include "mail/dkim.h"
#include "mail/dkim_key.h"

enum {
	SKIPPED = 77,
	FILE_MAX = 4 * 1024 * 1024,
};

static int failures, passed, not_ours;
static int root = -1;

static void
load(const char *set, const char *file, struct buf *out)
{
	struct err e = ERR_INIT;
	char *path = xasprintf("corpora/%s/%s", set, file);

	if (file_read_at(root, path, FILE_MAX, out, &e) != 1) {
		printf("%s: %s\n", path, e.text);
		exit(1);
	}
	free(path);
}

/* How many of its signatures are good, by these key records. */
static int
count_good(const struct vector *v, json dns)
{
	const struct header_field *f = NULL;
	int good = 0;

	while ((f = header_next(&v->header, "DKIM-Signature", f)) != NULL) {
		char *d = vector_tag(f->value, "d");
		char *s = vector_tag(f->value, "s");
		char *name = xasprintf("%s._domainkey.%s", s, d);
		const char *record = json_str(dns, name);

		if (record != NULL && vector_verify(v, f, record))
			good++;
		free(d);
		free(s);
		free(name);
	}
	return good;
}

static void
check_row(const char *set, json row, json dns)
{
	json input = json_member(row, "input", JSON_OBJECT);
	json expect = json_member(row, "expect", JSON_OBJECT);
	json own = json_member(input, "dns", JSON_OBJECT);
	const char *file = json_str(row, "file");
	const char *want = json_str(expect, "result");
	struct buf text = BUF_INIT;
	struct vector v;
	bool is_good;

	if (want == NULL)
		want = json_str(expect, "last_signature");
	/* Bad tags and bad keys are for a verifier to know. */
	if (strcmp(want, "pass") != 0 && strcmp(want, "fail") != 0) {
		not_ours++;
		goto out;
	}
	load(set, file, &text);
	vector_init(&v, text.data, text.len);
	is_good = count_good(&v, json_is_valid(own) ? own : dns) > 0;
	if (is_good == (strcmp(want, "pass") == 0)) {
		passed++;
	} else {
		printf("%s/%s: not a %s\n", set, file, want);
		failures++;
	}
	vector_release(&v);
	buf_release(&text);
out:
	json_free(input);
	json_free(expect);
	json_free(own);
}

static void
check_set(const char *set, json dns)
{
	struct buf rows = BUF_INIT;
	struct err e = ERR_INIT;
	char *line, *save = NULL;

	load(set, "expect.ndjson", &rows);
	for (line = strtok_r(rows.data, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		json row;

		if (json_parse(line, strlen(line), &row, &e) == -1) {
			printf("%s: %s\n", set, e.text);
			exit(1);
		}
		check_row(set, row, dns);
		json_free(row);
	}
	buf_release(&rows);
}

/* Sign what another signed, with its key and in its words. */
static void
check_same(const struct vector *v, const struct header_field *f,
    const struct dkim_key *key)
{
	char *bh = vector_tag(f->value, "bh"), *b = vector_tag(f->value, "b");
	char *ours = vector_body_hash(v, f->value);
	struct buf input = BUF_INIT, sig = BUF_INIT;
	struct err e = ERR_INIT;

	vector_input(v, f, &input);
	if (dkim_key_sign(key, input.data, input.len, &sig, &e) == -1 ||
	    strcmp(bh, ours) != 0 || strcmp(b, sig.data) != 0) {
		printf("rfc8463: another signature: %s\n", e.text);
		failures++;
	} else {
		passed++;
	}
	buf_release(&input);
	buf_release(&sig);
	free(bh);
	free(b);
	free(ours);
}

static void
check_rfc8463(void)
{
	static const char *const keys[] = {
	    "keys/private-ec.key", "keys/private-rsa.key"};
	const struct header_field *f = NULL;
	struct buf text = BUF_INIT, pem = BUF_INIT;
	struct err e = ERR_INIT;
	struct vector v;

	load("dkim-rfc8463", "signed.eml", &text);
	vector_init(&v, text.data, text.len);
	for (size_t i = 0; i < 2; i++) {
		struct dkim_key *key;

		f = header_next(&v.header, "DKIM-Signature", f);
		buf_reset(&pem);
		load("dkim-rfc8463", keys[i], &pem);
		key = dkim_key_parse(pem.data, pem.len, &e);
		if (f == NULL || key == NULL) {
			printf("rfc8463: %s: %s\n", keys[i], e.text);
			exit(1);
		}
		check_same(&v, f, key);
		dkim_key_free(key);
	}
	vector_release(&v);
	buf_release(&text);
	buf_release(&pem);
}

int
main(void)
{
	const char *shared = getenv("MAILPIPE_SHARED");
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;
	json dns;

	if (shared != NULL)
		root = open(shared, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root == -1) {
		printf("no corpora in $MAILPIPE_SHARED\n");
		return SKIPPED;
	}
	load("dkim-maildkim", "dns.json", &text);
	if (json_parse(text.data, text.len, &dns, &e) == -1) {
		printf("dns.json: %s\n", e.text);
		return 1;
	}
	check_rfc8463();
	check_set("dkim-rfc8463", json_none());
	check_set("dkim-stalwart", json_none());
	check_set("dkim-maildkim", dns);
	json_free(dns);
	buf_release(&text);
	close(root);
	printf("%d agree, %d differ, %d are for a verifier\n", passed, failures,
	    not_ours);
	return failures > 0;
}
