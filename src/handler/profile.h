/*
 * What the end of a handler means: exit statuses, signals and time-outs, as one
 * mail system or another reads them.
 *
 *   safe     nothing costs a mail but what says "never" (the default)
 *   postfix  local(8), pipe(8): most is final, a time-out too
 *   qmail    qmail-command(8)
 *   custom   a map of the configuration
 */
#ifndef HANDLER_PROFILE_H
#define HANDLER_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "core/json.h"
#include "mail/dsn.h"

struct profile;

/* safe, postfix or qmail; NULL: there is no such one. */
const struct profile *profile_find(const char *name);
const char *profile_name(const struct profile *p);

/* All of its table: {"0":"ok",…,"signal":…,"timeout":…,"default":…,"dsn":true},
 * the last when a D.S.N in the output overrides an exit status. */
json profile_outcomes(const struct profile *p);

/*
 * From {"3":"skip","64":"fail","signal":"snooze","timeout":"uncertain",
 * "default":"retry"}: 0 is ok and all else is "default", else "retry", unless
 * it is named.  NULL: ERR_TEMP.  Free it with profile_free.
 */
struct profile *profile_custom(json map, struct err *e);
void profile_free(struct profile *p);

struct ending {
	bool is_timed_out;
	int status; /* of waitpid(2) */
	const char *output; /* its begin */
	size_t output_len;
};

struct verdict {
	const char *status; /* "ok", "retry", "fail", … */
	char dsn[DSN_TEXT]; /* what it is in Postfix's words; "" */
	size_t text_at; /* where the text behind a D.S.N begins in the output;
			   0: the output has none */
};

void profile_judge(
    const struct profile *p, const struct ending *end, struct verdict *v);

#endif
