/*
 * stdout of an event loop: lines wait in memory until they can be written
 * without waiting, so that a slow reader holds up nothing else.
 */
#ifndef CORE_OUTLET_H
#define CORE_OUTLET_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"

struct outlet {
	struct buf out;
	size_t written; /* of out */
	bool is_gone; /* nothing can be written any more */
};

/* Add a line without its end; or its parts to o->out, and then the end. */
void outlet_line(struct outlet *o, const char *line, size_t len);
void outlet_end_line(struct outlet *o);

/* Write what can be written without waiting. */
void outlet_flush(struct outlet *o);

size_t outlet_unwritten(const struct outlet *o);

/* It is over with it: say why, once (tool_failed, ERR_TEMP). */
void outlet_failed(struct outlet *o, const char *why);

#endif
