/*
 * When a deferred mail is tried again, and when no more.  For each of schedule,
 * max and age, what is said first in
 *
 *   the command line
 *   tenants.T.retry.classes.C, tenants.T.retry
 *   retry.classes.C, retry
 *   what is built in for class C
 *
 * where C is "result.class".  They are asked for each look, so that a changed
 * configuration holds for what is deferred already.
 */
#ifndef RETRY_RULES_H
#define RETRY_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config.h"
#include "core/err.h"
#include "ledger/mail.h"

enum {
	RULES_AGE_S = 5 * 86400,
	RULES_REASON = 160, /* room for why a mail is spent */
};

struct rules {
	const struct config *config;
	const char *schedule; /* of the command line; NULL: none */
	int64_t max, age_s; /* the same; 0: none */
	bool is_now; /* all are due, and none is spent */
};

struct rule {
	const char *schedule;
	int64_t max; /* tries; 0: as many as the schedule has */
	int64_t age_s;
};

/* Borrowed from rules and its configuration. */
struct rule rules_of(
    const struct rules *rules, const char *tenant, const char *class);

/* What a rule means for the mails of a group (ledger/mail.h). */
struct fate {
	bool is_now;
	bool is_spent; /* no more tries, whenever: why says so */
	char why[RULES_REASON];
	int64_t step_ms, age_ms;
};

/* -1: ERR_USAGE, the schedule is none. */
int rules_fate(const struct rules *rules, const struct mail_group *group,
    struct fate *fate, struct err *e);

/* No mail of the group can be due that was deferred after this. */
int64_t fate_due_before(const struct fate *f, int64_t now);

/* No mail of the group can be too old that was queued after this. */
int64_t fate_old_before(const struct fate *f, int64_t now);

/*
 * When it is due: 80 to 100 % of the step, always the same for this mail and
 * try; never before what its result asked for ("after_s").
 */
int64_t fate_due_at(const struct fate *f, const struct mail_row *row);

enum decision {
	DECIDE_WAIT,
	DECIDE_READY,
	DECIDE_DEAD,
};

/* Of one mail; why has room for RULES_REASON and says what for. */
enum decision fate_decide(const struct fate *f, const struct mail_row *row,
    int64_t now, char why[RULES_REASON]);

#endif
