/* Addresses of a record's "mail", and fields of them. */
#ifndef MAIL_COMPOSE_ADDRESS_H
#define MAIL_COMPOSE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"
#include "mail/compose_where.h"

enum {
	ADDRESSES_MAX = 1000, /* of one member */
	ADDRESS_NAME_MAX = 1000, /* bytes */
	ADDRESS_SEND_MAX = 320, /* RFC 5321 4.5.3.1, both halves at their most
				 */
};

struct mailbox {
	char *name; /* NULL: none */
	char *address; /* local@domain, the domain in ASCII where it can be */
};

struct mailboxes {
	struct mailbox *items;
	size_t n;
};

/*
 * One address, or an array of them: "a@b", "Name <a@b>" or
 * {"name":…,"address":…}.  ERR_DATA.  To be released in any case.
 */
int mailboxes_read(
    struct mailboxes *m, json v, const char *member, struct err *e);
void mailboxes_release(struct mailboxes *m);

/* Append the field, unless there are none. */
void mailboxes_write(
    const struct mailboxes *m, const char *name, bool is_jis, struct buf *out);

/* What is behind the last '@'. */
const char *mailbox_domain(const char *address);

#endif
