/*
 * `mail-store put --file`: a file that many mails have as an attachment, stored
 * once.  It is a row of its own, {"kind":"file","name":…,"type":…,"blob":…} in
 * state succeeded, so that all verbs that look after rows and their blobs know
 * it; it is never queued, and expires by "retention.files".
 *
 * Its id begins with ATTACHED_FILE, by which mail that names its blob knows
 * that it is not one to be copied, and comes from tenant, name, bytes and the
 * day: who stores it again on a later day has it for as long again.
 */
#ifndef QUEUE_COMMON_FILE_H
#define QUEUE_COMMON_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "core/json.h"
#include "queue/engines.h"

struct common_file {
	const char *path;
	const char *name; /* as which it is attached; NULL: that of the path */
	const char *tenant; /* NULL: the configuration's, or COMMON_TENANT */
};

/* Of files that belong to all. */
#define COMMON_TENANT "files"

/*
 * Store it, and write its "blob" section to stdout, with "name" and "type", to
 * be put into mail.attachments[].  ERR_TEMP.
 */
int common_file_put(
    struct queue *q, const struct common_file *how, struct err *e);

/* Is this record, as it is stored, one of a file?  Cheap. */
bool common_file_is(const char *record, size_t len);

#endif
