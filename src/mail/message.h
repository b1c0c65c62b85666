/*
 * A message as it comes in, fed piece by piece: its size and its digests.
 * Nothing here looks into it, but for a leading "From " line,
 * which the MTA writes anew at each try.
 */
#ifndef MAIL_MESSAGE_H
#define MAIL_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/id.h"

struct message {
	int64_t size;
	size_t from_size; /* of a leading "From " line, 0: none */
	/* After message_end: */
	char digest[DIGEST_TEXT]; /* of the bytes as they came */
	char bare[DIGEST_TEXT]; /* without the "From " line */
	/* While it comes in: */
	struct buf head; /* until it is known whether it has a "From " line */
	bool is_from_known;
	struct digest digesting, baring;
};

void message_init(struct message *m);
void message_add(struct message *m, const char *data, size_t n);
void message_end(struct message *m);
void message_release(struct message *m);

/*
 * Its id for a tenant and an envelope recipient ("": unknown): derived, so that
 * a mail that the MTA hands over again has the same.  has_from: what looks like
 * a "From " line is one, a header follows it.  Returns id.
 */
char *message_id(const struct message *m, bool has_from, const char *tenant,
    const char *recipient, char id[ID_TEXT]);

#endif
