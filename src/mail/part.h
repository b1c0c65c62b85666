/*
 * One part of a message: what its header says, and what its content is: size,
 * digest and kind, found while it streams by.
 */
#ifndef MAIL_PART_H
#define MAIL_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/id.h"
#include "mail/charset.h"
#include "mail/defect.h"
#include "mail/mime.h"
#include "mail/sniff.h"
#include "mail/transfer.h"

/* What is needed only as long as its content comes. */
struct part_content {
	struct transfer transfer;
	struct digest digest;
	bool is_sniffed;
	struct buf head; /* the first SNIFF_BYTES, if it is */
	/* The piece at hand: what was given, or in space. */
	const char *decoded;
	size_t n_decoded;
	struct buf space;
};

struct part {
	char *path, *type;
	char *charset, *name, *disposition, *cid; /* NULL: absent */
	size_t parent;
	bool is_multipart, is_message;
	bool is_inside_message; /* of another message than the outermost */
	bool is_first; /* in its multipart */
	int64_t size; /* decoded */
	char digest[DIGEST_TEXT];
	char *sniffed; /* NULL: nothing can be said */
	struct part_content *content; /* NULL: it is over */
	defect_set defects;
};

/* is_sniffed: part_end will ask for its type. */
void part_begin(struct part *p, const struct mime_part *m, bool is_sniffed);
/*
 * Its content, still encoded; what it is decoded to is left in p->content, for
 * as long as data is there.
 */
void part_add(struct part *p, const char *data, size_t n);
/* No more comes: the same with what decoding had held back. */
void part_rest(struct part *p);
/* Its content is over, part_rest done; sniff: NULL unless it is sniffed. */
void part_end(struct part *p, struct sniff *sniff);
void part_release(struct part *p);

/*
 * Is it text to be read (true), not an attachment?  text/plain and text/html,
 * outside of enclosed messages, not called an attachment; one with a file name
 * only when it comes first.
 */
bool part_is_text(const struct part *p);
/* A leaf, or an enclosed message, that is not text to be read. */
bool part_is_attachment(const struct part *p);

/* Append it as an element of "parts". */
void part_write(const struct part *p, struct buf *out);

#endif
