#include "mail/dkim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "mail/defect.h"
#include "mail/dkim_canon.h"
#include "mail/dkim_key.h"
#include "mail/header.h"
#include "mail/wire.h"

enum {
	PIECE = 32 * 1024, /* read at once */
	SHA256_SIZE = 32,
	COLUMNS = 76, /* a line of our field is folded before them */
	NAME_MAX_BYTES = 253, /* of a name in the DNS */
	STRING_MAX = 255, /* of a TXT record */
};

/*
 * What is signed (RFC 6376, 5.4): each field of these names.  One that is
 * oversigned stands in h= once more than in the message, so that nobody can add
 * another and have it shown.  The others are left open because lists and relays
 * add them rightly.  Received and Return-Path change on the way.
 */
static const struct {
	const char *name;
	bool is_over;
} signed_fields[] = {
    {"From", true},
    {"To", true},
    {"Cc", true},
    {"Subject", true},
    {"Date", true},
    {"Reply-To", true},
    {"Message-ID", true},
    {"MIME-Version", true},
    {"Content-Type", true},
    /* Both have to be signed: RFC 8058, 4. */
    {"List-Unsubscribe", true},
    {"List-Unsubscribe-Post", true},
    {"Content-Transfer-Encoding", false},
    {"Content-Disposition", false},
    {"Content-Language", false},
    {"Sender", false},
    {"In-Reply-To", false},
    {"References", false},
    {"Resent-Date", false},
    {"Resent-From", false},
    {"Resent-To", false},
    {"Resent-Cc", false},
    {"Resent-Message-ID", false},
    {"List-Id", false},
    {"List-Help", false},
    {"List-Subscribe", false},
    {"List-Post", false},
    {"List-Owner", false},
    {"List-Archive", false},
    {"Auto-Submitted", false},
    {"Feedback-ID", false},
};

/* A message that is read. */
struct subject {
	struct buf head;
	struct header_scan scan;
	struct header header; /* borrows from head */
	struct dkim_body body;
	unsigned char digest[EVP_MAX_MD_SIZE]; /* of the body */
};

/* More of the message, in wire form. */
static void
feed(struct subject *s, const char *data, size_t n, bool is_all)
{
	if (s->scan.is_done) {
		dkim_body_add(&s->body, data, n);
		return;
	}
	buf_add(&s->head, data, n);
	if (header_scan(&s->scan, s->head.data, s->head.len, is_all)) {
		dkim_body_add(&s->body, s->head.data + s->scan.size,
		    s->head.len - s->scan.size);
		s->head.len = s->scan.size;
	}
}

static int
read_message(const struct bulk *message, struct subject *s, struct err *e)
{
	struct buf out = BUF_INIT;
	char piece[PIECE];
	struct wire w;
	int64_t at = 0, got;

	wire_init(&w, false);
	while ((got = bulk_read(message, at, piece, sizeof piece, e)) > 0) {
		buf_reset(&out);
		wire_add(&w, piece, (size_t)got, &out);
		feed(s, out.data, out.len, false);
		at += got;
	}
	buf_reset(&out);
	wire_end(&w, &out);
	feed(s, out.data, out.len, true);
	buf_release(&out);
	if (got == -1)
		return -1;
	if (!dkim_body_end(&s->body, s->digest))
		return err_set(e, ERR_TEMP, "DKIM: cannot make a digest");
	return 0;
}

/*
 * Why programs would not agree on what its header is, or NULL.  A signature
 * would be good for some of them and bad for others.
 */
static const char *
find_flaw(const struct subject *s)
{
	static const struct {
		defect_set defect;
		const char *text;
	} flaws[] = {
	    {DEFECT_HEADER_TOO_LONG, "its header is larger than 1 MiB"},
	    {DEFECT_NO_HEADER, "it has no header"},
	    {DEFECT_NO_BLANK_LINE, "a line of its header has no colon"},
	    {DEFECT_STRAY_CONTINUATION, "its header begins with white space"},
	    {DEFECT_BAD_FIELD_NAME, "a field's name has bad characters"},
	    {DEFECT_TOO_MANY_FIELDS, "it has more than 2000 fields"},
	};

	for (size_t i = 0; i < sizeof flaws / sizeof *flaws; i++)
		if ((s->scan.defects | s->header.defects) & flaws[i].defect)
			return flaws[i].text;
	if (s->header.n == 0)
		return "it has no header";
	if (s->header.fields[0].name.data != s->head.data)
		return "something stands before its first field";
	return NULL;
}

static size_t
count(const struct header *h, const char *name)
{
	const struct header_field *f = NULL;
	size_t n = 0;

	while ((f = header_next(h, name, f)) != NULL)
		n++;
	return n;
}

static int
check(const struct subject *s, struct err *e)
{
	const char *flaw = find_flaw(s);
	size_t n;

	if (flaw != NULL)
		return err_set(
		    e, ERR_DATA, "message: cannot be signed: %s", flaw);
	n = count(&s->header, "From");
	if (n != 1)
		return err_set(e, ERR_DATA,
		    "message: cannot be signed: it has %zu From fields, not "
		    "one",
		    n);
	return 0;
}

/* The names of h=, so many; the caller frees the list, not the names. */
static size_t
list_names(const struct header *h, const char ***list)
{
	size_t n_fields = sizeof signed_fields / sizeof *signed_fields, n = 0;
	const char **names = xcalloc(h->n + n_fields, sizeof *names);

	for (size_t i = 0; i < n_fields; i++) {
		size_t times = count(h, signed_fields[i].name);

		if (signed_fields[i].is_over)
			times++;
		for (; times > 0; times--)
			names[n++] = signed_fields[i].name;
	}
	*list = names;
	return n;
}

/* " h=A:B:…;", folded; the line has so many columns already. */
static void
add_list(const char *const *names, size_t n, size_t column, struct buf *out)
{
	buf_addstr(out, " h=");
	column += strlen(" h=");
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(names[i]) + 1; /* and ':' or ';' */

		if (column + len > COLUMNS) {
			buf_addstr(out, "\r\n\t");
			column = 8;
		}
		buf_addf(out, "%s%c", names[i], i + 1 < n ? ':' : ';');
		column += len;
	}
}

/* White space inside base64 does not count. */
static void
add_folded(const char *base64, size_t len, size_t column, struct buf *out)
{
	size_t n;

	for (; len > 0; base64 += n, len -= n) {
		if (column >= COLUMNS) {
			buf_addstr(out, "\r\n\t");
			column = 8;
		}
		n = COLUMNS - column < len ? COLUMNS - column : len;
		buf_add(out, base64, n);
		column += n;
	}
}

/* The field as it is signed: with nothing behind its last tag, b=. */
static void
add_template(const struct dkim_signer *signer, const struct subject *s,
    const char *const *names, size_t n, int64_t at_s, struct buf *out)
{
	size_t line;

	buf_addf(out,
	    "DKIM-Signature: v=1; a=%s; c=relaxed/relaxed;\r\n"
	    "\td=%s;\r\n\ts=%s;\r\n",
	    dkim_key_algorithm(signer->key), signer->domain, signer->selector);
	line = out->len;
	buf_addf(out, "\tt=%" PRId64 ";", at_s > 0 ? at_s : 0);
	add_list(names, n, out->len - line + 7, out); /* a tab is 8 */
	buf_addstr(out, "\r\n\tbh=");
	base64_encode(s->digest, SHA256_SIZE, out);
	buf_addstr(out, ";\r\n\tb=");
}

/* Can it stand in the field, and in the DNS? */
static bool
is_name(const char *s)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	size_t n = strlen(s);

	return n > 0 && n <= NAME_MAX_BYTES && s[strspn(s, good)] == '\0' &&
	       s[0] != '.' && s[n - 1] != '.' && strstr(s, "..") == NULL;
}

static int
check_signer(const struct dkim_signer *s, struct err *e)
{
	if (!is_name(s->domain))
		return err_set(e, ERR_TEMP,
		    "DKIM: \"%.60s\" is no domain (in ASCII)", s->domain);
	if (!is_name(s->selector))
		return err_set(e, ERR_TEMP,
		    "DKIM: \"%.60s\" is no selector (in ASCII)", s->selector);
	return 0;
}

static int
add_signature(const struct dkim_signer *signer, const struct subject *s,
    int64_t at_s, struct buf *fields, struct err *e)
{
	static const char name[] = "DKIM-Signature";
	struct buf input = BUF_INIT, field = BUF_INIT, sig = BUF_INIT;
	const char **names;
	size_t n, len = strlen(name);
	int r = -1;

	n = list_names(&s->header, &names);
	add_template(signer, s, names, n, at_s, &field);
	dkim_add_fields(&s->header, names, n, DKIM_RELAXED, &input);
	dkim_add_field((struct slice){field.data, len},
	    (struct slice){field.data + len + 1, field.len - len - 1},
	    DKIM_RELAXED, &input);
	if (dkim_key_sign(signer->key, input.data, input.len, &sig, e) == 0) {
		add_folded(sig.data, sig.len, 8 + strlen("b="), &field);
		buf_addstr(&field, "\r\n");
		buf_add(fields, field.data, field.len);
		r = 0;
	}
	free(names);
	buf_release(&input);
	buf_release(&field);
	buf_release(&sig);
	return r;
}

int
dkim_sign(const struct bulk *message, const struct dkim_signer *signers,
    size_t n, int64_t at_s, struct buf *fields, struct err *e)
{
	struct subject s = {0};
	size_t before = fields->len;
	int r;

	for (size_t i = 0; i < n; i++)
		if (check_signer(&signers[i], e) == -1)
			return -1;
	dkim_body_init(&s.body, DKIM_RELAXED, EVP_sha256());
	r = read_message(message, &s, e);
	if (r == 0) {
		header_parse(&s.header, s.head.data, &s.scan);
		r = check(&s, e);
	}
	for (size_t i = 0; i < n && r == 0; i++)
		r = add_signature(&signers[i], &s, at_s, fields, e);
	if (r == -1 && fields->len > before) {
		fields->len = before;
		fields->data[before] = '\0';
	}
	header_release(&s.header);
	dkim_body_release(&s.body);
	buf_release(&s.head);
	return r;
}

int
dkim_dns_record(const struct dkim_signer *s, struct buf *out, struct err *e)
{
	struct buf text = BUF_INIT;
	size_t n;
	int r = check_signer(s, e);

	if (r == 0) {
		buf_addf(&text, "v=DKIM1; k=%s; p=",
		    s->key->algorithm == DKIM_RSA ? "rsa" : "ed25519");
		r = dkim_key_public(s->key, &text, e);
	}
	if (r == 0) {
		buf_addf(
		    out, "%s._domainkey.%s. IN TXT (", s->selector, s->domain);
		for (size_t i = 0; i < text.len; i += n) {
			n = text.len - i;
			if (n > STRING_MAX)
				n = STRING_MAX;
			buf_addf(out, " \"%.*s\"", (int)n, text.data + i);
		}
		buf_addstr(out, " )\n");
	}
	buf_release(&text);
	return r;
}
