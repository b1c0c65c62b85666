#include "mail/reply_after.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

enum {
	DIGITS_MAX = 6, /* of a number; a longer one is none */
	WORDS_BETWEEN = 3, /* of "in", "after" … and the number */
};

/* Letters, or digits. */
struct token {
	const char *data;
	size_t len;
	bool is_number;
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

/* The next one from *text on; its length is 0 at the end. */
static struct token
next_token(const char **text)
{
	struct token t = {*text, 0, false};

	while (*t.data != '\0' && !is_digit(*t.data) && !is_letter(*t.data))
		t.data++;
	t.is_number = is_digit(*t.data);
	while (t.is_number ? is_digit(t.data[t.len]) : is_letter(t.data[t.len]))
		t.len++;
	*text = t.data + t.len;
	return t;
}

static int64_t
number(const struct token *t)
{
	int64_t n = 0;

	if (!t->is_number || t->len > DIGITS_MAX)
		return 0;
	for (size_t i = 0; i < t->len; i++)
		n = n * 10 + (t->data[i] - '0');
	return n;
}

static bool
is_one_of(const struct token *t, const char *const *words)
{
	for (; *words != NULL; words++)
		if (t->len == strlen(*words) &&
		    strncasecmp(t->data, *words, t->len) == 0)
			return true;
	return false;
}

/* How many seconds one is; 0: it is no unit. */
static int64_t
unit(const struct token *t)
{
	static const char *const seconds[] = {
	    "s", "sec", "secs", "second", "seconds", NULL};
	static const char *const minutes[] = {
	    "m", "min", "mins", "minute", "minutes", NULL};
	static const char *const hours[] = {
	    "h", "hr", "hrs", "hour", "hours", NULL};
	static const char *const days[] = {"d", "day", "days", NULL};

	if (t->len == 0 || t->is_number)
		return 0;
	return is_one_of(t, seconds)   ? 1
	       : is_one_of(t, minutes) ? 60
	       : is_one_of(t, hours)   ? 3600
	       : is_one_of(t, days)    ? 24 * 3600
				       : 0;
}

/* "00:05:00", at text. */
static int64_t
clock_time(const char *text)
{
	int64_t s = 0;

	for (int i = 0; i < 3; i++) {
		if (!is_digit(text[0]) || !is_digit(text[1]) ||
		    (i < 2 ? text[2] != ':' : is_digit(text[2])))
			return 0;
		s = s * 60 + (int64_t)(text[0] - '0') * 10 + (text[1] - '0');
		text += 3;
	}
	return s;
}

/* "5 minutes" or "00:05:00", whose number is t and which goes on at text. */
static int64_t
period(const struct token *t, const char *text)
{
	struct token next;
	int64_t s = clock_time(t->data);

	if (s == 0) {
		next = next_token(&text);
		s = number(t) * unit(&next);
	}
	return s > REPLY_AFTER_MAX ? REPLY_AFTER_MAX : s;
}

int64_t
reply_after(const char *text)
{
	/* What speaks of coming again, and then of when. */
	static const char *const again[] = {"again", "back", "retry", "wait",
	    "later", "greylisted", "graylisted", "greylisting", "graylisting",
	    "deferred", "delayed", "resend", "reconnect", "available", NULL};
	static const char *const when[] = {
	    "in", "after", "for", "wait", "within", "least", NULL};
	bool is_again = false;
	int since_when = WORDS_BETWEEN + 1;
	struct token t;
	int64_t s;

	while ((t = next_token(&text)).len > 0) {
		if (t.is_number && is_again && since_when <= WORDS_BETWEEN &&
		    (s = period(&t, text)) > 0)
			return s;
		since_when++;
		if (is_one_of(&t, again))
			is_again = true;
		if (is_one_of(&t, when))
			since_when = 0;
	}
	return 0;
}
