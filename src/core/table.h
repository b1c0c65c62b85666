/*
 * A table for people, row by row: nothing is kept, so that it may have millions
 * of them.  Widths come from the columns and the terminal, not from the data.
 * What comes from outside goes through core/plain.h.
 */
#ifndef CORE_TABLE_H
#define CORE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/look.h"

enum {
	TABLE_COLUMNS = 12, /* at most */
};

struct table_column {
	const char *title;
	int width; /* in columns of the terminal; most, where there is room */
	int most; /* 0: width */
	int share; /* of that room, beside the others */
	/* Where not all have room, those of the lowest ranks stay; 0: always.
	 */
	int rank;
	bool is_right; /* numbers, ages */
	bool is_whole; /* never cut: a half is worth nothing; comes last */
};

struct table {
	struct buf *out;
	const struct table_column *columns;
	size_t n, at; /* at: of the next cell */
	int widths[TABLE_COLUMNS]; /* 0: left out */
	int gap; /* blanks between columns */
	int owed; /* blanks before what comes next */
	bool is_colored, has_head;
};

/* Rows go to out; columns live as long as it. */
void table_init(struct table *t, const struct table_column *columns, size_t n,
    const struct look *look, struct buf *out);

/* The next cell of this row.  color is one of core/look.h; s may be NULL. */
void table_text(struct table *t, const char *color, const char *s, size_t n);
void table_str(struct table *t, const char *color, const char *s);

/* "1234567", "1234k" where that has no room. */
void table_number(struct table *t, const char *color, int64_t n);

/* "3m": core/clock.h. */
void table_age(struct table *t, const char *color, int64_t ms);

/* The row is over; cells that are missing stay empty. */
void table_end(struct table *t);

#endif
