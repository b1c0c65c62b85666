/* How fast a run makes mail ready, and how long it may take. */
#ifndef RETRY_PACE_H
#define RETRY_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

struct pace {
	double per_s; /* 0: as fast as it goes */
	int64_t budget_ms; /* 0: as long as it takes */
	/* Kept by what follows: */
	int64_t started_at; /* monotonic */
	int64_t given;
};

/* "20", "20/s", "100/m", "1000/h".  ERR_USAGE. */
int pace_parse(struct pace *p, const char *text, struct err *e);

void pace_start(struct pace *p);

/* How many at a time, of at most max, keep an even pace. */
size_t pace_batch(const struct pace *p, size_t max);

/*
 * Wait until n more may go: at no moment more have gone than the rate allows
 * since the start, and one batch.  false: the time is over before that.
 */
bool pace_wait(struct pace *p, size_t n);

/* The time is over. */
bool pace_is_over(const struct pace *p);

#endif
