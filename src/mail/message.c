#include "mail/message.h"

#include <string.h>

#include "mail/header.h"

#define FROM "From "

void
message_init(struct message *m)
{
	*m = (struct message){0};
	digest_init(&m->digesting);
}

/* Find the end of the "From " line in head, as far as it is there. */
static void
look_for_from(struct message *m, bool is_all)
{
	size_t n = m->head.len, len = strlen(FROM);
	const char *lf;

	if (n < len && !is_all)
		return;
	m->is_from_known = true;
	if (n < len || memcmp(m->head.data, FROM, len) != 0)
		return;
	if (n > HEADER_FROM_MAX)
		n = HEADER_FROM_MAX;
	lf = memchr(m->head.data, '\n', n);
	if (lf == NULL) {
		m->is_from_known = is_all || n == HEADER_FROM_MAX;
		return;
	}
	m->from_size = (size_t)(lf - m->head.data) + 1;
	digest_init(&m->baring);
	digest_add(&m->baring, m->head.data + m->from_size,
	    m->head.len - m->from_size);
}

void
message_add(struct message *m, const char *data, size_t n)
{
	m->size += (int64_t)n;
	digest_add(&m->digesting, data, n);
	if (m->is_from_known) {
		if (m->from_size > 0)
			digest_add(&m->baring, data, n);
		return;
	}
	buf_add(&m->head, data, n);
	look_for_from(m, false);
	if (m->is_from_known)
		buf_release(&m->head);
}

void
message_end(struct message *m)
{
	if (!m->is_from_known)
		look_for_from(m, true);
	digest_text(&m->digesting, m->digest);
	if (m->from_size > 0)
		digest_text(&m->baring, m->bare);
	else
		memcpy(m->bare, m->digest, sizeof m->bare);
}

void
message_release(struct message *m)
{
	buf_release(&m->head);
}

char *
message_id(const struct message *m, bool has_from, const char *tenant,
    const char *recipient, char id[ID_TEXT])
{
	const char *parts[] = {
	    "in", tenant, recipient, has_from ? m->bare : m->digest};

	return id_derive(parts, sizeof parts / sizeof *parts, id);
}
