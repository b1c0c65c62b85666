/*
 * The header of a message, or of a part of one: where it ends, and its fields
 * as slices of the caller's buffer.  Iterative, one pass, bounded, and it
 * accepts anything:
 *
 *   - a line ends with LF or CRLF; a lone CR is data, and so is NUL
 *   - white space before the ':' is allowed (RFC 5322 4.5)
 *   - a line of white space only continues a field (RFC 5322 4.2)
 *   - a byte order mark before the first field does not count
 *   - a field after the first one may have anything before its ':'
 *     (bad-field-name); such a field is kept and never looked up by name
 *   - a line without ':' ends the header and begins the body (no-blank-line;
 *     no-header when it is the first)
 *   - continuation lines before the first field are skipped
 *     (stray-continuation)
 *   - the header may end with the message, without a blank line
 *   - a leading "From " line is one only when a field follows
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "mail/defect.h"

enum {
	HEADER_MAX = 1024 * 1024, /* bytes; the rest is header-too-long */
	HEADER_FIELDS_MAX = 2000, /* kept; the rest is too-many-fields */
	HEADER_NAME_MAX = 998, /* a ':' after more than this is text */
	HEADER_FROM_MAX = 4096, /* longest leading "From " line */
};

/* Bytes that somebody else owns. */
struct slice {
	const char *data;
	size_t len;
};

/* Progress in finding the end of a header; all zero at first. */
struct header_scan {
	size_t size; /* of the lines seen so far; is_done: of the header */
	size_t scanned; /* no line end between size and here */
	size_t from_size; /* of the leading "From " line, 0: none */
	size_t fields;
	defect_set defects; /* mail/defect.h */
	bool is_done;
};

struct header_field {
	struct slice name;
	struct slice value; /* folded as it came, without its last line end */
};

struct header {
	struct slice from_line; /* "From …" without its line end; or empty */
	struct header_field *fields;
	size_t n;
	defect_set defects; /* too-many-fields */
};

/*
 * Go on looking for the end of the header in data[0..len), the message from
 * its first byte; call again with more.  is_all: there is no more.  The same
 * bytes give the same answer however they are cut.  true (is_done): the body
 * begins at data[size].
 */
bool header_scan(
    struct header_scan *s, const char *data, size_t len, bool is_all);

/*
 * The fields of a header that header_scan found.  They borrow from data.
 */
void header_parse(
    struct header *h, const char *data, const struct header_scan *s);
void header_release(struct header *h);

/*
 * The next field called name (in any case) after one, or the first (after
 * NULL).  NULL: no more.
 */
const struct header_field *header_next(
    const struct header *h, const char *name, const struct header_field *after);

/* Is it the field's name (in any case)? */
bool header_is(const struct header_field *f, const char *name);

/*
 * Replace the contents of out by the value: unfolded, each run of white space
 * one space, none at either end.
 */
void header_squeeze(struct slice value, struct buf *out);

#endif
