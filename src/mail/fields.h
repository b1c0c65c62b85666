/*
 * The header of a message as the record has it: what each field says, decoded.
 */
#ifndef MAIL_FIELDS_H
#define MAIL_FIELDS_H

#include "core/buf.h"
#include "mail/charset.h"
#include "mail/defect.h"
#include "mail/header.h"

enum {
	/* JSON text; what would be longer is left out, record-too-long. */
	FIELDS_HEADERS_MAX = 2 * 1024 * 1024,
	FIELDS_MEMBER_MAX = 256 * 1024, /* each of the others */
};

/*
 * Append the members "message_id", "date", "subject", "from", "sender",
 * "reply_to", "to", "cc", "bcc" and "headers" of the record's "message", those
 * that are there, to the JSON object being written in out.  hint: the charset
 * of raw bytes, or NULL.
 *
 * Of a field that may come once the first counts (RFC 5322 3.6;
 * duplicate-field), of lists of addresses all.
 */
void fields_write(const struct header *h, const struct charset *hint,
    struct buf *out, defect_set *defects);

#endif
