/*
 * What may stand in a configuration file: one table, in schema_table.c, of
 * which path holds which type of value.  man/mailpipe-config.5 has the same for
 * people.
 *
 * Every reason names the path and tells what to write: ".tenants.t.weight: must
 * be a number from 0.001 to 1000, not "fast"".  What could be a secret is never
 * quoted.
 */
#ifndef CORE_SCHEMA_H
#define CORE_SCHEMA_H

#include <stdbool.h>

#include "core/err.h"
#include "core/json.h"

/*
 * Check all of it: keys, types, ranges, and whether what is referred to is
 * there.  ERR_TEMP for the first thing that is wrong.  Borrows root.
 */
int schema_check(json root, struct err *e);

/*
 * Of a root that is broken elsewhere, or no object at all: an object with the
 * state directory and the engines that it names, where these are good.
 * Borrows root.
 */
json schema_salvage(json root);

/* Is the value at this path of the table ("tenants.*.dkim.key.file") one that
 * must not be shown? */
bool schema_is_secret(const char *path);

#endif
