#include "core/config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/schema.h"

enum {
	CONFIG_MAX = 64 * 1024 * 1024,
};

/* Say where the text stops being JSON: it is nothing that may be quoted. */
static int
add_line(const struct buf *text, struct err *e)
{
	struct err again = ERR_INIT;
	size_t line = 1, at = 0, start = 0;

	json_check_at(text->data, text->len, &at, &again);
	for (size_t i = 0; i < at; i++) {
		if (text->data[i] != '\n')
			continue;
		line++;
		start = i + 1;
	}
	if (at == text->len)
		return err_prefix(e, "line %zu: it ends too early", line);
	return err_prefix(e, "line %zu, byte %zu", line, at - start + 1);
}

static int
parse(struct config *c, const struct buf *text, struct err *e)
{
	json root;

	if (json_parse(text->data, text->len, &root, e) == -1)
		return add_line(text, e);
	json_free(c->root);
	c->root = root;
	return schema_check(root, e);
}

int
config_load(struct config *c, struct err *e)
{
	const char *named = getenv("MAILPIPE_CONFIG");
	struct buf text = BUF_INIT;
	int r;

	*c = (struct config){.root = json_object(), .is_named = named != NULL};
	c->file = xstrdup(named != NULL ? named : "/etc/mailpipe/config.json");
	r = file_read_at(AT_FDCWD, c->file, CONFIG_MAX, &text, e);
	c->is_there = r != 0;
	if (r == 0 && named != NULL)
		r = err_set(e, ERR_TEMP,
		    "%s: no such file, but MAILPIPE_CONFIG names it", named);
	if (r == 1 && parse(c, &text, e) == -1) {
		/* Whatever is wrong in it, an operator can cure it. */
		e->class = ERR_TEMP;
		r = err_prefix(e, "%s", c->file);
	}
	buf_release(&text);
	return r == -1 ? -1 : 0;
}

bool
config_load_broken(struct config *c, struct err *why)
{
	json kept;

	if (config_load(c, why) == 0)
		return false;
	kept = schema_salvage(c->root);
	json_free(c->root);
	c->root = kept;
	return true;
}

void
config_release(struct config *c)
{
	free(c->file);
	json_free(c->root);
}

/* Who holds it goes on doing so. */
static json
borrow(json v)
{
	json_free(v);
	return v;
}

static json
named(const struct config *c, const char *section, const char *name)
{
	json all = borrow(json_member(c->root, section, JSON_OBJECT));

	return borrow(json_member(all, name, JSON_OBJECT));
}

json
config_tenant(const struct config *c, const char *tenant)
{
	return named(c, "tenants", tenant);
}

json
config_handler(const struct config *c, const char *name)
{
	return named(c, "handlers", name);
}

json
config_transport(const struct config *c, const char *name)
{
	return named(c, "transports", name);
}

json
config_dkim(const struct config *c, const char *domain)
{
	json all = borrow(json_member(c->root, "dkim", JSON_OBJECT));

	return borrow(json_get(all, domain));
}

json
config_in(json from, const char *path)
{
	const char *dot;
	char *key;

	while ((dot = strchr(path, '.')) != NULL) {
		key = xstrndup(path, (size_t)(dot - path));
		from = borrow(json_get(from, key));
		free(key);
		path = dot + 1;
	}
	return borrow(json_get(from, path));
}

const char *
config_in_str(json from, const char *path, const char *fallback)
{
	json v = config_in(from, path);

	return json_kind(v) == JSON_STRING ? json_string_value(v) : fallback;
}

double
config_in_number(json from, const char *path, double fallback)
{
	json v = config_in(from, path);

	return json_kind(v) == JSON_NUMBER ? json_number_value(v) : fallback;
}

int64_t
config_in_int(json from, const char *path, int64_t fallback)
{
	json v = config_in(from, path);
	double d = json_number_value(v);

	/* The table has no larger ones. */
	if (json_kind(v) != JSON_NUMBER || d < -9e15 || d > 9e15)
		return fallback;
	return (int64_t)d;
}

int64_t
config_in_duration_s(json from, const char *path, int64_t fallback)
{
	const char *text = config_in_str(from, path, NULL);
	struct err e = ERR_INIT;
	int64_t seconds;

	if (text == NULL)
		return config_in_int(from, path, fallback);
	return duration_parse(text, &seconds, &e) == 0 ? seconds : fallback;
}

const char *
config_str(const struct config *c, const char *path, const char *fallback)
{
	return config_in_str(c->root, path, fallback);
}

int64_t
config_int(const struct config *c, const char *path, int64_t fallback)
{
	return config_in_int(c->root, path, fallback);
}

const char *
config_tenant_str(const struct config *c, const char *tenant, const char *path,
    const char *fallback)
{
	return config_in_str(config_tenant(c, tenant), path, fallback);
}

int64_t
config_tenant_int(const struct config *c, const char *tenant, const char *path,
    int64_t fallback)
{
	return config_in_int(config_tenant(c, tenant), path, fallback);
}

double
config_tenant_number(const struct config *c, const char *tenant,
    const char *path, double fallback)
{
	return config_in_number(config_tenant(c, tenant), path, fallback);
}

int64_t
config_tenant_duration_s(const struct config *c, const char *tenant,
    const char *path, int64_t fallback)
{
	return config_in_duration_s(config_tenant(c, tenant), path, fallback);
}
