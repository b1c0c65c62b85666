/*
 * The content of one part of a message, decoded in a cell (core/cell.h): who
 * wants it never looks into the message itself.
 */
#ifndef MAIL_EXTRACT_H
#define MAIL_EXTRACT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

/* Can it be the number of a part (mail/mime.h)?  "1", "1.2" … */
bool extract_is_part(const char *s);

/*
 * Read a message from fd and pass on the decoded content of part, in pieces, as
 * "parts" of the record has its size and digest; an enclosed message's bytes.
 * ERR_DATA: there is no such part, or it is a multipart, which has none; the
 * text names those that are there.  ERR_TEMP: the parser died, perhaps after
 * some pieces; or what content said (-1 stops it).
 */
int extract_part(int fd, const char *part,
    int (*content)(void *ctx, const char *data, size_t n, struct err *e),
    void *ctx, struct err *e);

#endif
