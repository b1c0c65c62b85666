#include "retry/rules.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/schedule.h"

static const int64_t for_ever_s = INT64_C(3153600000);

/*
 * What a rule is without a word of anybody's.  A handler that is broken is
 * mended by somebody; a limit or a network comes back by itself, and is asked
 * more often; whoever cannot log in does not knock all the time.  What kills
 * its handler's parent each time must end.
 */
static const struct {
	const char *class, *schedule;
} built_in[] = {
    {"handler", "1m, 5m*2, 1h*3, 4h*"},
    {"time-out", "5m*2, 1h*3, 4h*"},
    {"throttle", "1m*2, 5m*5, 30m*"},
    {"network", "1m*3, 5m*6, 30m*"},
    {"credentials", "5m*6, 1h*"},
    {"configuration", "5m*6, 1h*"},
    {MAIL_CLASS_INTERRUPTED, "1m*3, 15m, 1h, 4h"},
};

static size_t
find_class(const char *class)
{
	for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++)
		if (strcmp(built_in[i].class, class) == 0)
			return i;
	return 0;
}

/* The rest of a rule, as one "retry" has it; what is said stays. */
static void
add(struct rule *r, json retry, const char *class)
{
	json of_class = config_in(config_in(retry, "classes"), class);
	const json both[] = {of_class, retry};

	for (int i = 0; i < 2; i++) {
		if (r->schedule == NULL)
			r->schedule = config_in_str(both[i], "schedule", NULL);
		if (r->max == 0)
			r->max = config_in_int(both[i], "max", 0);
		if (r->age_s == 0)
			r->age_s = config_in_duration_s(both[i], "age", 0);
	}
}

struct rule
rules_of(const struct rules *rules, const char *tenant, const char *class)
{
	struct rule r = {rules->schedule, rules->max, rules->age_s};
	size_t i = find_class(class);

	add(&r, config_in(config_tenant(rules->config, tenant), "retry"),
	    built_in[i].class);
	add(&r, config_in(rules->config->root, "retry"), built_in[i].class);
	if (r.schedule == NULL)
		r.schedule = built_in[i].schedule;
	if (r.age_s == 0)
		r.age_s = RULES_AGE_S;
	return r;
}

/* No longer than time goes on. */
static int64_t
ms_of(int64_t s)
{
	return (s < for_ever_s ? s : for_ever_s) * 1000;
}

int
rules_fate(const struct rules *rules, const struct mail_group *group,
    struct fate *f, struct err *e)
{
	struct rule rule = rules_of(rules, group->tenant, group->class);
	int64_t step_s = 0;
	int r = schedule_wait(
	    rule.schedule, group->tries > 0 ? group->tries : 1, &step_s, e);

	*f = (struct fate){.is_now = rules->is_now,
	    .step_ms = ms_of(step_s),
	    .age_ms = ms_of(rule.age_s)};
	if (r == -1 || rules->is_now)
		return r == -1 ? -1 : 0;
	f->is_spent = r == 0 || (rule.max > 0 && group->tries >= rule.max);
	if (r == 0)
		snprintf(f->why, sizeof f->why,
		    "%lld tries: the schedule has no more",
		    (long long)group->tries);
	else if (f->is_spent)
		snprintf(f->why, sizeof f->why, "%lld tries, at most %lld",
		    (long long)group->tries, (long long)rule.max);
	return 0;
}

int64_t
fate_due_before(const struct fate *f, int64_t now)
{
	return f->is_now || f->is_spent ? INT64_MAX
					: now - (f->step_ms - f->step_ms / 5);
}

int64_t
fate_old_before(const struct fate *f, int64_t now)
{
	return now + f->step_ms - f->age_ms;
}

/* FNV-1a: in [0, 1000], the same for the same mail and try. */
static int64_t
draw_lot(const char *id, int64_t tries)
{
	uint64_t h = 14695981039346656037u;

	for (; *id != '\0'; id++)
		h = (h ^ (unsigned char)*id) * 1099511628211u;
	for (int i = 0; i < 8; i++)
		h = (h ^ ((uint64_t)tries >> (8 * i) & 0xff)) * 1099511628211u;
	h ^= h >> 32;
	return (int64_t)(h % 1001);
}

int64_t
fate_due_at(const struct fate *f, const struct mail_row *row)
{
	/* A fifth of it, at the most, is taken away. */
	int64_t less = f->step_ms / 5 * draw_lot(row->id, row->tries) / 1000;
	int64_t at = row->updated_at + f->step_ms - less;

	return at > row->due_at ? at : row->due_at;
}

enum decision
fate_decide(const struct fate *f, const struct mail_row *row, int64_t now,
    char why[RULES_REASON])
{
	int64_t due = fate_due_at(f, row);
	char age[CLOCK_TEXT];

	snprintf(why, RULES_REASON, "try %lld", (long long)row->tries + 1);
	if (f->is_now)
		return DECIDE_READY;
	if (f->is_spent) {
		snprintf(why, RULES_REASON, "%s", f->why);
		return DECIDE_DEAD;
	}
	if (due - row->since > f->age_ms) {
		snprintf(why, RULES_REASON,
		    "%lld tries: the next one would come after %s",
		    (long long)row->tries, clock_age(f->age_ms, age));
		return DECIDE_DEAD;
	}
	return now >= due ? DECIDE_READY : DECIDE_WAIT;
}
