/* Diagnostics about an entry of an aliases file. */
#ifndef ALIAS_SAY_H
#define ALIAS_SAY_H

#include "alias/alias.h"

struct entry_place {
	const char *path;
	const struct alias_entry *entry;
};

/* "FILE:LINE: NAME: text", as one that counts (tool_failed, ERR_DATA). */
void say_failed(const struct entry_place *at, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The same, said only. */
void say_note(const struct entry_place *at, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
