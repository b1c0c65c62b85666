/*
 * Lists of addresses as header fields have them (RFC 5322 3.4 and 4.4), and as
 * real mail has them: local parts with dots at their ends or doubled
 * (a..b.@docomo.ne.jp), encoded words and raw bytes in names, missing quotes
 * and brackets, ';' between addresses, routes, comments anywhere.  Iterative;
 * time and memory are linear.
 */
#ifndef MAIL_MAILBOX_H
#define MAIL_MAILBOX_H

#include <jv.h>

#include "mail/charset.h"
#include "mail/defect.h"
#include "mail/header.h"

enum {
	MAILBOX_LIST_MAX = 1000, /* kept of a field; the rest is
				    too-many-addresses */
};

/*
 * Append to list, a JSON array, an object for each mailbox of a field:
 *
 *   {"name":"…","address":"…","group":"…"}
 *
 * name: decoded, without quotes; where there is none, a comment (RFC 5322 3.4,
 * the old form "address (name)").  address: as written, without comments and
 * white space; quoted local parts keep their quotes; the domain may be
 * non-ASCII.  An address of more than ADDRESS_MAX bytes, with a control
 * character or with no '@' where "name" is all there is: see the .c.  group:
 * the group that it is in.  A group without members is {"group":"…"}.  Absent
 * members are absent.
 *
 * Consumes list and returns it.  Defects: DEFECT_BAD_ADDRESS,
 * DEFECT_TOO_MANY_ADDRESSES, and those of mail/encoded.h.
 */
jv mailbox_list(jv list, struct slice value, const struct charset *hint,
    defect_set *defects);

#endif
