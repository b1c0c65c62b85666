/*
 * A connection as a stream of bytes, in clear or in TLS.  Nothing here waits.
 */
#ifndef NET_LINE_H
#define NET_LINE_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct line {
	int fd; /* -1: there is none */
	/* libcurl's, whose TLS it is; NULL: the bytes go in clear. */
	CURL *easy;
	CURLM *multi;
};

void line_init(struct line *l);

/*
 * How many bytes were taken, 0 when none can be now, -1 when they never can:
 * ERR_TEMP.  After a 0 the same bytes come again.  What was not taken has not
 * left, not as a whole: TLS gives a record's last byte to the system or says
 * that the call has failed.
 */
int64_t line_send(struct line *l, const void *data, size_t n, struct err *e);

/* How many came, 0 for none now, -1: the end, ERR_TEMP. */
int64_t line_recv(struct line *l, void *data, size_t n, struct err *e);

/* May there be more than poll(2) knows of? */
bool line_is_buffered(const struct line *l);

/* At once; what was sent still arrives if it can. */
void line_close(struct line *l);

#endif
