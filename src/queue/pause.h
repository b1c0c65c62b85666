/* `mail-queue pause`, `resume`: queues and tenants that take passes over. */
#ifndef QUEUE_PAUSE_H
#define QUEUE_PAUSE_H

#include <stdint.h>

#include "core/err.h"
#include "core/look.h"
#include "queue/engines.h"

/*
 * Pause a queue, or with tenant not NULL only its mail in it, until then (0:
 * until it is resumed).  What is leased goes on.
 */
int pause_set(struct queue *q, const char *queue, const char *tenant,
    int64_t until, const char *reason, struct err *e);

/*
 * Resume it, and end what it waits for its rate; where nothing was paused that
 * is said on stderr.
 */
int pause_end(
    struct queue *q, const char *queue, const char *tenant, struct err *e);

/* The same for a route whose breaker is open. */
int pause_end_route(
    struct queue *q, const char *queue, const char *route, struct err *e);

/*
 * Print what is paused: {"queue","tenant","route","at","until","reason"} a
 * line, or a table; what has no end has no "until".  Of a route, "until" is
 * when one of its mails is tried.  A tenant that waits for its rate has
 * "rate":true and "priority", up to which its mail waits.
 */
int pause_list(struct queue *q, const struct look *look, struct err *e);

#endif
