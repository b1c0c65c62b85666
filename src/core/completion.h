/*
 * What a shell needs to complete the command lines of a tool, made from its
 * tables.  `TOOL --completion bash` and `zsh` print it; make install keeps it
 * where these shells look.
 */
#ifndef CORE_COMPLETION_H
#define CORE_COMPLETION_H

#include "core/buf.h"
#include "core/tool.h"

/* ERR_USAGE: an unknown shell. */
int completion_write(
    const struct tool *tool, const char *shell, struct buf *out, struct err *e);

/* Below this line, for core/completion*.c only. */

void completion_bash(const struct tool *tool, struct buf *out);
void completion_zsh(const struct tool *tool, struct buf *out);

/* What stands for an argument or operand of this name. */
enum completion_kind {
	COMPLETE_NOTHING,
	COMPLETE_FILES, /* FILE */
	COMPLETE_DIRS, /* DIR */
	COMPLETE_COMMANDS, /* COMMAND: and its arguments */
};

/* A word of a verb's operands, "FILE", or with a prefix: "mbox:" FILE. */
struct completion_operand {
	const char *prefix; /* "mbox", "" without one */
	size_t prefix_len;
	enum completion_kind kind;
};

/* The next one of *operands, which moves on.  false: there is none. */
bool completion_next(const char **operands, struct completion_operand *o);

enum completion_kind completion_of_option(const struct option_row *r);

/* "mail_store", for the name of a function. */
void completion_add_name(struct buf *out, const struct tool *tool);

#endif
