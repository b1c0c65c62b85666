/*
 * What the answer of a handler must be: a jq program that looks at its stdout.
 * Handlers with the same program share a process.
 */
#ifndef HANDLER_EXPECT_H
#define HANDLER_EXPECT_H

#include <stddef.h>

#include "core/err.h"
#include "core/jq.h"

struct job;

struct expect {
	char *text;
	struct jq_program *program;
	struct job *asker; /* whose answer it looks at; NULL: it is idle */
};

struct expects {
	struct expect **items;
	size_t n;
};

/* The one with this program, started if need be.  NULL: as jq_program_open. */
struct expect *expects_open(
    struct expects *all, const char *text, struct err *e);
void expects_release(struct expects *all);

#endif
