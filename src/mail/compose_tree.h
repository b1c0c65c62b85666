/*
 * The parts of a message and how they hang together (RFC 2046 5.1, RFC 2387):
 *
 *   mixed( alternative( text, related( html, images ) ), files )
 *
 * without the multiparts that would have one part only.  Boundaries are made of
 * a digest of the header, the texts and the messages enclosed, so that the same
 * mail has the same ones and none of these can have them in it; in base64 and
 * quoted-printable "=_" cannot be.
 */
#ifndef MAIL_COMPOSE_TREE_H
#define MAIL_COMPOSE_TREE_H

#include "core/buf.h"
#include "core/err.h"
#include "mail/compose.h"
#include "mail/compose_section.h"
#include "mail/compose_sink.h"

/* Write header, which has no Content-* fields, and the parts after it. */
int tree_write(const struct section *s, const struct compose *how,
    const struct buf *header, struct sink *out);

#endif
