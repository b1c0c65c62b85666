/* One target of an alias; for src/alias/alias.c only. */
#ifndef ALIAS_TARGET_H
#define ALIAS_TARGET_H

#include "alias/alias.h"

/* What the text of one target is; raw is kept. */
struct alias_target alias_target(char *raw);

/*
 * The quoted string at s, which begins with '"'.  Behind it, or NULL when it
 * has no end; *out, the text in it, is the caller's to free then.
 */
const char *alias_unquote(const char *s, char **out);

#endif
