/* mail-store show: mails whole, as JSON lines or for people. */
#ifndef QUEUE_SHOW_H
#define QUEUE_SHOW_H

#include <stdbool.h>

#include "core/err.h"
#include "queue/engines.h"

struct show {
	bool is_table; /* queue/page.h */
	bool is_colored;
};

/*
 * What form names, "json" or "table"; NULL: a table on a terminal, JSON
 * elsewhere.  Colours on a terminal only, one that is not "dumb", and not with
 * NO_COLOR.  ERR_USAGE.
 */
int show_choose(const char *form, struct show *how, struct err *e);

/* Mail id to stdout.  ERR_DATA: no such mail. */
int show_mail(
    struct queue *q, const char *id, const struct show *how, struct err *e);

#endif
