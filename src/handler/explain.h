/*
 * What mail-dispatch would do with the records on stdin, without doing it: no
 * lease is started, no handler run, no message opened.
 */
#ifndef HANDLER_EXPLAIN_H
#define HANDLER_EXPLAIN_H

#include <stdbool.h>

#include "core/err.h"
#include "handler/route.h"

/*
 * One JSON object a record: {"id","tenant","handler","argv","env","cwd",
 * "profile","outcomes","time_limit_s","message","expect","limits","nice",
 * "parallel"}, or with "error", or with "passes" for one that has a result.
 * for_people: paragraphs instead.  Failures are reported (tool_failed); -1 is
 * for what ends it (ERR_TEMP).
 */
int explain_records(struct routes *routes, bool for_people, struct err *e);

#endif
