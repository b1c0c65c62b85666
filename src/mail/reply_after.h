/* When a server's reply says to come again. */
#ifndef MAIL_REPLY_AFTER_H
#define MAIL_REPLY_AFTER_H

#include <stdint.h>

enum {
	REPLY_AFTER_MAX = 24 * 60 * 60, /* seconds; more is not believed */
};

/*
 * "try again in 5 minutes", "retry after 300s", "come back in 00:05:00": in
 * seconds, at most REPLY_AFTER_MAX.  0: it does not say.
 */
int64_t reply_after(const char *text);

#endif
