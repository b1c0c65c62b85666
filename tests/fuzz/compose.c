/* A record's "mail", as JSON: a message that is well-formed, or an error that
 * names a member. */
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "mail/compose.h"
#include "mail/encoded.h"
#include "mail/header.h"
#include "mail/mailbox.h"

/* An attachment is what its "path" says. */
static int
open_text(void *ctx, json attachment, struct err *e)
{
	const char *text = json_str(attachment, "path");
	int fd;

	(void)ctx;
	if (text == NULL)
		return err_set(e, ERR_DATA, "there is no such blob");
	fd = memfd_create("attachment", MFD_CLOEXEC);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static int
compose(json mail, struct bulk *out, struct err *e)
{
	const struct compose how = {"r1", 0, open_text, NULL};

	bulk_init(out, NULL, NULL);
	return compose_message(mail, &how, out, e);
}

static void
check_lines(const char *s, size_t n)
{
	size_t line = 0;

	CHECK(n > 2 && s[n - 1] == '\n');
	for (size_t i = 0; i < n; i++, line++) {
		CHECK(s[i] != '\0');
		CHECK(s[i] != '\r' || (i + 1 < n && s[i + 1] == '\n'));
		if (s[i] != '\n')
			continue;
		CHECK(i > 0 && s[i - 1] == '\r' && line - 1 <= 998);
		line = (size_t)-1;
	}
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

/* Nobody has put a field of theirs there. */
static void
check_fields(const struct header *h)
{
	static const char *const once[] = {
	    "Date", "From", "To", "Message-ID", "MIME-Version", "Content-Type"};
	static const char *const never[] = {
	    "Bcc", "Received", "Return-Path", "DKIM-Signature"};

	CHECK(h->defects == 0);
	for (size_t i = 0; i < sizeof once / sizeof *once; i++)
		CHECK(count(h, once[i]) == (i != 2 || count(h, "Cc") == 0) ||
		      (i == 2 && count(h, once[i]) == 1));
	for (size_t i = 0; i < sizeof never / sizeof *never; i++)
		CHECK(count(h, never[i]) == 0);
	CHECK(count(h, "Subject") <= 1 && count(h, "Sender") <= 1 &&
	      count(h, "Cc") <= 1 && count(h, "List-Unsubscribe") <= 1);
}

static void
check_subject(const struct header *h, json mail)
{
	const struct header_field *f = header_next(h, "Subject", NULL);
	bool is_jis = json_has(mail, "charset");
	defect_set defects = 0;
	struct buf text = BUF_INIT;
	const char *subject;
	size_t n;

	subject = json_strn(mail, "subject", &n);
	CHECK((subject != NULL) == (f != NULL));
	if (f == NULL)
		return;
	encoded_decode(f->value, NULL, &text, &defects);
	CHECK(defects == 0);
	/* ISO-2022-JP has one of two twins. */
	CHECK(is_jis || (text.len == n && memcmp(text.data, subject, n) == 0));
	buf_release(&text);
}

static void
check_people(const struct header *h, const char *name)
{
	const struct header_field *f = header_next(h, name, NULL);
	defect_set defects = 0;

	if (f == NULL)
		return;
	json_free(mailbox_list(json_array(), f->value, NULL, &defects));
	CHECK(defects == 0);
}

static void
check_message(const struct bulk *out, json mail)
{
	struct header_scan scan = {0};
	struct header h;

	check_lines(out->memory.data, out->memory.len);
	CHECK(header_scan(&scan, out->memory.data, out->memory.len, true));
	CHECK(scan.defects == 0);
	for (size_t i = scan.size; i < out->memory.len; i++)
		CHECK((unsigned char)out->memory.data[i] < 0x80);
	header_parse(&h, out->memory.data, &scan);
	check_fields(&h);
	check_subject(&h, mail);
	check_people(&h, "From");
	check_people(&h, "To");
	check_people(&h, "Cc");
	check_people(&h, "Reply-To");
	header_release(&h);
}

/* The envelope, of a mail that can be composed. */
static void
check_envelope(json mail)
{
	struct err e = ERR_INIT;
	json list = compose_recipients(mail, &e);
	char *sender = compose_sender(mail, &e);
	char *author = compose_author(mail, &e);

	CHECK(json_count(list) > 0 && sender != NULL && author != NULL);
	CHECK(strpbrk(sender, "\r\n<> ") == NULL || strchr(sender, '"'));
	CHECK(strchr(author, '@') != NULL);
	json_free(list);
	free(sender);
	free(author);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err e = ERR_INIT;
	struct bulk one, two;
	json mail;
	int r;

	if (json_parse((const char *)data, n, &mail, &e) == -1)
		return 0;
	r = compose(mail, &one, &e);
	if (r == -1) {
		CHECK(e.class == ERR_DATA);
		CHECK(strncmp(e.text, "mail", 4) == 0);
	} else {
		check_message(&one, mail);
		check_envelope(mail);
		CHECK(compose_check(mail, &e) == 0);
		CHECK(compose(mail, &two, &e) == 0);
		CHECK(two.memory.len == one.memory.len &&
		      memcmp(two.memory.data, one.memory.data,
			  one.memory.len) == 0);
		bulk_release(&two);
	}
	bulk_release(&one);
	json_free(mail);
	return 0;
}
