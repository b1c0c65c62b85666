/*
 * Aliases files, as Postfix and sendmail read them: aliases(5).
 *
 *   # a comment, as is any line whose first character but blanks is '#'
 *   Name: target, "target", |command,
 *     target           a line that begins with a blank goes on with the one
 * before
 *
 * Names fold to lower case.  A quoted string is one word in which a backslash
 * keeps the character behind it.  Targets are addresses, /files, commands
 * ("|command" or |"command" or |command) and :include:/files.
 *
 * Where the two MTAs read a command without quotes differently, it is not
 * guessed: target.why says so.  Hostile files are held within the limits below.
 */
#ifndef ALIAS_ALIAS_H
#define ALIAS_ALIAS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"

enum {
	ALIAS_FILE_MAX = 16 * 1024 * 1024, /* bytes */
	ALIAS_LINE_MAX = 1024 * 1024, /* with the lines that go on with it */
	ALIAS_COMMAND_MAX = 100000, /* the kernel takes 128 KiB a word */
	ALIAS_ENTRIES_MAX = 200000,
	ALIAS_TARGETS_MAX = 200000, /* of all entries that have commands */
};

enum alias_kind {
	ALIAS_OTHER, /* an address or a file */
	ALIAS_PIPE,
	ALIAS_INCLUDE,
};

struct alias_target {
	enum alias_kind kind;
	char *raw; /* as it stands there */
	char *text; /* the command, or the included file; NULL: ALIAS_OTHER */
	const char *why; /* it cannot be read for certain; NULL: it can */
	/* Blanks and no quotes: sendmail gives it arguments, Postfix none. */
	bool is_bare;
};

struct alias_targets {
	struct alias_target *items;
	size_t n;
};

struct alias_entry {
	char *name; /* lower case; "" when there is none */
	size_t line;
	/* Empty, when it has neither commands nor includes. */
	struct alias_targets targets;
	size_t n_pipes;
	const char *why; /* it cannot be read; NULL: it can */
};

struct alias_list {
	struct alias_entry *entries;
	size_t n;
	size_t n_targets;
};

/*
 * Read a file.  ERR_TEMP when it cannot be read, ERR_DATA beyond a limit; what
 * is wrong with one line is its entry's why.  out is to be released either way.
 */
int alias_read(const char *path, struct alias_list *out, struct err *e);

/* Only its bytes, as of a file that is included. */
int alias_load(const char *path, struct buf *text, struct err *e);

/* As alias_read, from memory; name is for the error text. */
int alias_parse(const char *name, const char *text, size_t n,
    struct alias_list *out, struct err *e);

void alias_release(struct alias_list *list);

/* A list of targets, as an entry has it and a line of an included file.  Why it
 * is none, or NULL.  out is to be released either way. */
const char *alias_parse_targets(const char *text, struct alias_targets *out);
void alias_targets_release(struct alias_targets *t);

#endif
