#include "queue/breaker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/id.h"
#include "core/tool.h"

bool
breaker_is_trouble(const char *class)
{
	static const char *const troubles[] = {
	    "credentials", "configuration", "network"};

	for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++)
		if (class != NULL && strcmp(class, troubles[i]) == 0)
			return true;
	return false;
}

/* A handler's name, "@" and a transport's, or that of the command line. */
static bool
is_route(const char *s)
{
	if (s == NULL || strcmp(s, MAIL_ROUTE_COMMAND) == 0)
		return s != NULL;
	s += s[0] == '@';
	return name_valid(s, strlen(s));
}

static struct mail_run *
find_run(struct breaker_runs *runs, const char *queue, const char *route)
{
	struct mail_run *r;

	for (size_t i = 0; i < runs->n; i++) {
		r = &runs->all[i];
		if (strcmp(r->queue, queue) == 0 &&
		    strcmp(r->route, route) == 0)
			return r;
	}
	runs->all = xrealloc(runs->all, runs->n + 1, sizeof *runs->all);
	r = &runs->all[runs->n++];
	*r = (struct mail_run){.queue = queue,
	    .route = route,
	    .class = "",
	    .is_first = true,
	    .reason = ""};
	return r;
}

static void
add_to_run(
    struct mail_run *r, bool is_new, const char *class, const char *reason)
{
	if (strcmp(r->class, class) != 0) {
		r->is_first = is_new;
		r->class = class;
		r->n = 0;
		r->limit = 0;
	}
	r->n += class[0] != '\0';
	r->reason = reason != NULL ? reason : "";
}

/* Does it say itself that the route is out of order? */
static bool
is_holding(json result)
{
	return json_true(result, "holds");
}

/* Or that it is not, in spite of its class? */
static bool
is_absolving(json result)
{
	json holds = json_member(result, "holds", JSON_FALSE);
	bool is_it = json_is_valid(holds);

	json_free(holds);
	return is_it;
}

/* "": it was no trouble of the route's. */
static const char *
trouble_of(json result)
{
	const char *class = json_str(result, "class");

	if (is_absolving(result))
		return "";
	if (breaker_is_trouble(class))
		return class;
	if (!is_holding(result))
		return "";
	return class != NULL && name_valid(class, strlen(class))
		   ? class
		   : "configuration";
}

/* Did it show whether the route works? */
static bool
is_telling(json result)
{
	const char *status = json_str(result, "status");

	if (is_holding(result))
		return true;
	if (status == NULL || strcmp(status, "skip") == 0)
		return false;
	/* What a server has answered tells, also where it costs no attempt. */
	return strcmp(status, "snooze") != 0 ||
	       (trouble_of(result)[0] != '\0' &&
		   json_int(result, "code", 0) > 0);
}

void
breaker_add(struct breaker_runs *runs, json rec)
{
	json result = json_member(rec, "result", JSON_OBJECT);
	json lease = json_member(rec, "lease", JSON_OBJECT);
	const char *route = json_str(result, "route");
	const char *queue = json_str(lease, "queue");
	size_t n = runs->n;
	struct mail_run *run;

	if (is_route(route) && queue != NULL &&
	    name_valid(queue, strlen(queue)) && is_telling(result)) {
		run = find_run(runs, queue, route);
		add_to_run(run, runs->n > n, trouble_of(result),
		    json_str(result, "reason"));
		/* One of these is enough. */
		if (is_holding(result))
			run->limit = 1;
	}
	json_free(result); /* rec still holds them */
	json_free(lease);
}

static void
say(const struct mail_run *r)
{
	char rows[48] = "";

	if (r->total > 1)
		snprintf(rows, sizeof rows, "%lld results in a row were ",
		    (long long)r->total);
	if (r->is_opened)
		tool_say("%s: route %s is held: %strouble with %s (%.200s); "
			 "one mail is tried every %lld s, and the first that "
			 "works ends it, as does mail-queue resume --route %s "
			 "%s",
		    r->queue, r->route, rows, r->class, r->reason,
		    (long long)r->probe_ms / 1000, r->route, r->queue);
	if (r->is_closed)
		tool_say("%s: route %s works again, it is not held any more",
		    r->queue, r->route);
}

void
breaker_end(struct queue *q, struct breaker_runs *runs)
{
	const struct config *c = &q->state->config;
	int64_t limit = config_int(c, "breaker.results", BREAKER_RESULTS);
	int64_t probe_s =
	    config_in_duration_s(c->root, "breaker.probe", BREAKER_PROBE_S);
	struct err e = ERR_INIT;
	int r = 0;

	for (size_t i = 0; i < runs->n; i++) {
		if (limit == 0 || runs->all[i].limit == 0)
			runs->all[i].limit = limit;
		runs->all[i].probe_ms = probe_s * 1000;
	}
	if (runs->n > 0)
		r = q->mail->ops->runs(
		    q->mail, runs->all, runs->n, clock_now_ms(), &e);
	if (r == -1)
		tool_say("breakers: %s", e.text);
	for (size_t i = 0; r == 0 && i < runs->n; i++)
		say(&runs->all[i]);
	free(runs->all);
	*runs = (struct breaker_runs){0};
}
