/*
 * A message (RFC 5322, MIME) made of a record's "mail" section.  The same
 * section and the same struct compose make the same bytes.  They are 7-bit
 * (except for addresses whose local part is not ASCII, as UTF-8 in the header,
 * RFC 6532), their lines end in CRLF and are at most 78 characters where that
 * is possible, and never over 998.
 *
 *   {"from":ADDRESS, "to":[ADDRESS], "cc":[…], "bcc":[…], "reply_to":[…],
 *    "sender":ADDRESS, "return_path":"a@b", "subject":"…",
 *    "text":"…", "html":"…", "charset":"utf-8"|"iso-2022-jp",
 *    "headers":{"X-Shop":"…"} or [{"name":"X-Shop","value":"…"}],
 *    "date":TIME, "message_id":"<…>", "in_reply_to":"<…>",
 *    "references":["<…>"],
 *    "auto_submitted":"auto-generated"|"auto-replied"|true,
 *    "list_unsubscribe":{"url":"https://…","mailto":"…","one_click":true},
 *    "attachments":[{"name":"…","type":"…","cid":"…","disposition":"inline",
 *                    "blob":{…} or "content":{…}}]}
 *
 * Of an attachment "path" and "base64" are taken, too; what is in these four is
 * for compose.open alone.
 *
 * ADDRESS is "a@b", "Name <a@b>" or {"name":"…","address":"a@b"}; one in place
 * of a list of one is the same.
 */
#ifndef MAIL_COMPOSE_H
#define MAIL_COMPOSE_H

#include <stdint.h>

#include "core/buf.h"
#include "core/bulk.h"
#include "core/err.h"
#include "core/json.h"

struct compose {
	const char *id; /* of the record; Message-ID when the mail has none */
	int64_t at_ms; /* Date when the mail has none */
	/*
	 * A descriptor on the bytes of an attachment, at their start, for us to
	 * close.  -1: ERR_DATA when they are not there, else ERR_TEMP.  Does
	 * not consume attachment.
	 */
	int (*open)(void *ctx, json attachment, struct err *e);
	void *ctx;
};

/*
 * Append the message to out.  ERR_DATA says what is wrong with the mail, by the
 * path of the member ("mail.attachments[0].name: …"); ERR_TEMP.  Does not
 * consume mail.
 */
int compose_message(
    json mail, const struct compose *how, struct bulk *out, struct err *e);

/*
 * Would it be composed, as far as can be said without opening attachments?
 * ERR_DATA as above.
 */
int compose_check(json mail, struct err *e);

/*
 * Whom it goes to: each address of to, cc and bcc once (as they stand, except
 * that domains are in ASCII where mail/idna.h can say them; compared without
 * case), in their order, as an array of strings.  JSON_NONE: ERR_DATA.
 */
json compose_recipients(json mail, struct err *e);

/* Whom bounces go to: "return_path" ("": nobody), else "sender", else "from".
 * NULL: ERR_DATA.  The caller frees it. */
char *compose_sender(json mail, struct err *e);

/* The address of "from", which must be one; NULL: ERR_DATA.  The caller frees
 * it. */
char *compose_author(json mail, struct err *e);

#endif
