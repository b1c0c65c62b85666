/* What is said of a mail, and which mails nothing is said of. */
#include <stdio.h>
#include <string.h>

#include "net/smtp_body.h"
#include "net/smtp_mail.h"

static int failed;

static const struct smtp_caps none = {.has_size = false};
static const struct smtp_caps all = {.has_pipelining = true,
    .has_8bitmime = true,
    .has_smtputf8 = true,
    .has_dsn = true,
    .has_size = true,
    .size_max = 100};

#define LONG "0123456789012345678901234567890123456789"

static const struct {
	const struct smtp_caps *caps;
	const char *sender, *recipient, *message, *envid, *notify, *ret;
	const char *want; /* both commands, or how the error begins */
} rows[] = {
    {&none, "a@b", "c@d", "x: y\n\nz", NULL, NULL, NULL,
	"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"},
    {&none, "", "c@d", "", NULL, NULL, NULL,
	"MAIL FROM:<>\r\nRCPT TO:<c@d>\r\n"},
    {&none, "a@b", "c@d", "", "id", "NEVER", "FULL",
	"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n"},
    {&all, "a@b", "c@d", "x: y\n\n.z", NULL, NULL, NULL,
	"MAIL FROM:<a@b> SIZE=12\r\nRCPT TO:<c@d>\r\n"},
    {&all, "a@b", "c@d", "x: y\n\n\xe9", NULL, NULL, NULL,
	"MAIL FROM:<a@b> SIZE=11 BODY=8BITMIME\r\nRCPT TO:<c@d>\r\n"},
    {&all, "a@b", "c@d", "x: \xc3\xa9\n", NULL, NULL, NULL,
	"MAIL FROM:<a@b> SIZE=7 BODY=8BITMIME SMTPUTF8\r\nRCPT TO:<c@d>\r\n"},
    {&all, "a@b", "\xc3\xa9@d", "", NULL, NULL, NULL,
	"MAIL FROM:<a@b> SIZE=0 SMTPUTF8\r\nRCPT TO:<\xc3\xa9@d>\r\n"},
    {&all, "a@b", "c+1@d", "", "q=1+x y", "FAILURE,DELAY", "HDRS",
	"MAIL FROM:<a@b> SIZE=0 RET=HDRS ENVID=q+3D1+2Bx+20y\r\n"
	"RCPT TO:<c+1@d> NOTIFY=FAILURE,DELAY ORCPT=rfc822;c+2B1@d\r\n"},
    {&all, "a@b", "c@d", "", "", NULL, NULL,
	"MAIL FROM:<a@b> SIZE=0\r\nRCPT TO:<c@d> ORCPT=rfc822;c@d\r\n"},
    {&all, "a@b", "c@d", "", LONG LONG LONG, NULL, NULL,
	"MAIL FROM:<a@b> SIZE=0\r\nRCPT TO:<c@d> ORCPT=rfc822;c@d\r\n"},
    {&all, "a@b", "\"a..b\"@docomo.ne.jp", "", NULL, NULL, NULL,
	"MAIL FROM:<a@b> SIZE=0\r\nRCPT TO:<\"a..b\"@docomo.ne.jp>\r\n"},
    {&none, "x.@b", "a..b.@docomo.ne.jp", "", NULL, NULL, NULL,
	"MAIL FROM:<\"x.\"@b>\r\nRCPT TO:<\"a..b.\"@docomo.ne.jp>\r\n"},
    {&none, ".x@b", "a@b@d", "", NULL, NULL, NULL,
	"MAIL FROM:<\".x\"@b>\r\nRCPT TO:<\"a@b\"@d>\r\n"},

    {&all, "a@b", "", "", NULL, NULL, NULL, "recipient: there is none"},
    {&all, "a\r\nRSET@b", "c@d", "", NULL, NULL, NULL, "sender: byte 2 (0x0d)"},
    {&all, "a@b", "c@d\n", "", NULL, NULL, NULL, "recipient: byte 4 (0x0a)"},
    {&all, "a@b", "c@d> SIZE=1", "", NULL, NULL, NULL,
	"recipient: byte 4 (0x3e)"},
    {&all, "a@b", "<c@d", "", NULL, NULL, NULL, "recipient: byte 1 (0x3c)"},
    {&all, "a b", "c@d", "", NULL, NULL, NULL, "sender: byte 2 (0x20)"},
    {&all, "a\x7f@b", "c@d", "", NULL, NULL, NULL, "sender: byte 2 (0x7f)"},
    {&all, "a@b", "\xe9@d", "", NULL, NULL, NULL, "recipient: it is not UTF-8"},
    {&all, "a@b", LONG LONG LONG LONG LONG LONG LONG LONG "x", "", NULL, NULL,
	NULL, "recipient: 321 bytes"},
    {&none, "a@b", "\xc3\xa9@d", "", NULL, NULL, NULL, "address: not ASCII"},
    {&none, "a@b", "c@d", "x: \xc3\xa9\n", NULL, NULL, NULL,
	"message: it has 8-bit text"},
    {&none, "a@b", "c@d", "x: y\n\n\xe9", NULL, NULL, NULL,
	"message: it has 8-bit text"},
    {&all, "a@b", "c@d", "x: y\n\n" LONG LONG LONG, NULL, NULL, NULL,
	"message: 130 bytes; the server takes 100"},
    {&all, "a@b", "c@d", "", "id\r\n", NULL, NULL, "envid: "},
    {&all, "a@b", "c@d", "", "id", "NEVER\r\n", NULL, "notify: "},
    {&all, "a@b", "c@d", "", "id", "", NULL, "notify: "},
    {&all, "a@b", "c@d", "", "id", NULL, "ALL", "ret: "},
};

static void
complain(size_t row, const char *got)
{
	printf("row %zu: not %s but %s\n", row, rows[row].want, got);
	failed = 1;
}

static void
check(size_t row)
{
	struct bulk message;
	struct smtp_mail mail = {.sender = rows[row].sender,
	    .recipient = rows[row].recipient,
	    .head = "",
	    .message = &message,
	    .envid = rows[row].envid,
	    .notify = rows[row].notify,
	    .ret = rows[row].ret};
	struct smtp_body body = {.at = 0};
	struct err e = ERR_INIT;
	struct buf out = BUF_INIT;

	bulk_init(&message, NULL, NULL);
	bulk_add(&message, rows[row].message, strlen(rows[row].message), &e);
	if (smtp_body_open(&body, &mail, &e) == -1)
		complain(row, e.text);
	if (smtp_mail_check(&mail, &body.seen, rows[row].caps, &e) == 0) {
		smtp_mail_from(&out, &mail, &body.seen, rows[row].caps);
		smtp_mail_to(&out, &mail, rows[row].caps);
		if (strcmp(out.data, rows[row].want) != 0)
			complain(row, out.data);
	} else if (strncmp(e.text, rows[row].want, strlen(rows[row].want)) !=
		       0 ||
		   e.class != ERR_DATA) {
		complain(row, e.text);
	}
	buf_release(&out);
	smtp_body_release(&body);
	bulk_release(&message);
}

/* NUL is no text of a row. */
static void
check_nul(void)
{
	struct wire seen = {.has_nul = true};
	struct smtp_mail mail = {.sender = "", .recipient = "c@d"};
	struct err e = ERR_INIT;

	if (smtp_mail_check(&mail, &seen, &all, &e) == 0 ||
	    strstr(e.text, "NUL") == NULL) {
		printf("NUL: %s\n", e.text);
		failed = 1;
	}
}

int
main(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check(i);
	check_nul();
	return failed;
}
