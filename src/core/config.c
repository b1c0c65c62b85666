#include "core/config.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/json.h"
#include "core/route.h"

enum {
	CONFIG_MAX = 64 * 1024 * 1024,
};

/* What may stand where.  section NULL: at the top. */
static const struct {
	const char *section, *key;
	enum json_kind kind;
} known[] = {
    {NULL, "state", JSON_STRING},
    {NULL, "engines", JSON_OBJECT},
    {"engines", "blobs", JSON_STRING},
    {"engines", "mail", JSON_STRING},
    {NULL, "limits", JSON_OBJECT},
    {"limits", "reserve_bytes", JSON_NUMBER},
    {NULL, "recipients", JSON_OBJECT},
    {NULL, "tenants", JSON_OBJECT},
    {NULL, "handlers", JSON_OBJECT},
};

/* What is below them is for those to check who use it. */
static bool
is_unchecked(const char *name)
{
	return strcmp(name, "tenants") == 0 || strcmp(name, "handlers") == 0;
}

static enum json_kind
kind_of(const char *section, const char *key)
{
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (strcmp(known[i].key, key) != 0)
			continue;
		if (section == NULL
			? known[i].section == NULL
			: known[i].section != NULL &&
			      strcmp(known[i].section, section) == 0)
			return known[i].kind;
	}
	return JSON_NONE;
}

/* Every key of one object; section NULL for the root.  Borrows obj. */
static int
check_object(json obj, const char *section, struct err *e)
{
	const char *dot = section != NULL ? "." : "";
	size_t len;
	int r = 0;

	for (int i = 0; r == 0 && i < json_count(obj); i++) {
		json value = json_at(obj, i);
		const char *name = json_key_at(obj, i, &len);
		enum json_kind want = kind_of(section, name);

		if (want == JSON_NONE)
			r = err_set(e, ERR_TEMP, ".%s%s%.64s: unknown key",
			    section != NULL ? section : "", dot, name);
		else if (want != json_kind(value))
			r = err_set(e, ERR_TEMP, ".%s%s%.64s: must be %s",
			    section != NULL ? section : "", dot, name,
			    json_kind_name(want));
		else if (want == JSON_OBJECT && section == NULL &&
			 strcmp(name, "recipients") == 0)
			r = route_check(value, e);
		else if (want == JSON_OBJECT && section == NULL &&
			 is_unchecked(name))
			r = 0;
		else if (want == JSON_OBJECT)
			r = check_object(value, name, e);
		json_free(value);
	}
	return r;
}

static int
parse(struct config *c, const struct buf *text, struct err *e)
{
	json root;

	if (json_parse(text->data, text->len, &root, e) == -1)
		return -1;
	json_free(c->root);
	c->root = root;
	if (json_kind(root) != JSON_OBJECT)
		return err_set(e, ERR_TEMP, "must be a JSON object");
	return check_object(root, NULL, e);
}

int
config_load(struct config *c, struct err *e)
{
	const char *named = getenv("MAILPIPE_CONFIG");
	struct buf text = BUF_INIT;
	int r;

	*c = (struct config){.root = json_object()};
	c->file = xstrdup(named != NULL ? named : "/etc/mailpipe/config.json");
	r = file_read_at(AT_FDCWD, c->file, CONFIG_MAX, &text, e);
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

void
config_release(struct config *c)
{
	free(c->file);
	json_free(c->root);
}

/* The object that holds the last part of path, which *key then points to. */
static json
find_section(const struct config *c, const char *path, const char **key)
{
	const char *dot = strchr(path, '.');
	char *section;
	json obj;

	*key = dot != NULL ? dot + 1 : path;
	if (dot == NULL)
		return json_copy(c->root);
	section = xstrndup(path, (size_t)(dot - path));
	obj = json_member(c->root, section, JSON_OBJECT);
	free(section);
	return obj;
}

const char *
config_str(const struct config *c, const char *path, const char *fallback)
{
	const char *key, *s;
	json obj = find_section(c, path, &key);

	s = json_str(obj, key);
	json_free(obj); /* the root still holds it */
	return s != NULL ? s : fallback;
}

int64_t
config_int(const struct config *c, const char *path, int64_t fallback)
{
	const char *key;
	json obj = find_section(c, path, &key);

	fallback = json_int(obj, key, fallback);
	json_free(obj);
	return fallback;
}
