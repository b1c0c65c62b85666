/* The ledger engines that there are; only ledger/mail.c and tests need this. */
#ifndef LEDGER_MAIL_ENGINES_H
#define LEDGER_MAIL_ENGINES_H

#include "ledger/mail.h"

/*
 * "sqlite:" is mail.db below the state directory; "sqlite:direct" the same
 * without the intake, for comparison (tests/bench).
 */
extern const struct mail_ops mail_sqlite_ops;
extern const struct mail_ops mail_mem_ops; /* "mem:" SQLite in memory */
extern const struct mail_ops mail_fail_ops; /* "fail:N:SPEC" */
extern const struct mail_ops mail_trace_ops; /* "trace:SPEC" */

/* Bring mail.db to the version of this program, and count its rows anew. */
int mail_sqlite_upgrade(struct state *s, struct err *e);

#endif
