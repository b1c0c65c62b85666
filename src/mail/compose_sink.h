/* Where a message goes, with its limit. */
#ifndef MAIL_COMPOSE_SINK_H
#define MAIL_COMPOSE_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "core/bulk.h"
#include "core/err.h"

enum {
	/* Bytes, encoded: a file of 50 MiB, and what comes with it. */
	MESSAGE_MAX = 72 * 1024 * 1024,
	HEADER_SIZE_MAX = 256 * 1024, /* without Content-* */
};

struct sink {
	struct bulk *out;
	int64_t room;
	struct err *e;
};

/* ERR_DATA: it is over MESSAGE_MAX; ERR_TEMP. */
int sink_add(struct sink *s, const void *data, size_t n);
int sink_addstr(struct sink *s, const char *text);

/* ERR_DATA, if so many bytes are more than there is room for. */
int sink_check(const struct sink *s, int64_t n);

#endif
