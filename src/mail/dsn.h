/* Enhanced status codes: RFC 3463, "D.S.N" such as 4.2.2 and 5.1.1. */
#ifndef MAIL_DSN_H
#define MAIL_DSN_H

#include <stddef.h>

enum {
	DSN_TEXT = 10, /* room for one */
};

/*
 * How long is the code that text begins with?  As Postfix looks at it (its
 * dsn_valid): a first digit of 2, 4 or 5, two numbers of one to three digits,
 * and white space or the end behind it.  0: there is none.
 */
size_t dsn_length(const char *text, size_t len);

#endif
