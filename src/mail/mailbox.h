/*
 * Lists of addresses as header fields have them (RFC 5322 3.4 and 4.4), and as
 * real mail has them: local parts with dots at their ends or doubled
 * (a..b.@docomo.ne.jp), encoded words and raw bytes in names, missing quotes
 * and brackets, ';' between addresses, routes, comments anywhere.  Iterative;
 * time and memory are linear.
 */
#ifndef MAIL_MAILBOX_H
#define MAIL_MAILBOX_H

#include "core/json.h"

#include "mail/charset.h"
#include "mail/defect.h"
#include "mail/header.h"

enum {
	MAILBOX_LIST_MAX = 1000, /* in one list; the rest is
				    too-many-addresses */
	MAILBOX_NAME_MAX = 4096, /* bytes of a name as UTF-8; more is cut */
};

/*
 * Append to list, a JSON array, an object for each mailbox of a field:
 *
 *   {"name":"…","address":"…","group":"…"}
 *
 * address: "local@domain" as written, without comments and white space; quoted
 * local parts keep their quotes; it may be UTF-8 (RFC 6532).  name: decoded,
 * without quotes; where there is none, a comment (RFC 5322 3.4, the old form
 * "address (name)").  group: the group that it is in.  A group without members
 * is {"group":"…"}.  Absent members are absent.
 *
 * What has no address is kept, too, with all its text as "name": a bare word,
 * "Foo <root>", "<http://www.example.com/>", an address with control
 * characters, with raw bytes that are not UTF-8, or of more than ADDRESS_MAX.
 * So there is an '@' in every "address". That, and whatever else is not as it
 * should be (brackets or a comma are missing, quotes have no end), is
 * DEFECT_BAD_ADDRESS; dots in strange places are not.
 *
 * Consumes list and returns it.  Defects: DEFECT_BAD_ADDRESS,
 * DEFECT_TOO_MANY_ADDRESSES, and those of mail/encoded.h.
 */
json mailbox_list(json list, struct slice value, const struct charset *hint,
    defect_set *defects);

#endif
