/* When to try again: what is a schedule, and its waits one after the other. */
#include "core/schedule.h"

#include <stdio.h>

static const struct {
	const char *text;
	int64_t waits[8]; /* after the first try, the second...; -1: none */
} good[] = {
    {"1m", {60, -1}},
    {"1m, 5m*2, 1h*3, 4h*", {60, 300, 300, 3600, 3600, 3600, 14400, 14400}},
    {" 5 ,6s*1 , 7*", {5, 6, 7, 7, 7, 7, 7, 7}},
    {"0", {0, -1}},
    {"2d*3", {172800, 172800, 172800, -1}},
    {"1*999999", {1, 1, 1, 1, 1, 1, 1, 1}},
};

static const char *const bad[] = {
    "",
    " ",
    ",",
    "1m,",
    ",1m",
    "1m,,2m",
    "1m 2m",
    "*",
    "*2",
    "1m*0",
    "1m*-1",
    "1m*x",
    "1m*2*3",
    "1m *2",
    "1m* 2",
    "1m*1000000",
    "4h*, 1m",
    "1w",
    "-1m",
    "1.5h",
    "1m;2m",
    "1000000000000000m",
    "11111111111111111111111111111111111m",
};

int
main(void)
{
	int failures = 0;
	int64_t wait = 0;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		for (int n = 0; n < 8; n++) {
			int64_t want = good[i].waits[n];
			struct err e = ERR_INIT;
			int r = schedule_wait(good[i].text, n + 1, &wait, &e);

			if (r != (want != -1) || (r == 1 && wait != want)) {
				fprintf(stderr, "%s: %d: %d, %lld\n",
				    good[i].text, n, r, (long long)wait);
				failures++;
			}
			if (want == -1)
				break;
		}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = ERR_INIT;

		if (schedule_check(bad[i], &e) != -1 || e.class != ERR_USAGE) {
			fprintf(stderr, "taken: \"%s\"\n", bad[i]);
			failures++;
		}
	}
	return failures > 0;
}
