/* Options: one table, from which getopt, -h and SYNOPSIS are made. */
#ifndef CORE_OPTION_H
#define CORE_OPTION_H

#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

enum {
	OPTION_ROWS = 32, /* at most, of one program or verb */
};

enum option_type {
	OPTION_FLAG, /* bool */
	OPTION_STRING, /* const char * */
	OPTION_LIST, /* struct string_list */
	OPTION_NUMBER, /* int64_t, from min to max */
	OPTION_DURATION, /* int64_t seconds, from min to max */
	OPTION_WORD, /* struct option_word */
};

/* Strings given by an option that may be repeated; argv owns them. */
struct string_list {
	const char **items;
	size_t n;
};

/* One of several words; value is NULL, or what is meant without the option. */
struct option_word {
	const char *words; /* one blank between them */
	const char *value;
};

/* One row of the table; the last one has no help. */
struct option_row {
	char letter; /* 0: only the long name */
	const char *name; /* long name, or NULL */
	const char *arg; /* name of its argument, or NULL for a flag */
	const char *help; /* one line */
	enum option_type type;
	void *value;
	int64_t min, max; /* numbers and durations; max 0: no upper bound */
};

/* The rows of several tables. */
struct options {
	const struct option_row *rows[OPTION_ROWS];
	size_t n;
};

/* Add a table's rows; NULL has none. */
void options_add(struct options *o, const struct option_row *table);

/*
 * Read the options of a command line into their values.  The index of the first
 * operand in argv, or -1: ERR_USAGE.
 */
int options_parse(
    const struct options *o, int argc, char **argv, struct err *e);

/* " [-a TIME] [-e]…", without -h and -V; and a line of help for each. */
void options_synopsis(const struct options *o, struct buf *out);
void options_help(const struct options *o, struct buf *out);

#endif
