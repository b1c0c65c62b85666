/* What the checks of `mail-store doctor` share: its lines. */
#ifndef DESK_DOCTOR_REPORT_H
#define DESK_DOCTOR_REPORT_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/look.h"
#include "core/table.h"
#include "queue/engines.h"

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_WARN, /* somebody should look */
	DOCTOR_FAIL, /* mail waits or is not safe */
};

struct doctor {
	struct state *state;
	struct queue *queue;
	const struct look *look;
	struct table table;
	struct buf out; /* not yet written */
	bool is_failed;
};

void doctor_begin(struct doctor *d);

/* One line; what is wrong, then what to do. */
void doctor_finding(struct doctor *d, const char *check,
    enum doctor_level level, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
