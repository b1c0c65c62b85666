/*
 * How far long work has come, for who waits before a terminal: one line on
 * stderr, from the second second on, rewritten a few times a second and gone at
 * the end.
 *
 * Several programs of a pipeline have the same terminal on stderr.  The one
 * whose stdout is no pipe, the last, has a line: its count is what is really
 * done, those before it are at most a pipe ahead.  There is none where records
 * go to the terminal themselves, and none in the background.  The cursor stays
 * at the line's start, and every diagnostic of every program erases the line it
 * is written on, so the two never mix.
 */
#ifndef CORE_PROGRESS_H
#define CORE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Begin: "TOOL: 1234 WHAT, 567/s".  has_output: it writes to stdout.  Ended by
 * tool_main, if not before.
 */
void progress_start(const char *what, bool has_output);

/* So many more. */
void progress_add(int64_t n);

/* Where it reads, for ", 43 %"; all 0: nobody knows. */
void progress_at(int64_t done, int64_t all);

void progress_end(void);

/*
 * What to write before a diagnostic so that it has the line for itself, in the
 * same write; "" where stderr is no terminal.
 */
const char *progress_eraser(void);

#endif
