#include "handler/route.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
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

/*
 * What follows reads values that core/schema.h has found good, so that only
 * what it does not know is checked here.
 */

static void
read_words(struct route *r, json handler)
{
	json argv = config_in(handler, "argv"); /* borrowed */
	int n = json_count(argv);

	r->words = xcalloc((size_t)n + 1, sizeof *r->words);
	for (int i = 0; i < n; i++) {
		json word = json_at(argv, i);

		r->words[i] = xstrdup(json_string_value(word));
		json_free(word);
	}
}

static int
read_profile(struct route *r, json handler, struct err *e)
{
	const char *name = config_in_str(handler, "profile", "safe");

	r->profile = profile_find(name);
	if (r->profile != NULL)
		return 0;
	r->own_profile = profile_custom(config_in(handler, "map"), e);
	r->profile = r->own_profile;
	if (r->profile == NULL)
		return err_prefix(e, ".handlers.%s.map", r->name);
	return 0;
}

static int
read_env(struct route *r, json handler, struct err *e)
{
	json env = config_in(handler, "env"); /* borrowed */
	int n = json_count(env);
	size_t len;

	r->env = xcalloc((size_t)n + 1, sizeof *r->env);
	for (int i = 0; i < n; i++) {
		const char *name = json_key_at(env, i, &len);

		for (size_t k = 0; k < COUNT(reserved); k++)
			if (strcmp(name, reserved[k]) == 0)
				return err_set(e, ERR_TEMP,
				    ".handlers.%s.env.%s: must have another "
				    "name: this one tells of the record",
				    r->name, name);
		r->env[i] =
		    xasprintf("%s=%s", name, config_in_str(env, name, ""));
	}
	return 0;
}

static void
read_limits(struct route *r, json handler)
{
	json limits = config_in(handler, "limits"); /* borrowed */
	struct spawn_limits *l = &r->limits;

	l->memory_bytes = config_in_int(limits, "memory_bytes", 0);
	l->files = config_in_int(limits, "files", 0);
	l->processes = config_in_int(limits, "processes", 0);
	l->file_bytes = config_in_int(limits, "file_bytes", 0);
	l->cpu_s = config_in_duration_s(limits, "cpu_s", 0);
	l->nice = (int)config_in_int(handler, "nice", 0);
}

static char *
dup_str(json from, const char *key)
{
	const char *s = config_in_str(from, key, NULL);

	return s != NULL ? xstrdup(s) : NULL;
}

static int
read_route(struct route *r, json handler, struct err *e)
{
	read_words(r, handler);
	read_limits(r, handler);
	r->cwd = dup_str(handler, "cwd");
	r->expects = dup_str(handler, "expect");
	r->form = (enum mail_form)form_parse(
	    config_in_str(handler, "message", "raw"));
	r->limit_ms =
	    config_in_duration_s(handler, "time_limit_s", ROUTE_LIMIT_S) * 1000;
	r->parallel = (size_t)config_in_int(handler, "parallel", 0);
	if (read_profile(r, handler, e) == -1)
		return -1;
	return read_env(r, handler, e);
}

bool
routes_are_configured(const struct routes *all)
{
	return json_count(config_in(all->config->root, "handlers")) > 0;
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
	json handler; /* borrowed */

	if (all->command != NULL)
		return all->command;
	name = config_tenant_str(all->config, tenant, "handler", "default");
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->items[i]->name, name) == 0)
			return all->items[i];
	handler = config_handler(all->config, name);
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
	    e, "%.200s: .handlers.%s.%s", all->config->file, r->name, key);
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
