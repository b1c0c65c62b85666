/*
 * Content transfer encodings (RFC 2045 6), decoded piece by piece.  Decoding
 * never fails; what is odd is a defect.
 *
 *   base64: bytes outside the alphabet are skipped; padding ends a group and
 *     what follows goes on (concatenated encodings); missing padding is fine
 *   quoted-printable: '=' without two digits stays as it is; blanks at the end
 *     of a line are dropped; soft line ends with LF or CRLF
 *   uuencode: from the "begin" line to the "end" line; what is around is
 * dropped
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
	unsigned state;
	uint32_t bits;
	/* further state as each encoding needs it; bounded */
	struct buf pending;
};

void transfer_begin(struct transfer *t, enum mime_encoding encoding);
/* Append the decoded bytes. */
void transfer_add(
    struct transfer *t, const char *data, size_t n, struct buf *out);
void transfer_end(struct transfer *t, struct buf *out);
void transfer_release(struct transfer *t);

#endif
