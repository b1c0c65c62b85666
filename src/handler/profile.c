#include "handler/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "core/buf.h"

enum {
	STATUSES = 256,
};

/* Exit statuses from first to last, and the D.S.N that Postfix has for it. */
struct rule {
	int first, last;
	const char *status, *dsn;
};

/* Without a rule for an exit status it is "other". */
struct profile {
	const char *name;
	struct rule signal, timeout, other;
	const struct rule *rules; /* ends with a row without status */
	bool takes_dsn; /* a D.S.N in the output overrides the exit status */
	bool is_2_final; /* even a 2.x.x, where a failure says so */
	struct rule *own; /* rules, when they are to be freed */
};

/*
 * sysexits that say "never", and qmail's 100.  Whatever else happens, a
 * handler's bug (PHP's 255) or a shell that did not find it (127) included,
 * must not cost a mail: it is tried again.
 */
static const struct rule safe_rules[] = {
    {0, 0, "ok", NULL},
    {65, 65, "fail", NULL}, /* EX_DATAERR */
    {67, 67, "fail", NULL}, /* EX_NOUSER */
    {77, 77, "fail", NULL}, /* EX_NOPERM */
    {100, 100, "fail", NULL}, /* qmail-command(8) */
    {0},
};

/* Postfix's sys_exits.c and pipe_command.c. */
static const struct rule postfix_rules[] = {
    {0, 0, "ok", NULL},
    {64, 64, "fail", "5.3.0"}, /* EX_USAGE */
    {65, 65, "fail", "5.6.0"}, /* EX_DATAERR */
    {66, 66, "fail", "5.3.0"}, /* EX_NOINPUT */
    {67, 67, "fail", "5.1.1"}, /* EX_NOUSER */
    {68, 68, "fail", "5.1.2"}, /* EX_NOHOST */
    {69, 69, "fail", "5.3.0"}, /* EX_UNAVAILABLE */
    {70, 70, "fail", "5.3.0"}, /* EX_SOFTWARE */
    {71, 71, "retry", "4.3.0"}, /* EX_OSERR */
    {72, 72, "fail", "5.3.0"}, /* EX_OSFILE */
    {73, 73, "fail", "5.2.0"}, /* EX_CANTCREAT */
    {74, 74, "fail", "5.3.0"}, /* EX_IOERR */
    {75, 75, "retry", "4.3.0"}, /* EX_TEMPFAIL */
    {76, 76, "fail", "5.5.0"}, /* EX_PROTOCOL */
    {77, 77, "fail", "5.7.0"}, /* EX_NOPERM */
    {78, 78, "fail", "5.3.5"}, /* EX_CONFIG */
    {0},
};

/* qmail-command(8): 99 is a success after which no other command is run. */
static const struct rule qmail_rules[] = {
    {0, 0, "ok", NULL},
    {64, 65, "fail", NULL},
    {70, 70, "fail", NULL},
    {76, 78, "fail", NULL},
    {99, 99, "ok", NULL},
    {100, 100, "fail", NULL},
    {111, 111, "retry", NULL},
    {112, 112, "fail", NULL},
    {0},
};

static const struct profile profiles[] = {
    {
	.name = "safe",
	.rules = safe_rules,
	.signal = {.status = "retry"},
	.timeout = {.status = "retry"},
	.other = {.status = "retry"},
	.takes_dsn = true,
    },
    {
	.name = "postfix",
	.rules = postfix_rules,
	.signal = {.status = "retry", .dsn = "4.3.0"},
	.timeout = {.status = "fail", .dsn = "5.3.0"},
	.other = {.status = "fail", .dsn = "5.3.0"},
	.takes_dsn = true,
	.is_2_final = true,
    },
    {
	.name = "qmail",
	.rules = qmail_rules,
	.signal = {.status = "retry"},
	/* It has none: what time may cure. */
	.timeout = {.status = "retry"},
	.other = {.status = "retry"},
    },
};

const struct profile *
profile_find(const char *name)
{
	for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++)
		if (strcmp(profiles[i].name, name) == 0)
			return &profiles[i];
	return NULL;
}

const char *
profile_name(const struct profile *p)
{
	return p->name;
}

json
profile_outcomes(const struct profile *p)
{
	json obj = json_object();
	char code[8];

	for (const struct rule *r = p->rules; r->status != NULL; r++)
		for (int i = r->first; i <= r->last; i++) {
			snprintf(code, sizeof code, "%d", i);
			if (!json_has(obj, code)) /* the first one counts */
				obj = json_set_str(obj, code, r->status);
		}
	obj = json_set_str(obj, "signal", p->signal.status);
	obj = json_set_str(obj, "timeout", p->timeout.status);
	obj = json_set_str(obj, "default", p->other.status);
	return json_set(obj, "dsn", json_bool(p->takes_dsn));
}

/* A status as a map may name it, in static memory; NULL: no such one. */
static const char *
find_status(const char *s)
{
	static const char *const known[] = {
	    "ok", "retry", "fail", "snooze", "skip", "uncertain"};

	for (size_t i = 0; s != NULL && i < sizeof known / sizeof *known; i++)
		if (strcmp(known[i], s) == 0)
			return known[i];
	return NULL;
}

static bool
parse_code(const char *key, struct rule *rule)
{
	char *end;
	long code = strtol(key, &end, 10);

	if (key[0] < '0' || key[0] > '9' || *end != '\0' || code >= STATUSES)
		return false;
	rule->first = rule->last = (int)code;
	return true;
}

static int
read_entry(struct profile *p, size_t *n, const char *key, const char *status,
    struct err *e)
{
	struct rule *rule = &p->own[*n];

	if (status == NULL)
		return err_set(e, ERR_TEMP,
		    "\"%.40s\": must be ok, retry, fail, snooze, skip or "
		    "uncertain",
		    key);
	if (strcmp(key, "signal") == 0)
		p->signal.status = status;
	else if (strcmp(key, "timeout") == 0)
		p->timeout.status = status;
	else if (strcmp(key, "default") == 0)
		p->other.status = status;
	else if (!parse_code(key, rule))
		return err_set(e, ERR_TEMP,
		    "\"%.40s\": must be an exit status from 0 to 255, "
		    "\"signal\", \"timeout\" or \"default\"",
		    key);
	else
		p->own[(*n)++].status = status;
	return 0;
}

struct profile *
profile_custom(json map, struct err *e)
{
	struct profile *p = xcalloc(1, sizeof *p);
	size_t n = 0, len;
	int r = 0;
	json v;

	p->name = "custom";
	/* One more for 0, and one for the end. */
	p->own = xcalloc((size_t)json_count(map) + 2, sizeof *p->own);
	p->rules = p->own;
	for (int i = 0; r == 0 && i < json_count(map); i++) {
		const char *key = json_key_at(map, i, &len);

		v = json_at(map, i);
		r = read_entry(p, &n, key,
		    json_kind(v) == JSON_STRING
			? find_status(json_string_value(v))
			: NULL,
		    e);
		json_free(v);
	}
	p->own[n].status = "ok"; /* exit status 0, which comes last */
	if (p->other.status == NULL)
		p->other.status = "retry";
	if (p->signal.status == NULL)
		p->signal.status = p->other.status;
	if (p->timeout.status == NULL)
		p->timeout.status = p->other.status;
	if (r == 0)
		return p;
	profile_free(p);
	return NULL;
}

void
profile_free(struct profile *p)
{
	if (p == NULL)
		return;
	free(p->own);
	free(p);
}

/* The status that a D.S.N in the output asks for, or NULL. */
static const char *
judge_dsn(const struct profile *p, const struct ending *end, struct verdict *v)
{
	size_t n = dsn_length(end->output, end->output_len);

	if (n == 0 || (end->output[0] == '2' && !p->is_2_final))
		return NULL;
	memcpy(v->dsn, end->output, n);
	v->dsn[n] = '\0';
	v->text_at = n;
	return end->output[0] == '4' ? "retry" : "fail";
}

static const struct rule *
find_rule(const struct profile *p, int code)
{
	const struct rule *rule = p->rules;

	while (
	    rule->status != NULL && (code < rule->first || code > rule->last))
		rule++;
	return rule->status != NULL ? rule : &p->other;
}

/* In Postfix's order: time limit, signal, success, D.S.N, exit status. */
void
profile_judge(
    const struct profile *p, const struct ending *end, struct verdict *v)
{
	const struct rule *rule;
	int code = WEXITSTATUS(end->status);

	*v = (struct verdict){0};
	if (end->is_timed_out)
		rule = &p->timeout;
	else if (!WIFEXITED(end->status))
		rule = &p->signal;
	else
		rule = find_rule(p, code);
	if (p->takes_dsn && !end->is_timed_out && WIFEXITED(end->status) &&
	    code != 0)
		v->status = judge_dsn(p, end, v);
	if (v->status != NULL)
		return;
	v->status = rule->status;
	if (rule->dsn != NULL)
		snprintf(v->dsn, sizeof v->dsn, "%s", rule->dsn);
}
