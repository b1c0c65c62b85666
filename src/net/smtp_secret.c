#include "net/smtp_secret.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "core/base64.h"
#include "core/buf.h"

enum {
	SECRET_MIN = 4,
};

/* In base64, with so many bytes before it; of those digits only that nobody
 * else has a part in. */
static bool
is_coded_in(const char *password, size_t before, const char *text)
{
	struct buf bytes = BUF_INIT, coded = BUF_INIT;
	size_t first = (before * 8 + 5) / 6, last;
	bool is_in;

	buf_add(&bytes, "\0\0", before);
	buf_addstr(&bytes, password);
	last = bytes.len * 8 / 6;
	base64_encode(bytes.data, bytes.len, &coded);
	coded.data[last] = '\0';
	is_in = strstr(text, coded.data + first) != NULL;
	sodium_memzero(bytes.data, bytes.len);
	sodium_memzero(coded.data, coded.len);
	buf_release(&bytes);
	buf_release(&coded);
	return is_in;
}

void
smtp_hide_secret(const char *password, struct reply *reply)
{
	if (password == NULL || strlen(password) < SECRET_MIN)
		return;
	if (strstr(reply->text, password) != NULL ||
	    is_coded_in(password, 0, reply->text) ||
	    is_coded_in(password, 1, reply->text) ||
	    is_coded_in(password, 2, reply->text))
		snprintf(reply->text, sizeof reply->text,
		    "(it repeats the password)");
}
