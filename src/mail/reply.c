#include "mail/reply.h"

#include <string.h>

#include "mail/reply_after.h"
#include "mail/reply_table.h"

static const char *const stage_names[REPLY_STAGES] = {
    [REPLY_CONNECT] = "connect",
    [REPLY_AUTH] = "auth",
    [REPLY_MAIL] = "mail",
    [REPLY_RCPT] = "rcpt",
    [REPLY_DATA] = "data",
    [REPLY_END] = "end",
};

const char *
reply_stage_name(enum reply_stage s)
{
	return (unsigned)s < REPLY_STAGES ? stage_names[s] : "?";
}

static bool
code_fits(const char *pattern, size_t len, int code)
{
	const char digits[] = {
	    (char)('0' + code / 100 % 10),
	    (char)('0' + code / 10 % 10),
	    (char)('0' + code % 10),
	};
	bool is_code = code >= 100 && code <= 999;

	if (len == strlen("none") && memcmp(pattern, "none", len) == 0)
		return !is_code;
	for (size_t i = 0; i < 3; i++)
		if (!is_code || i >= len ||
		    (pattern[i] != '.' && pattern[i] != digits[i]))
			return false;
	return true;
}

/* "*.7.*", "4.7.5*": a star is the rest of a part. */
static bool
enhanced_fits(const char *pattern, size_t len, const char *s)
{
	size_t i = 0;

	if (len == strlen("none") && memcmp(pattern, "none", len) == 0)
		return s[0] == '\0';
	if (s[0] == '\0')
		return false;
	for (; i < len; i++) {
		if (pattern[i] == '*')
			while (*s != '\0' && *s != '.')
				s++;
		else if (pattern[i] != *s++)
			return false;
	}
	return *s == '\0';
}

static size_t
pattern_length(const char *list)
{
	return strcspn(list, ",");
}

/* On to the next pattern of a list. */
static const char *
next_pattern(const char *list)
{
	list += pattern_length(list);
	return *list == ',' ? list + 1 : list;
}

static bool
codes_fit(const struct reply_rule *rule, const struct reply *r)
{
	bool fits = rule->codes[0] == '\0';
	const char *p;

	for (p = rule->codes; *p != '\0' && !fits; p = next_pattern(p))
		fits = code_fits(p, pattern_length(p), r->code);
	if (!fits)
		return false;
	fits = rule->enhanced[0] == '\0';
	for (p = rule->enhanced; *p != '\0' && !fits; p = next_pattern(p))
		fits = enhanced_fits(p, pattern_length(p), r->enhanced);
	return fits;
}

/* Are the phrases in the text, one behind the other? */
static bool
phrases_fit(const char *phrase, const char *text)
{
	for (; *phrase != '\0'; phrase += strlen(phrase) + 1) {
		size_t len = strlen(phrase);

		text = strstr(text, phrase);
		if (text == NULL)
			return false;
		/* The blank behind one is also that before the next. */
		text += phrase[len - 1] == ' ' ? len - 1 : len;
	}
	return true;
}

static bool
words_fit(const struct reply_rule *rule, const char *text)
{
	if (rule->words == NULL)
		return true;
	for (size_t i = 0; rule->words[i] != NULL; i++)
		if (phrases_fit(rule->words[i], text))
			return true;
	return false;
}

static const struct reply_rule *
find_rule(const struct reply *r)
{
	char text[sizeof r->text + 4];
	const struct reply_rule *rule = reply_rules;

	unsigned stage =
	    (unsigned)r->stage < REPLY_STAGES ? r->stage : REPLY_END;

	reply_words(r->text, text, sizeof text);
	while ((rule->stages & 1u << stage) == 0 || !codes_fit(rule, r) ||
	       !words_fit(rule, text))
		rule++;
	return rule;
}

static const char *
status_name(enum reply_status s, int code)
{
	static const char *const names[] = {
	    [REPLY_OK] = "ok",
	    [REPLY_RETRY] = "retry",
	    [REPLY_SNOOZE] = "snooze",
	    [REPLY_FAIL] = "fail",
	};

	if (s == REPLY_BY_CODE)
		s = code / 100 == 5 ? REPLY_FAIL : REPLY_RETRY;
	return names[s];
}

struct reply_verdict
reply_classify(const struct reply *r)
{
	const struct reply_rule *rule = find_rule(r);
	struct reply_verdict v = {
	    .status = status_name(rule->status, r->code),
	    .class = rule->class,
	    .rule = rule->name,
	    .is_transport = rule->is_transport,
	    .is_slow_down = rule->is_slow_down,
	};

	if (strcmp(v.status, "retry") == 0 || strcmp(v.status, "snooze") == 0)
		v.after_s = reply_after(r->text);
	if (v.after_s == 0)
		v.after_s = rule->after_s;
	return v;
}
