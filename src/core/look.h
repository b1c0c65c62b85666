/*
 * How output looks that may be for a person: JSON lines, or a table on a
 * terminal, in its width and with colours where they are wanted.
 */
#ifndef CORE_LOOK_H
#define CORE_LOOK_H

#include <stdbool.h>

#include "core/option.h"

/* Colours: parameters of the terminal's CSI ... m. */
#define LOOK_PLAIN "0"
#define LOOK_BOLD "1"
#define LOOK_DIM "2"
#define LOOK_RED "31"
#define LOOK_GREEN "32"
#define LOOK_YELLOW "33"
#define LOOK_CYAN "36"

/* Of verbs that can do both: `struct option_word form = LOOK_FORM;` */
/* clang-format off */
#define LOOK_FORM {"json table", NULL}
#define LOOK_ROW(form) \
    {'o', NULL, "FORM", "json, or table: for people (on a terminal)", \
	OPTION_WORD, form, 0, 0}
/* clang-format on */

struct look {
	bool is_table;
	bool is_colored;
	int width; /* columns */
};

/*
 * As form says, "json" or "table"; NULL: a table on a terminal, JSON elsewhere.
 * Colours on a terminal only, one that is not "dumb", and not with NO_COLOR
 * (https://no-color.org).  The width is that of COLUMNS, else of the terminal,
 * also one behind a pager, else 80.
 */
struct look look_choose(const char *form);

/* Is fd a terminal on which a line can be erased and written anew? */
bool look_can_rewrite(int fd);

/* The columns of the terminal on fd; 0: it is none, or does not say. */
int look_columns(int fd);

#endif
