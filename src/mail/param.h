/*
 * Fields of the form "value; name=value; …": Content-Type and
 * Content-Disposition (RFC 2045 5.1, RFC 2183), with parameters in pieces and
 * in charsets (RFC 2231).
 *
 * Accepted beside what the RFCs allow: missing quotes, blanks around '=',
 * comments anywhere, missing or doubled ';', encoded words and raw 8-bit bytes
 * in values, RFC 2231 pieces out of order.  Of a parameter that comes twice the
 * first counts (duplicate-parameter); "name*" wins over "name".
 */
#ifndef MAIL_PARAM_H
#define MAIL_PARAM_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/charset.h"
#include "mail/defect.h"
#include "mail/header.h"

enum {
	PARAM_MAX = 64, /* parameters kept, pieces counted apart */
	PARAM_VALUE_MAX = 4096, /* bytes of a value as UTF-8; more is cut */
	PARAM_NAME_MAX = 64,
};

struct param {
	char *name; /* in lower case, without '*' */
	char *value; /* decoded; may hold anything but NUL */
	size_t len;
};

struct params {
	char *value; /* before the first ';', lower case, without comments and
			blanks; "" when there is none */
	struct param *items;
	size_t n;
	defect_set defects; /* DEFECT_DUPLICATE_PARAMETER, DEFECT_BAD_PARAMETER,
			     and those of mail/encoded.h */
};

/* value: of the field, folded as it came.  Time and memory are linear. */
void params_parse(struct params *p, struct slice value);
/* NULL: there is none.  Borrowed. */
const struct param *params_find(const struct params *p, const char *name);
void params_release(struct params *p);

#endif
