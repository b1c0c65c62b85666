/*
 * When to try again: waits one after the other, "1m, 5m*2, 1h*3, 4h*".  "5m*2"
 * is two of them, "4h*" at the end is every one from there on; blanks do not
 * count.
 */
#ifndef CORE_SCHEDULE_H
#define CORE_SCHEDULE_H

#include <stdint.h>

#include "core/err.h"

/* Is it one?  ERR_USAGE tells what to write. */
int schedule_check(const char *text, struct err *e);

/*
 * The wait after so many tries, from 1.  1 with *wait_s set; 0: the list has
 * ended; -1 as schedule_check.
 */
int schedule_wait(
    const char *text, int64_t tries, int64_t *wait_s, struct err *e);

#endif
