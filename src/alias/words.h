/* The words of a command, as a shell would see them (POSIX, XCU 2.2, 2.3). */
#ifndef ALIAS_WORDS_H
#define ALIAS_WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct words {
	char **items; /* and a NULL behind them */
	size_t n;
};

/*
 * Split a command without a shell.  False when it takes one: expansions,
 * redirections, lists, patterns, assignments before the program, what only a
 * shell knows as a command, a quote without an end; or when there is no word.
 * An "exec" before the program is left out.  out is to be released either way.
 */
bool words_split(const char *command, struct words *out);

void words_release(struct words *w);

#endif
