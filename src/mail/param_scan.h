/*
 * The pieces "name=value" of a field, found but not decoded: what param.c makes
 * parameters of.
 */
#ifndef MAIL_PARAM_SCAN_H
#define MAIL_PARAM_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "mail/defect.h"
#include "mail/header.h"
#include "mail/param.h"

enum param_form {
	PARAM_PLAIN, /* name=value */
	PARAM_SECTION, /* name*0=value, name*0*=value (RFC 2231 3) */
	PARAM_EXTENDED, /* name*=charset'language'value (RFC 2231 4) */
};

struct param_piece {
	char name[PARAM_NAME_MAX + 1]; /* lower case, without '*' */
	enum param_form form;
	unsigned section;
	size_t index; /* in param_scan.pieces */
	bool is_percent; /* name*0*, name* */
	bool is_quoted;
	struct slice value; /* is_quoted: what is between the quotes */
};

struct param_scan {
	char *value; /* that of struct params; the caller frees it */
	struct param_piece *pieces; /* in the order in which they stand */
	size_t n;
	defect_set defects;
};

/* Borrows from field, which is UTF-8. */
void param_scan(struct param_scan *scan, struct slice field);
/* All but value. */
void param_scan_release(struct param_scan *scan);

#endif
