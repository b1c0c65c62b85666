/* Which moments are missed, or too far away to be waited for. */
#include <stdio.h>

#include "send/moments.h"

static const struct {
	const char *what;
	int64_t after_ms; /* from its moment to now */
	bool is_paced, is_missed;
} rows[] = {
    {"it has come", 0, true, false},
    {"in time", RATE_LATE_MS, true, false},
    {"late", RATE_LATE_MS + 1, true, true},
    {"late, and nothing minds", 1000000, false, false},
    {"it comes", -MOMENTS_URGENT_WITHIN_MS, true, false},
    {"the clock was set back", -3600 * 1000, true, true},
    {"the same, and nothing minds", -3600 * 1000, false, true},
};

int
main(void)
{
	const int64_t now = 1800000000000;
	int failed = 0;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct letter l = {.at = now - rows[i].after_ms,
		    .is_paced = rows[i].is_paced,
		    .has_moment = true};

		if (moments_is_missed(&l, now) != rows[i].is_missed) {
			printf("%s: wrong\n", rows[i].what);
			failed++;
		}
	}
	return failed > 0;
}
