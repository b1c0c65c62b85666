#include "mail/date.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"

enum {
	YEAR_MIN = 1900, /* RFC 5322 3.3 */
	YEAR_MAX = 9999,
	NUMBERS = 3, /* of a date */
	MONTH_LETTERS = 3,
};

enum {
	ZONE_NONE = -1, /* nothing was said yet */
	ZONE_UNKNOWN = -2, /* something that says nothing */
};

/* What was found so far. */
struct date {
	int numbers[NUMBERS]; /* beside the time, in their order */
	int digits[NUMBERS]; /* how long each is written */
	int n;
	bool is_slashed; /* 11/12/2026: whose custom is it? */
	int month; /* by its name; 0: not yet */
	bool has_time;
	int hour, minute, second;
	int zone_sign, zone; /* minutes from UTC, or ZONE_… */
	bool is_zone_numeric;
};

/* The rest of the value. */
struct cursor {
	const char *p, *end;
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char
peek(const struct cursor *c)
{
	if (c->p == c->end)
		return '\0';
	return *c->p;
}

/* Comments nest; one without an end goes to the end of the value. */
static void
skip_comment(struct cursor *c)
{
	size_t depth = 0;

	for (; c->p < c->end; c->p++) {
		if (*c->p == '\\' && c->p + 1 < c->end)
			c->p++;
		else if (*c->p == '(')
			depth++;
		else if (*c->p == ')' && --depth == 0)
			break;
	}
	if (c->p < c->end)
		c->p++;
}

/* Digits; what is too large for any use stays too large. */
static int
read_number(struct cursor *c, int *digits)
{
	int number = 0;

	for (*digits = 0; is_digit(peek(c)); c->p++) {
		if (number <= YEAR_MAX)
			number = number * 10 + (*c->p - '0');
		if (*digits <= YEAR_MAX)
			++*digits;
	}
	return number;
}

/* ":SS" or ":MM"; -1: it is not there. */
static int
read_colon_number(struct cursor *c)
{
	int digits;

	if (peek(c) != ':' || c->p + 1 == c->end || !is_digit(c->p[1]))
		return -1;
	c->p++;
	return read_number(c, &digits);
}

/* After the hour: ":MM", ":MM:SS", ":MM:SS.fraction". */
static void
read_time(struct date *d, struct cursor *c, int hour)
{
	int digits;

	d->has_time = true;
	d->hour = hour;
	d->minute = read_colon_number(c);
	d->second = read_colon_number(c);
	if (d->second == -1)
		d->second = 0;
	if (peek(c) == '.') {
		c->p++;
		read_number(c, &digits);
	}
}

/* After '+' or '-': HHMM, HMM, HH, H, HH:MM. */
static void
read_zone(struct date *d, struct cursor *c, char sign)
{
	int digits, hours = read_number(c, &digits), minutes = 0;

	if (peek(c) == ':') {
		minutes = read_colon_number(c);
	} else if (digits > 2) {
		minutes = hours % 100;
		hours /= 100;
	}
	if (d->is_zone_numeric)
		return; /* the first one counts */
	d->is_zone_numeric = true;
	d->zone_sign = sign == '-' ? -1 : 1;
	d->zone = hours * 60 + minutes;
	if (digits > 4 || hours > 23 || minutes < 0 || minutes > 59 ||
	    (d->zone == 0 && sign == '-'))
		d->zone = ZONE_UNKNOWN; /* "-0000": RFC 5322 3.3 */
}

/*
 * RFC 5322 4.3, and JST.  The military letters were once defined with the wrong
 * sign, so they say nothing, and nor do other names: there are two EST, three
 * IST.
 */
static void
name_zone(struct date *d, const char *s, size_t n)
{
	static const struct {
		char name[4];
		int hours;
	} zones[] = {
	    {"UT", 0},
	    {"UTC", 0},
	    {"GMT", 0},
	    {"Z", 0},
	    {"EST", -5},
	    {"EDT", -4},
	    {"CST", -6},
	    {"CDT", -5},
	    {"MST", -7},
	    {"MDT", -6},
	    {"PST", -8},
	    {"PDT", -7},
	    {"JST", 9},
	};

	d->zone = ZONE_UNKNOWN;
	for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
		if (strlen(zones[i].name) != n ||
		    strncasecmp(zones[i].name, s, n) != 0)
			continue;
		d->zone_sign = zones[i].hours < 0 ? -1 : 1;
		d->zone = zones[i].hours * d->zone_sign * 60;
	}
}

/* 1 to 12; 0: no month.  "Sept" and "September" are months, too. */
static int
find_month(const char *s, size_t n)
{
	static const char *const months[] = {"january", "february", "march",
	    "april", "may", "june", "july", "august", "september", "october",
	    "november", "december"};

	for (int i = 0; i < 12; i++)
		if (n >= MONTH_LETTERS && n <= strlen(months[i]) &&
		    strncasecmp(months[i], s, n) == 0)
			return i + 1;
	return 0;
}

/* A month, a zone; or the day of the week and other things of no use. */
static void
take_word(struct date *d, struct cursor *c)
{
	const char *s = c->p;
	int month;

	while (is_letter(peek(c)))
		c->p++;
	month = find_month(s, (size_t)(c->p - s));
	if (month > 0 && d->month == 0)
		d->month = month;
	else if (d->has_time && d->zone == ZONE_NONE)
		name_zone(d, s, (size_t)(c->p - s));
}

static void
take_number(struct date *d, struct cursor *c)
{
	int digits, number = read_number(c, &digits);

	if (peek(c) == ':' && !d->has_time) {
		read_time(d, c, number);
	} else if (d->n < NUMBERS) {
		d->numbers[d->n] = number;
		d->digits[d->n++] = digits;
	}
}

static void
take(struct date *d, struct cursor *c)
{
	char at = peek(c);

	if (at == '(') {
		skip_comment(c);
		return;
	}
	if (is_digit(at)) {
		take_number(d, c);
		return;
	}
	if (is_letter(at)) {
		take_word(d, c);
		return;
	}
	c->p++;
	if (at == '/')
		d->is_slashed = true;
	else if (at == ';') /* of a Received field: the date comes now */
		*d = (struct date){.zone = ZONE_NONE};
	else if ((at == '+' || at == '-') && d->has_time && is_digit(peek(c)))
		read_zone(d, c, at);
}

static int
month_days(int year, int month)
{
	static const int days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return 29;
	return days[month - 1];
}

/* RFC 5322 4.3: what two or three digits mean. */
static int
full_year(int year, int digits)
{
	if (digits > 3)
		return year;
	return digits < 3 && year < 50 ? year + 2000 : year + 1900;
}

/*
 * Which number is the day, which the year: "21 Nov 2026", "Nov 21 2026",
 * "2026-11-21", "21 11 2026".
 */
static bool
set_date(const struct date *d, int *year, int *month, int *day)
{
	bool is_year_first = d->n > 0 && d->digits[0] > 2;
	int named = d->month > 0, last = d->n - 1;

	if (last != 2 - named || (d->is_slashed && !named && !is_year_first))
		return false;
	*month = named ? d->month : d->numbers[1];
	*day = d->numbers[is_year_first ? last : 0];
	*year = is_year_first ? full_year(d->numbers[0], d->digits[0])
			      : full_year(d->numbers[last], d->digits[last]);
	return *year >= YEAR_MIN && *year <= YEAR_MAX && *month >= 1 &&
	       *month <= 12 && *day >= 1 && *day <= month_days(*year, *month);
}

/* 60 is a leap second. */
static bool
is_time(const struct date *d)
{
	return d->has_time && d->hour <= 23 && d->minute >= 0 &&
	       d->minute <= 59 && d->second <= 60;
}

bool
date_parse(struct slice value, char text[DATE_TEXT])
{
	struct date d = {.zone = ZONE_NONE};
	struct cursor c = {value.data, value.data + value.len};
	int year, month, day;
	bool is_minus;

	while (c.p < c.end)
		take(&d, &c);
	if (!is_time(&d) || !set_date(&d, &year, &month, &day))
		return false;
	is_minus = d.zone < 0 || d.zone_sign < 0;
	if (d.zone < 0)
		d.zone = 0;
	snprintf(text, DATE_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d",
	    year, month, day, d.hour, d.minute, d.second, is_minus ? '-' : '+',
	    d.zone / 60, d.zone % 60);
	return true;
}

char *
date_format(int64_t ms, int offset, char text[DATE_TEXT])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const int64_t day_ms = 86400000;
	int64_t local = ms + offset * INT64_C(60000), day = local / day_ms;
	int minutes = offset < 0 ? -offset : offset, month;
	char iso[CLOCK_TEXT];

	if (local % day_ms < 0)
		day--;
	clock_format(local, iso); /* 2026-11-21T23:06:00… */
	month = (iso[5] - '0') * 10 + iso[6] - '0';
	snprintf(text, DATE_TEXT, "%.3s, %.2s %.3s %.4s %.8s %c%02d%02d",
	    days + ((day + 4) % 7 + 7) % 7 * 3, iso + 8,
	    names + (size_t)(month - 1) * 3, iso, iso + 11,
	    offset < 0 ? '-' : '+', minutes / 60 % 100, minutes % 60);
	return text;
}
