/* Time: milliseconds since the epoch (UTC) inside, RFC 3339 outside. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdint.h>

#include "core/err.h"

enum {
	CLOCK_TEXT = 72, /* room for any formatted time */
};

/*
 * Now.  MAILPIPE_CLOCK in the environment sets it for tests: "@SECONDS" stands
 * still there, "+DURATION" and "-DURATION" run beside the real clock.
 */
int64_t clock_now_ms(void);

/* Milliseconds that only ever grow; for time limits, never stored. */
int64_t clock_mono_ms(void);

/* The time limit of poll(2): until due, of clock_mono_ms; INT64_MAX is never.
 */
int clock_left_ms(int64_t due);

/* "2026-11-21T23:06:00.123Z".  Returns text. */
char *clock_format(int64_t ms, char text[CLOCK_TEXT]);

/*
 * RFC 3339 with any offset, "@EPOCH" or "+DURATION" from now.  ERR_USAGE.
 */
int clock_parse(const char *text, int64_t *ms, struct err *e);

/* A length of time for people, in two to four characters: "42s", "3m", "2h",
 * "5d", "3y"; negative ones are "0s".  Returns text. */
char *clock_age(int64_t ms, char text[CLOCK_TEXT]);

/* "90", "90s", "5m", "2h", "7d" to seconds; at least 0.  ERR_USAGE. */
int duration_parse(const char *text, int64_t *seconds, struct err *e);

#endif
