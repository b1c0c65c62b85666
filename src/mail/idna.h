/*
 * Domain names in other scripts than Latin, as DNS and SMTP without SMTPUTF8
 * have them (RFC 5891, RFC 3492).
 *
 * No table of Unicode is here: labels are converted that are made of letters
 * which stand for themselves (ASCII and Latin-1 in small letters, Greek and
 * Cyrillic likewise, kana, kanji, hangul).  What would have to be mapped or
 * composed first (UTS 46) is not, since a wrong domain is somebody else's.
 */
#ifndef MAIL_IDNA_H
#define MAIL_IDNA_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"

/*
 * Append the domain, which is UTF-8, in ASCII ("xn--…"); an ideographic full
 * stop separates labels as '.' does.  false: it can't be said in ASCII here;
 * out is as it was.
 */
bool idna_to_ascii(const char *domain, size_t n, struct buf *out);

#endif
