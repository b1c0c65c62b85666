#include "net/smtp_mail.h"

#include <inttypes.h>
#include <string.h>

#include "core/utf8.h"
#include "mail/address.h"

enum {
	PATH_BYTES = 320,
	ENVID_MAX = 100, /* RFC 3461, 4.4: as xtext */
	NOTIFY_MAX = 28, /* RFC 3461, 5.4 */
	XTEXT_MAX = 500, /* RFC 3461, 4.2 */
};

static bool
has_8bit(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s >= 0x80)
			return true;
	return false;
}

/* What could end the command or the path, or be seen differently there. */
static int
check_address(const char *what, const char *s, struct err *e)
{
	size_t len = strlen(s);

	if (len > PATH_BYTES)
		return err_set(e, ERR_DATA, "%s: %zu bytes; at most %d", what,
		    len, PATH_BYTES);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f || s[i] == '<' ||
		    s[i] == '>')
			return err_set(e, ERR_DATA,
			    "%s: byte %zu (0x%02x) cannot be in an address",
			    what, i + 1, (unsigned char)s[i]);
	if (!utf8_valid(s, len))
		return err_set(e, ERR_DATA, "%s: it is not UTF-8", what);
	return 0;
}

static int
check_bytes(const struct wire *seen, bool is_utf8, const struct smtp_caps *caps,
    struct err *e)
{
	if (seen->has_nul)
		return err_set(e, ERR_DATA,
		    "message: it has NUL bytes, which SMTP does not carry");
	if (caps->has_size && caps->size_max > 0 && seen->size > caps->size_max)
		return err_set(e, ERR_DATA,
		    "message: %" PRId64 " bytes; the server takes %" PRId64,
		    seen->size, caps->size_max);
	if (seen->has_8bit && !caps->has_8bitmime)
		return err_set(e, ERR_DATA,
		    "message: it has 8-bit text, and the server does not "
		    "offer 8BITMIME");
	if (is_utf8 && !caps->has_smtputf8)
		return err_set(e, ERR_DATA,
		    "%s: not ASCII, and the server does not offer SMTPUTF8",
		    seen->has_8bit_header ? "header" : "address");
	return 0;
}

static int
check_dsn(const struct smtp_mail *mail, struct err *e)
{
	const char *notify = mail->notify, *ret = mail->ret;

	if (mail->envid == NULL)
		return 0;
	for (const char *s = mail->envid; *s != '\0'; s++)
		if (*s < ' ' || *s > '~')
			return err_set(e, ERR_DATA,
			    "envid: only printable ASCII can be in it");
	if (ret != NULL && strcmp(ret, "HDRS") != 0 && strcmp(ret, "FULL") != 0)
		return err_set(e, ERR_DATA, "ret: neither HDRS nor FULL");
	if (notify != NULL &&
	    (strlen(notify) > NOTIFY_MAX || notify[0] == '\0' ||
		notify[strspn(notify, "ABCDEFGHIJKLMNOPQRSTUVWXYZ,")] != '\0'))
		return err_set(e, ERR_DATA,
		    "notify: neither NEVER nor a list of SUCCESS, FAILURE, "
		    "DELAY");
	return 0;
}

static bool
is_utf8_mail(const struct smtp_mail *mail, const struct wire *seen)
{
	return seen->has_8bit_header || has_8bit(mail->sender) ||
	       has_8bit(mail->recipient);
}

int
smtp_mail_check(const struct smtp_mail *mail, const struct wire *seen,
    const struct smtp_caps *caps, struct err *e)
{
	if (check_address("sender", mail->sender, e) == -1 ||
	    check_address("recipient", mail->recipient, e) == -1)
		return -1;
	if (mail->recipient[0] == '\0')
		return err_set(e, ERR_DATA, "recipient: there is none");
	if (check_dsn(mail, e) == -1)
		return -1;
	return check_bytes(seen, is_utf8_mail(mail, seen), caps, e);
}

/* RFC 3461, 4. */
static void
add_xtext(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++)
		if (*s > ' ' && *s <= '~' && *s != '+' && *s != '=')
			buf_addch(out, *s);
		else
			buf_addf(out, "+%02X", (unsigned char)*s);
}

/* As a parameter; what is longer than max is left out. */
static void
add_xtext_parameter(
    struct buf *out, const char *name, const char *s, size_t max)
{
	size_t was = out->len;

	buf_addstr(out, name);
	add_xtext(out, s);
	if (out->len - was <= strlen(name) + max)
		return;
	out->len = was;
	out->data[was] = '\0';
}

void
smtp_mail_from(struct buf *out, const struct smtp_mail *mail,
    const struct wire *seen, const struct smtp_caps *caps)
{
	buf_addstr(out, "MAIL FROM:<");
	address_quote(out, mail->sender);
	buf_addch(out, '>');
	if (caps->has_size)
		buf_addf(out, " SIZE=%" PRId64, seen->size);
	if (seen->has_8bit)
		buf_addstr(out, " BODY=8BITMIME");
	if (is_utf8_mail(mail, seen))
		buf_addstr(out, " SMTPUTF8");
	if (caps->has_dsn && mail->envid != NULL) {
		if (mail->ret != NULL) {
			buf_addstr(out, " RET=");
			buf_addstr(out, mail->ret);
		}
		if (mail->envid[0] != '\0')
			add_xtext_parameter(
			    out, " ENVID=", mail->envid, ENVID_MAX);
	}
	buf_addstr(out, "\r\n");
}

void
smtp_mail_to(
    struct buf *out, const struct smtp_mail *mail, const struct smtp_caps *caps)
{
	buf_addstr(out, "RCPT TO:<");
	address_quote(out, mail->recipient);
	buf_addch(out, '>');
	if (caps->has_dsn && mail->envid != NULL) {
		if (mail->notify != NULL) {
			buf_addstr(out, " NOTIFY=");
			buf_addstr(out, mail->notify);
		}
		if (!has_8bit(mail->recipient))
			add_xtext_parameter(
			    out, " ORCPT=rfc822;", mail->recipient, XTEXT_MAX);
	}
	buf_addstr(out, "\r\n");
}
