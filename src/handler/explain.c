#include "handler/explain.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/batch.h"
#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "core/tool.h"
#include "handler/environ.h"
#include "handler/explain_text.h"
#include "handler/handler.h"
#include "mail/record.h"

struct explain {
	struct routes *routes;
	bool for_people;
};

static json
strings(char *const *words)
{
	json array = json_array();

	for (; words != NULL && *words != NULL; words++)
		array = json_append(array, json_bytes(*words, strlen(*words)));
	return array;
}

/* {"NAME":"value"} of "NAME=value". */
static json
variables(const struct localenv *env)
{
	json obj = json_object();
	const char *equals;
	char *name;

	for (size_t i = 0; i < env->n; i++) {
		equals = strchr(env->vars[i], '=');
		name = xstrndup(env->vars[i], (size_t)(equals - env->vars[i]));
		obj = json_set(
		    obj, name, json_bytes(equals + 1, strlen(equals + 1)));
		free(name);
	}
	return obj;
}

static json
set_positive(json obj, const char *key, int64_t n)
{
	return n > 0 ? json_set(obj, key, json_number(n)) : obj;
}

static json
limits(const struct spawn_limits *l)
{
	json obj = json_object();

	obj = set_positive(obj, "memory_bytes", l->memory_bytes);
	obj = set_positive(obj, "cpu_s", l->cpu_s);
	obj = set_positive(obj, "files", l->files);
	obj = set_positive(obj, "processes", l->processes);
	return set_positive(obj, "file_bytes", l->file_bytes);
}

/* What does not depend on the record.  Consumes obj. */
static json
add_route(json obj, const struct route *r)
{
	static const char *const forms[] = {"raw", "postfix", "lf"};

	if (r->cwd != NULL)
		obj = json_set_str(obj, "cwd", r->cwd);
	obj = json_set_str(obj, "profile", profile_name(r->profile));
	obj = json_set(obj, "outcomes", profile_outcomes(r->profile));
	obj = json_set(obj, "time_limit_s", json_number(r->limit_ms / 1000));
	obj = json_set_str(obj, "message", forms[r->form]);
	if (r->expects != NULL)
		obj = json_set_str(obj, "expect", r->expects);
	obj = json_set(obj, "limits", limits(&r->limits));
	if (r->limits.nice != 0)
		obj = json_set(obj, "nice", json_number(r->limits.nice));
	return set_positive(obj, "parallel", (int64_t)r->parallel);
}

/* Which attempt it would be: what take has said. */
static int64_t
attempt_of(json rec)
{
	json lease = json_member(rec, "lease", JSON_OBJECT);
	int64_t attempt = json_int(lease, "attempt", 0);

	json_free(lease);
	return attempt;
}

/* Consumes obj; 0, or -1 with *e and obj as far as it came. */
static int
explain_route(struct routes *routes, json rec, json *obj, struct err *e)
{
	struct route *r = routes_find(routes, json_str(rec, "tenant"), e);
	int64_t attempt = attempt_of(rec);
	struct localenv env;
	char **argv;

	if (r == NULL)
		return err_prefix(e, "%s: not started", record_id(rec));
	*obj = json_set(*obj, "handler",
	    r->name != NULL ? json_string(r->name) : json_null());
	argv = handler_argv(r->words, rec, attempt, e);
	*obj = json_set(*obj, "argv", strings(argv != NULL ? argv : r->words));
	handler_argv_free(argv);
	environ_make(&env, r, rec, attempt);
	*obj = json_set(*obj, "env", variables(&env));
	localenv_release(&env);
	*obj = add_route(*obj, r);
	/* Such a record is not withheld: its result is "fail". */
	if (argv == NULL) {
		*obj = json_set_str(*obj, "error", e->text);
		err_clear(e);
	}
	return 0;
}

static json
explain_record(struct routes *routes, json rec, struct err *e)
{
	json obj = json_set_str(json_object(), "id", record_id(rec));
	const char *tenant = json_str(rec, "tenant");

	if (tenant != NULL)
		obj = json_set_str(obj, "tenant", tenant);
	if (record_has_result(rec))
		return json_set_str(obj, "passes", "it has a result already");
	if (record_check(rec, e) == -1 ||
	    explain_route(routes, rec, &obj, e) == -1)
		obj = json_set_str(obj, "error", e->text);
	return obj;
}

/* The driver writes what stands in rec. */
static int
explain_batch(void *ctx, struct batch_item *items, size_t n, struct err *e)
{
	const struct explain *x = ctx;
	struct buf text = BUF_INIT;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct err why = ERR_INIT;
		json obj = explain_record(x->routes, items[i].rec, &why);

		if (why.class != ERR_NONE)
			tool_failed(&why);
		if (!x->for_people) {
			json_free(items[i].rec);
			items[i].rec = obj;
			continue;
		}
		items[i].fate = BATCH_SWALLOW;
		buf_reset(&text);
		explain_text(obj, &text);
		json_free(obj);
		r = file_write(
		    STDOUT_FILENO, text.data, text.len, -1, "stdout", e);
	}
	buf_release(&text);
	return r;
}

int
explain_records(struct routes *routes, bool for_people, struct err *e)
{
	struct explain x = {routes, for_people};
	struct batch b = {.work = explain_batch, .ctx = &x};

	return batch_run(&b, e);
}
