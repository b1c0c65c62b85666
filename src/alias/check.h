/* A live aliases file and the configuration: does one fit the other? */
#ifndef ALIAS_CHECK_H
#define ALIAS_CHECK_H

#include "alias/line.h"
#include "core/config.h"
#include "core/err.h"
#include "core/option.h"

struct check_how {
	struct line_form form; /* for the lines that are to be written */
	const struct string_list *queues; /* that lines may name; none: all of
					     them the same one */
	const struct config *config;
};

/*
 * Each line that leads to mailpipe is one of the two forms, names tools that
 * are there, a tenant that has a handler, and the queue; each tenant that has a
 * handler gets mail by a line or a recipient of the configuration.  What is not
 * so is reported with what to write (ERR_DATA, tool_failed).  *e is set when a
 * file cannot be read.
 */
int check_aliases(
    char *const *files, const struct check_how *how, struct err *e);

#endif
