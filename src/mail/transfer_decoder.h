/* The decoders behind mail/transfer.h. */
#ifndef MAIL_TRANSFER_DECODER_H
#define MAIL_TRANSFER_DECODER_H

#include <stddef.h>

#include "core/buf.h"
#include "mail/transfer.h"

struct transfer_decoder {
	void (*add)(
	    struct transfer *t, const char *data, size_t n, struct buf *out);
	void (*end)(struct transfer *t, struct buf *out);
};

extern const struct transfer_decoder transfer_base64;
extern const struct transfer_decoder transfer_quoted_printable;
extern const struct transfer_decoder transfer_uuencode;

#endif
