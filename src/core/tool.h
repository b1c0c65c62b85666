/*
 * What every program has in common: descriptors, options, usage, diagnostics,
 * and the way from a result to an exit status.
 */
#ifndef CORE_TOOL_H
#define CORE_TOOL_H

#include <stdbool.h>

#include "core/err.h"
#include "core/option.h"

#define MAILPIPE_VERSION "0.1.0"

struct verb {
	const char
	    *name; /* NULL: what the tool does without one; comes first */
	const char *operands; /* "QUEUE [FILE]...", "" for none */
	const char *summary; /* what it does, one line */
	const struct option_row *options; /* ends with a row without help */
	const char *example; /* lines for -h */
	/* Operands only.  0, or -1 with *e set. */
	int (*run)(int argc, char **argv, struct err *e);
	int operands_min, operands_max; /* max -1: any number */
	/*
	 * It holds a mail for an MTA, which bounces on 64 and 65: every
	 * failure becomes 75, unless --strict.
	 */
	bool is_receiving;
};

struct tool {
	const char *name;
	const char *summary;
	const struct verb *verbs; /* ends with a row without run */
};

/*
 * Run a tool: set up the process, choose the verb, read the options, run it,
 * report the error, and return the exit status (0, 64, 65, 75).
 */
int tool_main(const struct tool *tool, int argc, char **argv);

/* The options of a verb with those that all have. */
struct options tool_options(const struct verb *v);

/* One line on stderr: "TOOL: text". */
void tool_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same, only with -v. */
void tool_verbose(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Report a failure that does not end the run (a bad line among good ones) and
 * remember its class for the exit status.
 */
void tool_failed(const struct err *e);

/* Say it and exit with status, 75 instead where an MTA waits for it. */
_Noreturn void tool_die(int status, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * The status that means "try again", 75 unless this says otherwise: qmail
 * knows 111.  Before tool_main, so that it holds for a usage error as well.
 */
void tool_set_again_status(int status);

/* Were --strict and -v given? */
bool tool_is_strict(void);
bool tool_is_verbose(void);

/* This program's name, as set by tool_main. */
const char *tool_name(void);

/* -d DIR, or NULL. */
const char *tool_state_option(void);

#endif
