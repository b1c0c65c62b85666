/*
 * What is in force, and where it comes from: -d, the environment, the
 * configuration file, or a default.
 */
#ifndef DESK_IN_FORCE_H
#define DESK_IN_FORCE_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/config.h"
#include "core/err.h"
#include "core/look.h"
#include "core/option.h"

struct setting {
	const char *name; /* "engines.mail", "tenants.ne-001.weight" */
	json value;
	const char *from; /* option, environment, file, default */
	const char *where; /* "-d", the variable, the file; NULL: default */
};

/* Whose settings are asked for, beside those of all. */
struct in_force {
	const struct string_list *tenants; /* these; or NULL */
	bool is_all_tenants;
};

/* Each setting, once.  Strings are good during the call. */
void in_force_each(const struct config *c, const struct in_force *which,
    void (*show)(void *ctx, const struct setting *s), void *ctx);

/* "sqlite: (default)", as one line for people. */
void in_force_text(const struct setting *s, struct buf *out);

/*
 * Load the configuration and write all of them to stdout.  No state directory
 * is opened or made.  Of a broken configuration what is in force without it;
 * ERR_TEMP then.
 */
int in_force_write(
    const struct in_force *which, const struct look *look, struct err *e);

#endif
