/*
 * The configuration file: $MAILPIPE_CONFIG or /etc/mailpipe/config.json.
 * Everything has a default; a broken file is ERR_TEMP, so that it loses no
 * mail.
 */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include <stdint.h>

#include "core/err.h"
#include "core/json.h"

struct config {
	char *file;
	json root; /* an object */
};

/*
 * Read and check it.  A missing default file is an empty configuration; a
 * missing $MAILPIPE_CONFIG is an error.
 */
int config_load(struct config *c, struct err *e);
void config_release(struct config *c);

/*
 * The string or number at "section.key", or at "key"; fallback when it is
 * absent.  Strings are borrowed from c.
 */
const char *config_str(
    const struct config *c, const char *path, const char *fallback);
int64_t config_int(const struct config *c, const char *path, int64_t fallback);

#endif
