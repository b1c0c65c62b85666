/*
 * A record's "mail" as it was read and checked.  What it has of texts is
 * borrowed from the JSON value.
 */
#ifndef MAIL_COMPOSE_SECTION_H
#define MAIL_COMPOSE_SECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"
#include "mail/compose_address.h"
#include "mail/compose_where.h"

enum {
	ATTACHMENTS_MAX = 500,
	HEADERS_MAX = 500,
	VALUE_MAX = 64 * 1024, /* bytes of a field's text */
	IDS_MAX = 1000, /* references */
	ATTACHMENT_NAME_MAX = 1000,
};

struct attachment {
	json item; /* ours; what how->open gets */
	struct where where; /* its path */
	struct text name, cid;
	char *type; /* "text/calendar"; NULL: it says none */
	char *params; /* "; method=REQUEST", folded; or "" */
	bool has_charset;
	bool is_inline; /* its disposition */
	bool is_related; /* the HTML shows it */
};

struct extra {
	struct text name, value;
};

struct section {
	struct mailboxes from, sender, reply_to, to, cc, bcc;
	struct mailboxes return_path;
	bool is_null_sender; /* the return path is "" */
	struct text subject, text, html;
	bool is_jis;
	bool has_date;
	int64_t date_ms;
	int date_offset; /* minutes from UTC */
	struct text message_id; /* without <>, as ids are */
	struct text *in_reply_to, *references;
	size_t n_in_reply_to, n_references;
	const char *auto_submitted; /* NULL: no */
	struct text unsubscribe_url, unsubscribe_mailto;
	bool is_one_click;
	struct extra *headers;
	size_t n_headers;
	struct attachment *attachments;
	size_t n_attachments;
};

/* ERR_DATA.  To be released in any case; mail must live as long. */
int section_read(struct section *s, json mail, struct err *e);
void section_release(struct section *s);

/* Parts of it: mail/compose_members.c, compose_headers.c, compose_files.c. */
int section_read_ids(
    struct text **ids, size_t *n, json mail, const char *member, struct err *e);
int section_read_id(
    const struct where *w, struct text t, struct text *id, struct err *e);
int section_read_date(struct section *s, json mail, struct err *e);
int section_read_unsubscribe(struct section *s, json mail, struct err *e);
int section_read_headers(struct section *s, json mail, struct err *e);
int section_read_attachments(struct section *s, json mail, struct err *e);
void section_release_attachments(struct section *s);

#endif
