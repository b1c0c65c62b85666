#include "mail/transfer.h"

#include "mail/transfer_decoder.h"

static void
copy(struct transfer *t, const char *data, size_t n, struct buf *out)
{
	(void)t;
	buf_add(out, data, n);
}

static void
end_copy(struct transfer *t, struct buf *out)
{
	(void)t;
	(void)out;
}

static const struct transfer_decoder identity = {copy, end_copy};

static const struct transfer_decoder *
decoder(const struct transfer *t)
{
	switch (t->encoding) {
	case MIME_BASE64:
		return &transfer_base64;
	case MIME_QUOTED_PRINTABLE:
		return &transfer_quoted_printable;
	case MIME_UUENCODE:
		return &transfer_uuencode;
	case MIME_IDENTITY:
		break;
	}
	return &identity;
}

void
transfer_begin(struct transfer *t, enum mime_encoding encoding)
{
	*t = (struct transfer){.encoding = encoding};
}

void
transfer_add(struct transfer *t, const char *data, size_t n, struct buf *out)
{
	if (n > 0)
		decoder(t)->add(t, data, n, out);
}

void
transfer_end(struct transfer *t, struct buf *out)
{
	decoder(t)->end(t, out);
}

void
transfer_release(struct transfer *t)
{
	buf_release(&t->pending);
}
