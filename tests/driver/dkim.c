/*
 * Signs for tests/dkim.bats:
 *
 *   dkim keygen rsa|ed25519 >KEY
 *   dkim record DOMAIN SELECTOR KEY
 *   dkim sign DOMAIN SELECTOR KEY [SELECTOR KEY]... <MESSAGE >SIGNED
 *
 * MESSAGE is a file; what is written has the message in wire form.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/bulk.h"
#include "core/file.h"
#include "mail/dkim.h"
#include "mail/wire.h"

enum {
	SIGNERS_MAX = 4,
	KEY_MAX = 64 * 1024,
	PIECE = 16 * 1024,
	AT = 1795300000,
};

static int
load_key(const char *path, const struct dkim_key **k, struct err *e)
{
	struct buf text = BUF_INIT;
	int r = file_read_at(AT_FDCWD, path, KEY_MAX, &text, e);

	*k = r == 1 ? dkim_key_parse(text.data, text.len, e) : NULL;
	buf_release(&text);
	if (r == 0)
		err_set(e, ERR_TEMP, "%s: no such file", path);
	return *k != NULL ? 0 : -1;
}

static int
copy_message(const struct bulk *b, struct err *e)
{
	struct buf out = BUF_INIT;
	char piece[PIECE];
	int64_t at = 0, got;
	struct wire w;

	wire_init(&w, false);
	while ((got = bulk_read(b, at, piece, sizeof piece, e)) > 0) {
		wire_add(&w, piece, (size_t)got, &out);
		fwrite(out.data, 1, out.len, stdout);
		buf_reset(&out);
		at += got;
	}
	wire_end(&w, &out);
	fwrite(out.data, 1, out.len, stdout);
	buf_release(&out);
	return got == 0 ? 0 : -1;
}

static int
sign(const struct dkim_signer *signers, size_t n, struct err *e)
{
	struct buf fields = BUF_INIT;
	struct bulk message;
	int r = -1;

	if (bulk_init_file(&message, STDIN_FILENO, e) == 0 &&
	    dkim_sign(&message, signers, n, AT, &fields, e) == 0) {
		fwrite(fields.data, 1, fields.len, stdout);
		r = copy_message(&message, e);
	}
	buf_release(&fields);
	return r;
}

static int
print(struct buf *out, int r)
{
	if (r == 0)
		fwrite(out->data, 1, out->len, stdout);
	buf_release(out);
	return r;
}

int
main(int argc, char *argv[])
{
	struct dkim_signer signers[SIGNERS_MAX];
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	size_t n = 0;
	int r = 0;

	for (int i = 3; i + 1 < argc && n < SIGNERS_MAX && r == 0; i += 2) {
		signers[n].domain = argv[2];
		signers[n].selector = argv[i];
		r = load_key(argv[i + 1], &signers[n++].key, &e);
	}
	if (r == 0 && argc == 3 && strcmp(argv[1], "keygen") == 0)
		r = print(&out,
		    dkim_keygen(
			strcmp(argv[2], "rsa") == 0 ? DKIM_RSA : DKIM_ED25519,
			&out, &e));
	else if (r == 0 && n == 1 && strcmp(argv[1], "record") == 0)
		r = print(&out, dkim_dns_record(&signers[0], &out, &e));
	else if (r == 0 && n > 0)
		r = sign(signers, n, &e);
	for (size_t i = 0; i < n; i++)
		dkim_key_free((struct dkim_key *)signers[i].key);
	if (r != 0 || fflush(stdout) != 0) {
		fprintf(stderr, "dkim: %s\n", e.text);
		return err_status(e.class);
	}
	return 0;
}
