/* What a server offers: the keywords of its answer to EHLO or LHLO (RFC 5321,
 * 4.1.1.1). */
#ifndef NET_SMTP_CAPS_H
#define NET_SMTP_CAPS_H

#include <stdbool.h>
#include <stdint.h>

struct smtp_caps {
	bool has_pipelining, has_8bitmime, has_smtputf8, has_dsn, has_starttls,
	    has_auth, has_size;
	int64_t size_max; /* bytes of a message; 0: no limit is said */
};

/* One line, without code and line end.  What is not known is passed over. */
void smtp_caps_add(struct smtp_caps *caps, const char *line);

#endif
