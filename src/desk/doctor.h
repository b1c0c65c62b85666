/* mail-store doctor: what is wrong with a state directory, and what to do. */
#ifndef DESK_DOCTOR_H
#define DESK_DOCTOR_H

#include "core/err.h"
#include "core/look.h"

/*
 * Print a line for each check: {"check":"space","status":"ok|warn|fail",
 * "detail":"…"}, or a row of a table.  ERR_TEMP when one of them is a fail.
 */
int doctor_run(const struct look *look, struct err *e);

#endif
