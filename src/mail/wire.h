/*
 * The bytes of a message as they travel (RFC 5321, 2.3.8 and 4.5.2): every line
 * ends in CRLF and there is no other CR or LF, whatever the message had (LF,
 * CRLF, a lone CR), so that no two programs can see its lines differently.
 * What is signed (mail/dkim.h) and what is sent (net/smtp.h) go through here.
 */
#ifndef MAIL_WIRE_H
#define MAIL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

struct wire {
	bool is_stuffed; /* double the dot at the start of a line */
	bool was_cr; /* the last byte was a CR, whose line has ended */
	bool is_in_line; /* it has no end yet */
	/* What was seen: */
	int64_t size; /* bytes, stuffing left out */
	int64_t longest; /* line, without its end */
	bool has_nul, has_8bit;
	bool has_8bit_header; /* above the first empty line */
	bool is_in_body;
	int64_t line; /* bytes of the current one */
};

void wire_init(struct wire *w, bool is_stuffed);

/* Append what becomes of these bytes; out NULL: only look at them. */
void wire_add(struct wire *w, const char *data, size_t n, struct buf *out);

/* The last line ends, if it has not. */
void wire_end(struct wire *w, struct buf *out);

#endif
