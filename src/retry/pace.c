#include "retry/pace.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/clock.h"

enum {
	BATCHES_A_SECOND = 10,
};

#define RATE_MAX 1e6
#define RATE_MIN 1e-6 /* one in eleven days */

int
pace_parse(struct pace *p, const char *text, struct err *e)
{
	static const char units[] = "smh";
	static const double seconds[] = {1, 60, 3600};
	const char *unit;
	char *end;
	double n = strtod(text, &end);

	if (text[0] < '0' || text[0] > '9' || !isfinite(n) || n <= 0)
		goto bad;
	if (*end == '/') {
		unit = end[1] != '\0' ? strchr(units, end[1]) : NULL;
		if (unit == NULL || end[2] != '\0')
			goto bad;
		n /= seconds[unit - units];
	} else if (*end != '\0') {
		goto bad;
	}
	if (n > RATE_MAX || n < RATE_MIN)
		goto bad;
	p->per_s = n;
	return 0;
bad:
	return err_set(e, ERR_USAGE,
	    "--rate: \"%.40s\" is not a rate: write 20/s, 100/m or 1000/h",
	    text);
}

void
pace_start(struct pace *p)
{
	p->started_at = clock_mono_ms();
	p->given = 0;
}

size_t
pace_batch(const struct pace *p, size_t max)
{
	double n = p->per_s / BATCHES_A_SECOND;

	if (p->per_s == 0 || n >= (double)max)
		return max;
	return n >= 1 ? (size_t)n : 1;
}

bool
pace_is_over(const struct pace *p)
{
	return p->budget_ms > 0 &&
	       clock_mono_ms() - p->started_at >= p->budget_ms;
}

static void
sleep_ms(int64_t ms)
{
	struct timespec t = {
	    .tv_sec = ms / 1000,
	    .tv_nsec = ms % 1000 * 1000000,
	};

	while (nanosleep(&t, &t) == -1 && errno == EINTR)
		continue;
}

bool
pace_wait(struct pace *p, size_t n)
{
	int64_t at, wait;

	if (pace_is_over(p))
		return false;
	if (p->per_s > 0) {
		at = p->started_at +
		     (int64_t)ceil((double)p->given * 1000 / p->per_s);
		if (p->budget_ms > 0 && at - p->started_at >= p->budget_ms)
			return false;
		wait = at - clock_mono_ms();
		if (wait > 0)
			sleep_ms(wait);
	}
	p->given += (int64_t)n;
	return true;
}
