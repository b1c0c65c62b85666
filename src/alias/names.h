/* Names, each once. */
#ifndef ALIAS_NAMES_H
#define ALIAS_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/id.h"

struct names {
	void *root;
};

/* False: it was there. */
bool names_add(struct names *all, const char *name);
bool names_has(const struct names *all, const char *name);
void names_release(struct names *all);

enum {
	TENANT_TEXT = NAME_MAX_LEN + 1,
};

/*
 * An alias' name as that of a tenant: what cannot stand in it becomes '-', what
 * is too long is cut.  True: it is the same.
 */
bool names_to_tenant(const char *alias, char tenant[TENANT_TEXT]);

/* Add it, or else the first of NAME-2, NAME-3 and so on that is not there.
 * Returns tenant. */
char *names_add_another(struct names *all, char tenant[TENANT_TEXT]);

#endif
