/*
 * stdin of an event loop: records, from the lines that are there.  It never
 * waits, and reads only when it is told to.
 */
#ifndef CORE_INLET_H
#define CORE_INLET_H

#include <stdbool.h>
#include <stddef.h>

#include "core/json.h"
#include "core/jsonl.h"

struct inlet {
	struct jsonl in;
	bool is_open; /* more may come */
};

/* A record, and the line that it came as, which is good until inlet_read. */
struct inlet_line {
	json rec;
	const char *text;
	size_t len;
	size_t no;
};

void inlet_init(struct inlet *in);
void inlet_release(struct inlet *in);

/*
 * The next record of what was read; its rec is the caller's.  false: there is
 * none, read more.  Lines that are no records are reported (tool_failed), as is
 * a cut last one.
 */
bool inlet_next(struct inlet *in, struct inlet_line *line);

/* Read what is there, when poll(2) says that something is. */
void inlet_read(struct inlet *in);

#endif
