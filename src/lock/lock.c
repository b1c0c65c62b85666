#include "lock/lock.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/config.h"
#include "lock/lock_engines.h"

static const struct lock_ops *const engines[] = {
    &lock_sqlite_ops,
    &lock_mem_ops,
    &lock_fail_ops,
    &lock_trace_ops,
};

static const char *const state_names[LOCK_STATES] = {
    [LOCK_FREE] = "free",
    [LOCK_CLAIMED] = "claimed",
    [LOCK_DONE] = "done",
    [LOCK_UNCERTAIN] = "uncertain",
};

const char *
lock_state_name(enum lock_state state)
{
	return state_names[state];
}

int
lock_state_parse(const char *name)
{
	for (int i = 0; i < LOCK_STATES; i++)
		if (strcmp(state_names[i], name) == 0)
			return i;
	return -1;
}

static const struct lock_ops *
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

struct lock_engine *
lock_open(struct state *s, const char *spec, struct err *e)
{
	const char *rest;
	const struct lock_ops *ops = find_ops(spec, &rest);
	struct lock_engine *l;

	if (ops == NULL) {
		err_set(e, ERR_TEMP, "engines.locks: unknown engine \"%.60s\"",
		    spec);
		return NULL;
	}
	l = ops->open(s, rest, e);
	if (l != NULL)
		l->ops = ops;
	return l;
}

struct lock_engine *
lock_open_configured(struct state *s, struct err *e)
{
	return lock_open(
	    s, config_str(&s->config, "engines.locks", LOCK_DEFAULT), e);
}

int
lock_open_made(struct state *s, struct lock_engine **l, struct err *e)
{
	*l = NULL;
	if (config_str(&s->config, "engines.locks", NULL) == NULL &&
	    faccessat(s->dir, "lock.db", F_OK, 0) == -1)
		return 0;
	*l = lock_open_configured(s, e);
	return *l != NULL ? 1 : -1;
}

void
lock_close(struct lock_engine *l)
{
	if (l != NULL)
		l->ops->close(l);
}
