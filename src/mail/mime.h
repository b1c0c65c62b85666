/*
 * The structure of a message (RFC 2045, 2046), fed piece by piece: where its
 * parts begin and end.  Iterative, one pass; memory does not grow with the
 * message.
 *
 * Parts are numbered as a path from the root: the message's own body is "1",
 * the parts of a multipart "1.1", "1.2" …; the body of a message/rfc822 part
 * "1.2" is "1.2.1".  The multiparts themselves count, too.
 *
 * What is accepted:
 *   - a boundary of an outer multipart ends the inner ones (unclosed-multipart)
 *   - a multipart without usable boundary is a leaf (no-boundary); one whose
 *     boundary never comes has no parts (unclosed-multipart)
 *   - the header of a part, and of a message in a part, may end without blank
 *     line, at a boundary; before other text that is no-blank-line
 *   - a header field that counts once and comes twice: the first one
 *     (duplicate-field)
 *   - an unknown transfer encoding is none, and so is one of a multipart
 *     (bad-encoding)
 *   - multiparts and messages nested MIME_DEPTH_MAX deep, or MIME_MESSAGES_MAX
 *     messages one in the other, are leaves (too-deep)
 *   - after MIME_PARTS_MAX parts none begins (too-many-parts); those that are
 *     open end where they end
 *   - text before the first and after the last boundary belongs to no part
 *   - a line of more than 1000 bytes, blanks counted, is no boundary
 */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mail/header.h"
#include "mail/param.h"

enum {
	MIME_PARTS_MAX = 1000,
	MIME_DEPTH_MAX = 40,
	MIME_MESSAGES_MAX = 10,
	MIME_BOUNDARY_MAX = 250, /* RFC 2046 5.1.1 has 70; longer ones exist */
	MIME_PATH_TEXT = MIME_DEPTH_MAX * 5 + 1, /* room for any path */
};

enum mime_encoding { /* RFC 2045 6 */
	MIME_IDENTITY, /* 7bit, 8bit, binary, none */
	MIME_BASE64,
	MIME_QUOTED_PRINTABLE,
	MIME_UUENCODE, /* x-uuencode and its other names */
};

/* A part whose header has been read.  Borrowed, for the call only. */
struct mime_part {
	char path[MIME_PATH_TEXT];
	size_t index; /* 0, 1, 2 … in the order of their headers */
	size_t parent; /* its index; the root's is its own */
	const struct header *header; /* the root's: that of the message */
	struct params type; /* value is "text/plain" where nothing is said
			       ("message/rfc822" in a multipart/digest) */
	struct params disposition;
	enum mime_encoding encoding;
	bool is_multipart; /* its content comes as parts */
	bool is_message; /* message/rfc822 or message/global, not encoded: its
			    bytes come as content, and its parts as well */
};

struct mime_events {
	void (*begin)(void *ctx, const struct mime_part *part);
	/*
	 * Bytes of the content of part index, still encoded, without the line
	 * end that belongs to the boundary.  Never of a multipart.
	 */
	void (*content)(void *ctx, size_t index, const char *data, size_t n);
	void (*end)(void *ctx, size_t index);
};

struct mime;

/* events and ctx live as long as it. */
struct mime *mime_new(const struct mime_events *events, void *ctx);
/* The same bytes give the same events however they are cut (content may be cut
   elsewhere). */
void mime_add(struct mime *m, const char *data, size_t n);
/* The message is over: ends what is open. */
void mime_end(struct mime *m);
/*
 * The message's own header, from the moment that its part began until
 * mime_free.  Its bytes are kept.
 */
const struct header *mime_header(const struct mime *m);
/*
 * Of the headers, their fields about structure, and the structure, after
 * mime_end; mail/defect.h.  Those of the message's own header alone are in
 * mime_header.
 */
defect_set mime_defects(const struct mime *m);
/* The bytes before the body: leading "From " line, header, blank line. */
size_t mime_header_size(const struct mime *m);
size_t mime_from_size(const struct mime *m);
void mime_free(struct mime *m);

#endif
