/*
 * The bytes of attachments: in base64, whatever they are, except messages,
 * which may have no transfer encoding (RFC 2046 5.2.1).  A message that is
 * 7-bit with lines that SMTP takes stays as it is; any other goes as
 * application/octet-stream, so that it arrives as it was and the whole stays
 * 7-bit.
 */
#ifndef MAIL_COMPOSE_ENCLOSURE_H
#define MAIL_COMPOSE_ENCLOSURE_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/id.h"
#include "mail/compose.h"
#include "mail/compose_section.h"
#include "mail/compose_sink.h"

struct enclosure {
	const struct attachment *attachment;
	struct buf fields; /* Content-* */
	bool is_as_is; /* a message */
};

/*
 * Find out what it is, by its bytes where it has to be, and write its fields;
 * digest gets what the boundaries must not be in.  ERR_DATA: it is gone.
 */
int enclosure_look(struct enclosure *f, const struct attachment *a, bool is_jis,
    const struct compose *how, struct digest *digest, struct err *e);

/* Its body. */
int enclosure_write(
    const struct enclosure *f, const struct compose *how, struct sink *out);

void enclosure_release(struct enclosure *f);

#endif
