/* What the header of a part says about it.  For mail/mime.c. */
#ifndef MAIL_MIME_PART_H
#define MAIL_MIME_PART_H

#include "mail/defect.h"
#include "mail/header.h"
#include "mail/mime.h"

/*
 * Fill in header, type, disposition, encoding, is_multipart and is_message, as
 * the header says.  Returns the defects of these fields.
 */
defect_set mime_part_read(
    struct mime_part *part, const struct header *h, const char *default_type);

/* The boundary of a multipart; empty when there is no usable one. */
struct slice mime_part_boundary(const struct mime_part *part);

void mime_part_release(struct mime_part *part);

#endif
