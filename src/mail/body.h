/*
 * The text of a message as UTF-8 with LF, put together of its text parts.
 */
#ifndef MAIL_BODY_H
#define MAIL_BODY_H

#include <stdbool.h>

#include "core/buf.h"
#include "mail/charset.h"
#include "mail/defect.h"

enum {
	BODY_MAX = 256 * 1024, /* bytes of UTF-8; the rest is text-cut */
};

struct body {
	struct buf text;
	bool is_there; /* a part has begun */
	/* The part at hand. */
	struct charset_decoder decoder;
	const struct charset *declared; /* NULL: nobody said, or unknown */
	bool is_begun; /* its decoder is chosen */
	defect_set defects;
};

/*
 * A part begins.  label: its charset, or NULL.  Between two parts is a line
 * end at least.
 */
void body_begin(struct body *b, const char *label);
/* Its decoded content. */
void body_add(struct body *b, const char *data, size_t n);
void body_end(struct body *b);
void body_release(struct body *b);

#endif
