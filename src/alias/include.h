/* Files that aliases include. */
#ifndef ALIAS_INCLUDE_H
#define ALIAS_INCLUDE_H

#include "alias/alias.h"
#include "core/err.h"

enum {
	INCLUDE_DEPTH_MAX = 20,
	INCLUDE_FILES_MAX = 1000, /* of one alias */
};

/*
 * Look into an included file, and those that it includes, for commands: Postfix
 * runs none of these unless allow_mail_to_commands has "include"; they belong
 * into the alias itself.  0: there are none.  ERR_DATA names the file and its
 * line, also for files that include themselves; ERR_DATA when one cannot be
 * read.
 */
int include_check(const char *path, struct err *e);

#endif
