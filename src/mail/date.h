/*
 * Dates of header fields (RFC 5322 3.3 and 4.3) and the other forms that mail
 * has: without seconds, with two-digit years, comments, named zones, asctime,
 * month before day.
 */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "mail/header.h"

enum {
	DATE_TEXT = 64, /* room for any date */
};

/*
 * As RFC 3339 with the zone as written: "2001-05-04T14:05:44-04:00"; the zone
 * that is not known ("-0000", none, a name that nobody knows) is "-00:00" (RFC
 * 3339 4.3).  false: it is no date, or one that does not exist.
 */
bool date_parse(struct slice value, char text[DATE_TEXT]);

/*
 * The other way (RFC 5322 3.3): "Sat, 21 Nov 2026 23:06:00 +0900".  ms since
 * the epoch, of years that have four digits; offset: minutes from UTC.  Returns
 * text.
 */
char *date_format(int64_t ms, int offset, char text[DATE_TEXT]);

#endif
