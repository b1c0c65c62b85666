/*
 * A message, parsed: its header, its parts, its text, what is odd about it.
 * Fed piece by piece; memory does not grow with the message.
 */
#ifndef MAIL_PARSE_H
#define MAIL_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "mail/defect.h"
#include "mail/header.h"
#include "mail/part.h"
#include "mail/sniff.h"

enum {
	PARSE_SNIFF_MAX = 50, /* parts; hostile ones take libmagic 1 ms each */
};

struct parse_wants {
	bool bodies; /* "text" and "html" */
	struct sniff *sniff; /* NULL: nothing is sniffed */
	/* Decoded content of each part that is no multipart; or NULL. */
	void (*content)(void *ctx, const struct part *part, size_t index,
	    const char *data, size_t n);
	void *ctx;
};

struct parse;

/* wants lives as long as it. */
struct parse *parse_new(const struct parse_wants *wants);
void parse_add(struct parse *p, const char *data, size_t n);
void parse_end(struct parse *p);
void parse_free(struct parse *p);

/* After parse_end. */
const struct header *parse_header(const struct parse *p);
/*
 * Was its header read whole, and does it tell this mail from an equal one
 * (mail/fingerprint.h)?
 */
bool parse_has_identity(const struct parse *p);
/* Of the leading "From " line, 0: none. */
size_t parse_from_size(const struct parse *p);
/* Of the body, mail/fingerprint.h. */
const char *parse_body_digest(const struct parse *p);

/*
 * Append the record's "message", a JSON object.  sender: of the envelope, NULL
 * when unknown; more: further defects to be named.
 */
void parse_write(
    struct parse *p, const char *sender, defect_set more, struct buf *out);

#endif
