#include "handler/route.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/json.h"

/* Only they say what the environment has of the record. */
static const char *const reserved[] = {
    "MAIL_ID", "MAIL_TENANT", "MAIL_ATTEMPT", "MAIL_RECORD"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void
free_words(char **words)
{
	for (char **w = words; w != NULL && *w != NULL; w++)
		free(*w);
	free(words);
}

static void
route_free(struct route *r)
{
	if (r == NULL)
		return;
	free(r->name);
	free_words(r->words);
	free(r->cwd);
	free_words(r->env);
	free(r->expects);
	profile_free(r->own_profile);
	free(r);
}

static struct route *
route_new(const char *name)
{
	struct route *r = xcalloc(1, sizeof *r);

	r->name = name != NULL ? xstrdup(name) : NULL;
	r->form = FORM_RAW;
	r->profile = profile_find("safe");
	r->limit_ms = (int64_t)ROUTE_LIMIT_S * 1000;
	return r;
}

struct route *
routes_set_command(struct routes *all, char *const *words)
{
	size_t n = 0;

	all->command = route_new(NULL);
	while (words[n] != NULL)
		n++;
	all->command->words = xcalloc(n + 1, sizeof *words);
	for (size_t i = 0; i < n; i++)
		all->command->words[i] = xstrdup(words[i]);
	return all->command;
}

/* The configuration says it wrong: where, and what it must be. */
static int
wrong(const struct route *r, const char *key, const char *must, struct err *e)
{
	return err_set(
	    e, ERR_TEMP, "handlers.%s.%s: must be %s", r->name, key, must);
}

/* An array of strings, not empty. */
static int
read_words(struct route *r, json handler, struct err *e)
{
	json argv = json_member(handler, "argv", JSON_ARRAY);
	int n = json_count(argv), bad = 0;

	r->words = xcalloc((size_t)n + 1, sizeof *r->words);
	for (int i = 0; i < n; i++) {
		json v = json_at(argv, i);
		const char *s =
		    json_kind(v) == JSON_STRING ? json_string_value(v) : NULL;

		if (s == NULL || strlen(s) != json_string_len(v))
			bad++;
		r->words[i] = xstrdup(s != NULL ? s : "");
		json_free(v);
	}
	json_free(argv);
	if (n == 0 || bad > 0 || r->words[0][0] == '\0')
		return wrong(
		    r, "argv", "an array of strings, the program first", e);
	return 0;
}

static int
read_profile(struct route *r, json handler, struct err *e)
{
	const char *name = json_str(handler, "profile");
	json map;

	if (name == NULL)
		return 0;
	if (strcmp(name, "custom") != 0) {
		r->profile = profile_find(name);
		return r->profile != NULL
			   ? 0
			   : wrong(r, "profile",
				 "safe, postfix, qmail or custom", e);
	}
	map = json_member(handler, "map", JSON_OBJECT);
	r->own_profile = profile_custom(map, e);
	json_free(map);
	r->profile = r->own_profile;
	if (r->profile == NULL)
		return err_prefix(e, "handlers.%s.map", r->name);
	return 0;
}

/* A number of seconds, or "5m". */
static int
read_time(
    struct route *r, json handler, const char *key, int64_t *s, struct err *e)
{
	const char *text = json_str(handler, key);
	struct err unused = ERR_INIT;

	if (text != NULL && duration_parse(text, s, &unused) == -1)
		return wrong(r, key, "a duration such as \"5m\"", e);
	if (text == NULL)
		*s = json_int(handler, key, *s);
	return 0;
}

static int
read_env(struct route *r, json handler, struct err *e)
{
	json env = json_member(handler, "env", JSON_OBJECT);
	size_t n = 0, len;
	int bad = 0;

	r->env = xcalloc((size_t)json_count(env) + 1, sizeof *r->env);
	for (int i = 0; i < json_count(env); i++) {
		const char *name = json_key_at(env, i, &len);
		const char *value = json_str(env, name);

		if (value == NULL || len == 0 || strchr(name, '=') != NULL ||
		    strlen(name) != len)
			bad++;
		for (size_t k = 0; k < COUNT(reserved); k++)
			if (strcmp(name, reserved[k]) == 0)
				bad++;
		r->env[n++] =
		    xasprintf("%s=%s", name, value != NULL ? value : "");
	}
	json_free(env);
	if (bad > 0)
		return wrong(r, "env",
		    "an object of strings by name, none of MAIL_ID, "
		    "MAIL_TENANT, MAIL_ATTEMPT and MAIL_RECORD",
		    e);
	return 0;
}

static int
read_limits(struct route *r, json handler, struct err *e)
{
	json limits = json_member(handler, "limits", JSON_OBJECT);
	struct spawn_limits *l = &r->limits;
	int result;

	l->memory_bytes = json_int(limits, "memory_bytes", 0);
	l->files = json_int(limits, "files", 0);
	l->processes = json_int(limits, "processes", 0);
	l->file_bytes = json_int(limits, "file_bytes", 0);
	l->nice = (int)json_int(handler, "nice", 0);
	result = read_time(r, limits, "cpu_s", &l->cpu_s, e);
	json_free(limits);
	return result;
}

static char *
dup_str(json obj, const char *key)
{
	const char *s = json_str(obj, key);

	return s != NULL ? xstrdup(s) : NULL;
}

static int
read_route(struct route *r, json handler, struct err *e)
{
	const char *form = json_str(handler, "message");
	int64_t limit_s = ROUTE_LIMIT_S, parallel;
	int n = form != NULL ? form_parse(form) : FORM_RAW;

	r->cwd = dup_str(handler, "cwd");
	r->expects = dup_str(handler, "expect");
	parallel = json_int(handler, "parallel", 0);
	if (read_words(r, handler, e) == -1 ||
	    read_profile(r, handler, e) == -1 ||
	    read_time(r, handler, "time_limit_s", &limit_s, e) == -1 ||
	    read_env(r, handler, e) == -1 || read_limits(r, handler, e) == -1)
		return -1;
	if (n == -1)
		return wrong(r, "message", "raw, postfix or lf", e);
	if (limit_s < 1 || limit_s > ROUTE_LIMIT_MAX_S)
		return wrong(r, "time_limit_s", "1 s to 30 d", e);
	if (parallel < 0 || parallel > INT_MAX)
		return wrong(r, "parallel", "a number, 1 or more", e);
	r->form = (enum mail_form)n;
	r->limit_ms = limit_s * 1000;
	r->parallel = (size_t)parallel;
	return 0;
}

/* The only place that knows where in the configuration it stands. */
static json
find_handler(const struct config *c, const char *name)
{
	json all = json_member(c->root, "handlers", JSON_OBJECT);
	json handler = json_member(all, name, JSON_OBJECT);

	json_free(all);
	return handler;
}

/* The name of a tenant's handler, while c lives. */
static const char *
find_name(const struct config *c, const char *tenant)
{
	json all = json_member(c->root, "tenants", JSON_OBJECT);
	json one = json_member(all, tenant, JSON_OBJECT);
	const char *name = json_str(one, "handler");

	json_free(one); /* the root still holds it */
	json_free(all);
	return name != NULL ? name : "default";
}

bool
routes_are_configured(const struct routes *all)
{
	json handlers = json_member(all->config->root, "handlers", JSON_OBJECT);
	bool is_any = json_count(handlers) > 0;

	json_free(handlers);
	return is_any;
}

static struct route *
add_route(struct routes *all, const char *name, json handler, struct err *e)
{
	struct route *r = route_new(name);

	if (read_route(r, handler, e) == -1) {
		err_prefix(e, "%s", all->config->file);
		route_free(r);
		return NULL;
	}
	all->items = xrealloc(all->items, all->n + 1, sizeof *all->items);
	all->items[all->n++] = r;
	return r;
}

struct route *
routes_find(struct routes *all, const char *tenant, struct err *e)
{
	struct route *r = NULL;
	const char *name;
	json handler;

	if (all->command != NULL)
		return all->command;
	name = find_name(all->config, tenant);
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->items[i]->name, name) == 0)
			return all->items[i];
	handler = find_handler(all->config, name);
	if (json_is_valid(handler))
		r = add_route(all, name, handler, e);
	else if (strcmp(name, "default") == 0)
		err_set(e, ERR_TEMP,
		    "tenant %s has no handler: add tenants.%s.handler or "
		    "handlers.default to %.200s",
		    tenant, tenant, all->config->file);
	else
		err_set(e, ERR_TEMP,
		    "tenant %s: its handler %s is missing: add handlers.%s to "
		    "%.200s",
		    tenant, name, name, all->config->file);
	json_free(handler);
	return r;
}

/* What is wrong with a handler of the configuration, an operator can cure. */
static int
cannot_open(const struct routes *all, const struct route *r, const char *key,
    struct err *e)
{
	if (r->name == NULL)
		return err_prefix(e, "%s", key);
	e->class = ERR_TEMP;
	return err_prefix(
	    e, "%.200s: handlers.%s.%s", all->config->file, r->name, key);
}

int
route_open(struct routes *all, struct route *r, struct err *e)
{
	if (r->cwd != NULL && access(r->cwd, X_OK) == -1) {
		err_errno(e, "%.200s", r->cwd);
		return cannot_open(all, r, r->name != NULL ? "cwd" : "-C", e);
	}
	if (r->expects == NULL || r->expect != NULL)
		return 0;
	r->expect = expects_open(&all->expects, r->expects, e);
	if (r->expect == NULL)
		return cannot_open(
		    all, r, r->name != NULL ? "expect" : "-e", e);
	return 0;
}

void
routes_release(struct routes *all)
{
	route_free(all->command);
	for (size_t i = 0; i < all->n; i++)
		route_free(all->items[i]);
	free(all->items);
	expects_release(&all->expects);
}
