#include "core/schema_refs.h"

#include <stdbool.h>
#include <string.h>

/* What all of these are called with: the members of root by their names. */
typedef int check_fn(json root, const char *name, json value, struct err *e);

static int
each(json root, const char *section, check_fn *check, struct err *e)
{
	json members = json_member(root, section, JSON_OBJECT);
	size_t len;
	int r = 0;

	for (int i = 0, n = json_count(members); r == 0 && i < n; i++) {
		json value = json_glance_at(members, i);

		r = check(root, json_key_at(members, i, &len), value, e);
		json_free(value);
	}
	json_free(members);
	return r;
}

/* A tenant's key that names a member of a section. */
static int
check_name(json root, const char *tenant, json value, const char *key,
    const char *section, struct err *e)
{
	const char *name = json_str(value, key);
	json all;
	bool is_there;

	if (name == NULL)
		return 0;
	all = json_member(root, section, JSON_OBJECT);
	is_there = json_has(all, name);
	json_free(all);
	if (is_there)
		return 0;
	return err_set(e, ERR_TEMP,
	    ".tenants.%s.%s: there is no \"%s\" in .%s: add it, or name one "
	    "that is there",
	    tenant, key, name, section);
}

static int
check_tenant(json root, const char *name, json value, struct err *e)
{
	if (check_name(root, name, value, "handler", "handlers", e) == -1)
		return -1;
	return check_name(root, name, value, "transport", "transports", e);
}

/* An exit status has a meaning of its own in one profile only. */
static int
check_handler(json root, const char *name, json value, struct err *e)
{
	const char *profile = json_str(value, "profile");
	bool is_custom = profile != NULL && strcmp(profile, "custom") == 0;

	(void)root;
	if (json_has(value, "map") && !is_custom)
		return err_set(e, ERR_TEMP,
		    ".handlers.%s.map: is for \"profile\":\"custom\" only, not "
		    "for \"%s\"",
		    name, profile != NULL ? profile : "safe");
	if (is_custom && !json_has(value, "map"))
		return err_set(e, ERR_TEMP,
		    ".handlers.%s.map: is missing; \"profile\":\"custom\" "
		    "needs one such as {\"75\":\"retry\"}",
		    name);
	return 0;
}

/* Nobody can log in with a name alone; with a token alone, some can. */
static int
check_transport(json root, const char *name, json value, struct err *e)
{
	(void)root;
	if (!json_has(value, "user") || json_has(value, "password"))
		return 0;
	return err_set(e, ERR_TEMP,
	    ".transports.%s.password: is missing, for there is a \"user\"; "
	    "must be an object with one of \"file\", \"command\", "
	    "\"credential\"",
	    name);
}

int
schema_check_refs(json root, struct err *e)
{
	if (each(root, "tenants", check_tenant, e) == -1 ||
	    each(root, "handlers", check_handler, e) == -1)
		return -1;
	return each(root, "transports", check_transport, e);
}
