/*
 * Text and bytes in transfer encodings (RFC 2045 6), chosen by what is in them:
 *
 *   7bit               ASCII, lines of at most 78, none of which begins with
 *                      '.' or "From " or ends in a blank: what is on the way
 *                      has changed such lines
 *   quoted-printable   or base64, whichever is shorter, for the rest
 *
 * ISO-2022-JP is 7bit, as its readers expect, where its lines are no longer
 * than SMTP takes; else base64.
 */
#ifndef MAIL_COMPOSE_TEXT_H
#define MAIL_COMPOSE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"

enum {
	LINE_MAX_SMTP = 998, /* RFC 5322 2.1.1 */
	BASE64_LINE = 57, /* bytes that make 76 characters */
};

/* Append whole lines of base64, the last one as long as it is. */
void base64_lines(const char *data, size_t n, struct buf *out);

/*
 * Append a text's Content-* fields and its body; lines end in LF, CRLF or CR in
 * text, and in CRLF there, the last one too.
 */
void text_part(const char *subtype, const char *text, size_t n, bool is_jis,
    struct buf *fields, struct buf *body);

#endif
