/*
 * The targets of an aliases file that lead to mailpipe, in either form:
 *
 *   "|DIR/mail-deliver -t TENANT QUEUE"
 *   "|DIR/mail-ingest -t TENANT | DIR/mail-store put | DIR/mail-queue put QUEUE
 * || exit 75"
 */
#ifndef ALIAS_LINE_H
#define ALIAS_LINE_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/err.h"

struct line_form {
	const char *dir; /* of the tools, absolute */
	const char *queue;
	const char *state; /* -d of each tool; NULL: the one it finds itself */
	bool is_pipeline; /* the second form */
};

/* Can such a line be written?  ERR_USAGE. */
int line_check_form(const struct line_form *f, struct err *e);

/* "name: ", quoted where it must be; and a target for a tenant. */
void line_add_name(struct buf *out, const char *name);
void line_add_target(
    struct buf *out, const struct line_form *f, const char *tenant);

enum {
	LINE_TOOLS = 3,
};

/* What such a command says. */
struct line {
	char *tools[LINE_TOOLS]; /* as they are named */
	size_t n_tools;
	char *tenant, *queue, *state; /* NULL: none is given */
	bool is_pipeline;
	bool has_exit; /* "|| exit 75" */
	const char *why; /* it is not of these forms; NULL: it is */
};

/* Does a command start one of the receiving tools? */
bool line_is_ours(const char *command);

/* Read one; out is to be released. */
void line_read(const char *command, struct line *out);
void line_release(struct line *l);

#endif
