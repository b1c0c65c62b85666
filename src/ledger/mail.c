#include "ledger/mail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/mail_engines.h"

static const struct mail_ops *const engines[] = {
    &mail_sqlite_ops,
    &mail_mem_ops,
    &mail_fail_ops,
    &mail_trace_ops,
};

static const char *const state_names[MAIL_STATES] = {
    [MAIL_STORED] = "stored",
    [MAIL_READY] = "ready",
    [MAIL_SCHEDULED] = "scheduled",
    [MAIL_LEASED] = "leased",
    [MAIL_SUCCEEDED] = "succeeded",
    [MAIL_SKIPPED] = "skipped",
    [MAIL_DEAD] = "dead",
    [MAIL_DEFERRED] = "deferred",
    [MAIL_PARKED] = "parked",
    [MAIL_DROPPED] = "dropped",
};

static const char *const status_names[] = {
    [STATUS_OK] = "ok",
    [STATUS_RETRY] = "retry",
    [STATUS_SNOOZE] = "snooze",
    [STATUS_SKIP] = "skip",
    [STATUS_FAIL] = "fail",
    [STATUS_UNCERTAIN] = "uncertain",
};

static const struct mail_transition transitions[] = {
    [STATUS_NONE] = {MAIL_READY, 0, false},
    [STATUS_OK] = {MAIL_SUCCEEDED, 1, false},
    [STATUS_RETRY] = {MAIL_DEFERRED, 1, true},
    [STATUS_SNOOZE] = {MAIL_SCHEDULED, 0, true},
    [STATUS_SKIP] = {MAIL_SKIPPED, 0, false},
    [STATUS_FAIL] = {MAIL_DEAD, 1, false},
    [STATUS_UNCERTAIN] = {MAIL_PARKED, 1, false},
};

const char *
mail_state_name(enum mail_state state)
{
	return state_names[state];
}

int
mail_state_parse(const char *name)
{
	for (int i = 0; i < MAIL_STATES; i++)
		if (strcmp(state_names[i], name) == 0)
			return i;
	return -1;
}

int
mail_status_parse(const char *name)
{
	for (int i = STATUS_OK; i <= STATUS_UNCERTAIN; i++)
		if (strcmp(status_names[i], name) == 0)
			return i;
	return -1;
}

struct mail_transition
mail_transition(enum mail_status status)
{
	return transitions[status];
}

enum mail_state
mail_interrupted_state(const char *stage)
{
	return strcmp(stage, "mail-send") == 0 ? MAIL_PARKED : MAIL_READY;
}

char *
mail_lease_format(const struct mail_lease *l, char text[LEASE_TEXT])
{
	snprintf(text, LEASE_TEXT, "%s.%lld", l->owner, (long long)l->delivery);
	return text;
}

int
mail_lease_parse(struct mail_lease *l, const char *text)
{
	const char *dot = strchr(text, '.');
	char *end;
	long long n;

	if (dot == NULL || dot == text ||
	    (size_t)(dot - text) >= sizeof l->owner || dot[1] < '0' ||
	    dot[1] > '9')
		return -1;
	errno = 0;
	n = strtoll(dot + 1, &end, 10);
	if (errno != 0 || *end != '\0')
		return -1;
	memcpy(l->owner, text, (size_t)(dot - text));
	l->owner[dot - text] = '\0';
	l->delivery = n;
	return 0;
}

static const struct mail_ops *
find_ops(const char *spec, const char **rest)
{
	const char *colon = strchr(spec, ':');

	for (size_t i = 0; i < sizeof engines / sizeof *engines; i++) {
		size_t n = strlen(engines[i]->scheme);

		if (colon == NULL || n != (size_t)(colon - spec) ||
		    strncmp(engines[i]->scheme, spec, n) != 0)
			continue;
		*rest = colon + 1;
		return engines[i];
	}
	return NULL;
}

struct mail_engine *
mail_open(struct state *s, const char *spec, struct err *e)
{
	const char *rest;
	const struct mail_ops *ops = find_ops(spec, &rest);
	struct mail_engine *m;

	if (ops == NULL) {
		err_set(e, ERR_TEMP, "engines.mail: unknown engine \"%.60s\"",
		    spec);
		return NULL;
	}
	m = ops->open(s, rest, e);
	if (m != NULL) {
		m->ops = ops;
		m->state = s;
	}
	return m;
}

void
mail_close(struct mail_engine *m)
{
	if (m != NULL)
		m->ops->close(m);
}

unsigned
mail_caps(const char *spec)
{
	const char *rest = "";
	const struct mail_ops *ops = find_ops(spec, &rest);

	if (ops == NULL)
		return 0;
	/* "sqlite:direct": rows are written by the receiver itself. */
	return strcmp(rest, "direct") == 0 ? ops->caps & ~MAIL_CAN_INTAKE
					   : ops->caps;
}
