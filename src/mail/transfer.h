/*
 * Content transfer encodings (RFC 2045 6), decoded piece by piece.  Decoding
 * never fails; what is odd is a defect.
 *
 *   base64: bytes outside the alphabet are skipped; padding ends a group, and
 *     what follows goes on (concatenated encodings), both with a defect;
 *     missing padding is fine
 *   quoted-printable: '=' without two digits stays as it is (defect); blanks at
 *     the end of a line are dropped, up to 998 of them; soft line ends with LF
 *     or CRLF, and at the end; other line ends stay as they are
 *   uuencode: from the first "begin" line to the "end" line (a defect without
 *     one); what is around is dropped; what is missing of a line is zero
 */
#ifndef MAIL_TRANSFER_H
#define MAIL_TRANSFER_H

#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "mail/defect.h"
#include "mail/mime.h"

struct transfer {
	enum mime_encoding encoding;
	defect_set defects; /* DEFECT_BAD_BASE64, DEFECT_BAD_QUOTED_PRINTABLE,
			     DEFECT_BAD_UUENCODE */
	/* Of the decoder: */
	unsigned state;
	uint32_t bits;
	struct buf pending; /* at most some 1300 bytes */
};

void transfer_begin(struct transfer *t, enum mime_encoding encoding);
/* Append the decoded bytes. */
void transfer_add(
    struct transfer *t, const char *data, size_t n, struct buf *out);
void transfer_end(struct transfer *t, struct buf *out);
void transfer_release(struct transfer *t);

#endif
