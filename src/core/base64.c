#include "core/base64.h"

#include <sodium.h>

void
base64_encode(const void *data, size_t n, struct buf *out)
{
	size_t room =
	    sodium_base64_encoded_len(n, sodium_base64_VARIANT_ORIGINAL);

	buf_grow(out, room);
	sodium_bin2base64(out->data + out->len, room, data, n,
	    sodium_base64_VARIANT_ORIGINAL);
	out->len += room - 1;
}

int
base64_decode(const char *text, size_t n, struct buf *out, struct err *e)
{
	size_t len;

	buf_grow(out, n / 4 * 3 + 3);
	if (sodium_base642bin((unsigned char *)out->data + out->len,
		n / 4 * 3 + 3, text, n, NULL, &len, NULL,
		sodium_base64_VARIANT_ORIGINAL) != 0)
		return err_set(e, ERR_DATA, "not base64");
	out->len += len;
	out->data[out->len] = '\0';
	return 0;
}
