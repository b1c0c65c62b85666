#include "core/schedule.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

enum {
	STEP_MAX = 32, /* bytes of one step */
	TIMES_DIGITS = 6,
};

/* One step, "5m*2". */
struct step {
	int64_t wait_s, times; /* times 0: for ever */
};

/* A step without the blanks around it. */
static int
parse_step(const char *s, size_t len, struct step *step)
{
	struct err e = ERR_INIT;
	char text[STEP_MAX + 1], *star, *end;

	while (len > 0 && s[0] == ' ')
		s++, len--;
	while (len > 0 && s[len - 1] == ' ')
		len--;
	if (len == 0 || len > STEP_MAX)
		return -1;
	memcpy(text, s, len);
	text[len] = '\0';
	step->times = 1;
	star = strchr(text, '*');
	if (star != NULL) {
		*star++ = '\0';
		len = strlen(star);
		if (strspn(star, "0123456789") != len || len > TIMES_DIGITS)
			return -1;
		step->times = strtoll(star, &end, 10);
		if (len > 0 && step->times == 0)
			return -1;
	}
	return duration_parse(text, &step->wait_s, &e);
}

int
schedule_wait(const char *text, int64_t tries, int64_t *wait_s, struct err *e)
{
	struct step step = {.times = 1};
	int found = 0;
	size_t len;

	for (const char *s = text;; s += len + 1) {
		len = strcspn(s, ",");
		/* Nothing can come behind what is for ever. */
		if (step.times == 0 || parse_step(s, len, &step) == -1)
			return err_set(e, ERR_USAGE,
			    "\"%.60s\" is not a schedule: write 1m, 5m*2, "
			    "1h*3, 4h*",
			    text);
		if (found == 0 && (step.times == 0 || tries <= step.times)) {
			found = 1;
			*wait_s = step.wait_s;
		}
		tries -= step.times;
		if (s[len] == '\0')
			return found;
	}
}

int
schedule_check(const char *text, struct err *e)
{
	int64_t wait_s;

	return schedule_wait(text, 1, &wait_s, e) == -1 ? -1 : 0;
}
