#include "core/clock.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	DAY_MS = 86400000,
};

static int64_t
read_clock(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t
set_by_test(int64_t now, const char *how)
{
	struct err e = ERR_INIT;
	int64_t s = 0;

	if (how[0] == '\0' || duration_parse(how + 1, &s, &e) == -1)
		return now;
	switch (how[0]) {
	case '@':
		return s * 1000;
	case '+':
		return now + s * 1000;
	case '-':
		return now - s * 1000;
	default:
		return now;
	}
}

int64_t
clock_now_ms(void)
{
	const char *how = getenv("MAILPIPE_CLOCK");
	int64_t now = read_clock(CLOCK_REALTIME);

	return how == NULL ? now : set_by_test(now, how);
}

int64_t
clock_mono_ms(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int
clock_left_ms(int64_t due)
{
	int64_t left;

	if (due == INT64_MAX)
		return -1;
	left = due - clock_mono_ms();
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/*
 * Days since the epoch and back, in the proleptic Gregorian calendar (H.
 * Hinnant, "chrono-compatible low-level date algorithms").  The C library's own
 * would read the time zone's file first, in every process.
 */
static int64_t
days_from_civil(int64_t y, int m, int d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void
civil_from_days(int64_t z, int *y, int *m, int *d)
{
	int64_t era, doe, yoe, doy, mp;

	z += 719468;
	era = (z >= 0 ? z : z - 146096) / 146097;
	doe = z - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*y = (int)(yoe + era * 400 + (*m <= 2));
}

char *
clock_format(int64_t ms, char text[CLOCK_TEXT])
{
	int64_t day = ms / DAY_MS, rest = ms % DAY_MS;
	int y, m, d;

	if (rest < 0) {
		rest += DAY_MS;
		day--;
	}
	civil_from_days(day, &y, &m, &d);
	snprintf(text, CLOCK_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", y, m,
	    d, (int)(rest / 3600000), (int)(rest / 60000 % 60),
	    (int)(rest / 1000 % 60), (int)(rest % 1000));
	return text;
}

/* The offset after the seconds: "Z" or "+09:00".  In seconds, or -1. */
/* n digits, and one of the characters in after, unless that is "". */
static bool
take_digits(const char **s, int n, const char *after, int *value)
{
	*value = 0;
	for (; n > 0; n--, ++*s) {
		if (**s < '0' || **s > '9')
			return false;
		*value = *value * 10 + (**s - '0');
	}
	if (after[0] == '\0')
		return true;
	return **s != '\0' && strchr(after, *(*s)++) != NULL;
}

static int
parse_offset(const char *s, int *offset)
{
	int h, m, sign = *s == '-' ? -1 : 1;

	*offset = 0;
	if (strcmp(s, "Z") == 0 || strcmp(s, "z") == 0)
		return 0;
	if (*s != '+' && *s != '-')
		return -1;
	s++;
	if (!take_digits(&s, 2, ":", &h) || !take_digits(&s, 2, "", &m) ||
	    *s != '\0' || h > 23 || m > 59)
		return -1;
	*offset = (h * 60 + m) * 60 * sign;
	return 0;
}

static int
parse_rfc3339(const char *s, int64_t *ms)
{
	int y, m, d, hour, min, sec, offset;
	int64_t frac = 0, unit = 100;

	if (!take_digits(&s, 4, "-", &y) || !take_digits(&s, 2, "-", &m) ||
	    !take_digits(&s, 2, "Tt ", &d) || !take_digits(&s, 2, ":", &hour) ||
	    !take_digits(&s, 2, ":", &min) || !take_digits(&s, 2, "", &sec))
		return -1;
	if (y < 1 || m < 1 || m > 12 || d < 1 || d > 31 || hour > 23 ||
	    min > 59 || sec > 60)
		return -1;
	if (*s == '.')
		for (s++; *s >= '0' && *s <= '9'; s++, unit /= 10)
			frac += (*s - '0') * unit;
	if (parse_offset(s, &offset) == -1)
		return -1;
	*ms = days_from_civil(y, m, d) * DAY_MS +
	      (hour * 3600 + min * 60 + sec - offset) * 1000LL + frac;
	return 0;
}

int
clock_parse(const char *text, int64_t *ms, struct err *e)
{
	int64_t s = 0;

	if (text[0] == '@' || text[0] == '+') {
		if (duration_parse(text + 1, &s, e) == -1)
			return -1;
		*ms = text[0] == '@' ? s * 1000 : clock_now_ms() + s * 1000;
		return 0;
	}
	if (parse_rfc3339(text, ms) == -1)
		return err_set(e, ERR_USAGE,
		    "\"%.40s\" is not a time: write 2026-11-21T23:06:00Z, "
		    "@1795302360 or +2h",
		    text);
	return 0;
}

/* Milliseconds, and times that are so far away, are numbers still. */
#define DURATION_MAX_S INT64_C(1000000000000)

int
duration_parse(const char *text, int64_t *seconds, struct err *e)
{
	static const char units[] = "smhd";
	static const int64_t each[] = {1, 60, 3600, 86400};
	const char *u;
	char *end;
	long long n;

	errno = 0;
	n = strtoll(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || errno != 0 || n > DURATION_MAX_S)
		goto bad;
	if (*end == '\0') {
		*seconds = n;
		return 0;
	}
	u = strchr(units, *end);
	if (u == NULL || end[1] != '\0')
		goto bad;
	if (n > DURATION_MAX_S / each[u - units])
		goto bad;
	*seconds = n * each[u - units];
	return 0;
bad:
	return err_set(e, ERR_USAGE,
	    "\"%.40s\" is not a duration: write 90, 90s, 5m, 2h or 7d", text);
}

char *
clock_age(int64_t ms, char text[CLOCK_TEXT])
{
	/* In units of two or more, up to what has four characters. */
	static const struct {
		int64_t s, below;
		char unit;
	} units[] = {
	    {1, 120, 's'},
	    {60, 120 * 60LL, 'm'},
	    {3600, 48 * 3600LL, 'h'},
	    {86400, 1000 * 86400LL, 'd'},
	    {365 * 86400LL, INT64_MAX, 'y'},
	};
	int64_t s = ms > 0 ? ms / 1000 : 0;
	size_t i = 0;

	while (s >= units[i].below)
		i++;
	snprintf(text, CLOCK_TEXT, "%lld%c", (long long)(s / units[i].s),
	    units[i].unit);
	return text;
}
