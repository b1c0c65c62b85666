/*
 * From an aliases file to a configuration: each command becomes a tenant, named
 * as its alias, with a handler of the same name.
 *
 *   {"tenants":{T:{"handler":T,"in_flight":2}},
 *    "handlers":{T:{"argv":[…],"profile":"postfix","message":"postfix",
 *                   "time_limit_s":1000}}}
 *
 * as Postfix runs it: two at a time of an alias, 1000 seconds each
 * (local_destination_concurrency_limit, command_time_limit; postconf(5)).
 */
#ifndef ALIAS_IMPORT_H
#define ALIAS_IMPORT_H

#include <stdbool.h>

#include "alias/line.h"
#include "core/buf.h"
#include "core/config.h"
#include "core/err.h"

struct import_how {
	struct line_form form;
	const char *smrsh; /* where smrsh has its programs; NULL: no smrsh */
	const struct config *config; /* the one in force */
};

struct import_result {
	struct buf config; /* one line of JSON, that our own schema takes */
	struct buf aliases; /* the lines for those entries that were mapped */
};

/*
 * Import a file.  What cannot be mapped is reported (ERR_DATA, tool_failed) and
 * left out; what is worth knowing is said.  out is to be released either way.
 */
int import_aliases(const char *path, const struct import_how *how,
    struct import_result *out, struct err *e);

void import_release(struct import_result *r);

#endif
