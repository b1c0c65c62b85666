/*
 * Which handler a record goes to, and how that is run: the one of the command
 * line for all records, else the one that the configuration gives to the
 * record's tenant,
 *
 *   tenants.T.handler, else "default"
 *
 * of "handlers": {H: {argv, profile, map, time_limit_s, cwd, env, message,
 * expect, nice, limits: {memory_bytes, cpu_s, files, processes, file_bytes},
 * parallel}}.
 */
#ifndef HANDLER_ROUTE_H
#define HANDLER_ROUTE_H

#include <stddef.h>
#include <stdint.h>

#include "core/config.h"
#include "core/err.h"
#include "core/spawn.h"
#include "handler/expect.h"
#include "handler/profile.h"
#include "mail/form.h"

enum {
	ROUTE_LIMIT_S = 900, /* of time, when nothing else is said */
	ROUTE_LIMIT_MAX_S = 30 * 86400,
};

struct route {
	char *name; /* of the handler; NULL: the command line's */
	char **words; /* COMMAND ARG..., with placeholders */
	char *cwd; /* or NULL */
	char **env; /* "NAME=value", added to what every handler has */
	enum mail_form form;
	const struct profile *profile;
	struct profile *own_profile; /* when it is to be freed */
	int64_t limit_ms;
	struct spawn_limits limits;
	char *expects; /* jq program, or NULL */
	struct expect *expect; /* the same, when it was started */
	size_t parallel; /* at once; 0: no cap of its own */
	size_t running; /* kept by the loop */
};

struct routes {
	const struct config *config;
	struct route *command; /* NULL: the configuration's */
	struct route **items; /* of the configuration, as far as asked for */
	size_t n;
	struct expects expects;
};

/*
 * For the command line.  The words are copied; the caller fills in the rest,
 * then has it checked as any other.
 */
struct route *routes_set_command(struct routes *all, char *const *words);

/* Are there handlers in the configuration? */
bool routes_are_configured(const struct routes *all);

/*
 * The route of a tenant, while all lives.  NULL: ERR_TEMP, there is none, or
 * what the configuration says is wrong.
 */
struct route *routes_find(
    struct routes *all, const char *tenant, struct err *e);

/*
 * What it takes to run something on it: its directory is there, its jq program
 * started.  ERR_TEMP; ERR_USAGE for a wrong -e.
 */
int route_open(struct routes *all, struct route *r, struct err *e);

void routes_release(struct routes *all);

#endif
