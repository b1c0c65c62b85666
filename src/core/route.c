#include "core/route.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/id.h"
#include "core/json.h"

static int
check_row(const char *key, jv value, struct err *e)
{
	if (strcmp(key, "*") != 0 && strchr(key, '@') == NULL)
		return err_set(e, ERR_TEMP,
		    ".recipients.%.64s: must be an address, \"@domain\" or "
		    "\"*\"",
		    key);
	for (const char *p = key; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			return err_set(e, ERR_TEMP,
			    ".recipients.%.64s: must be in lower case", key);
	if (jv_get_kind(value) != JV_KIND_STRING ||
	    !name_valid(jv_string_value(value),
		(size_t)jv_string_length_bytes(jv_copy(value))))
		return err_set(e, ERR_TEMP,
		    ".recipients.%.64s: must be a tenant, 1 to %d of A-Z a-z "
		    "0-9 . _ -, a letter or digit first",
		    key, NAME_MAX_LEN);
	return 0;
}

int
route_check(jv routes, struct err *e)
{
	int it, r = 0;

	for (it = jv_object_iter(routes);
	     r == 0 && jv_object_iter_valid(routes, it);
	     it = jv_object_iter_next(routes, it)) {
		jv key = jv_object_iter_key(routes, it);
		jv value = jv_object_iter_value(routes, it);

		r = check_row(jv_string_value(key), value, e);
		jv_free(key);
		jv_free(value);
	}
	return r;
}

/* Take the tag out of "local+tag@domain".  false: there is none. */
static bool
drop_tag(char *address)
{
	char *at = strrchr(address, '@'), *plus = strchr(address, '+');

	if (at == NULL || plus == NULL || plus == address || plus > at)
		return false;
	memmove(plus, at, strlen(at) + 1);
	return true;
}

const char *
route_tenant(jv routes, const char *recipient)
{
	const char *tenant, *at;
	char *address;

	if (jv_get_kind(routes) != JV_KIND_OBJECT)
		return NULL;
	if (recipient == NULL || recipient[0] == '\0')
		return json_str(routes, "*");
	address = xstrdup(recipient);
	for (char *p = address; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	tenant = json_str(routes, address);
	if (tenant == NULL && drop_tag(address))
		tenant = json_str(routes, address);
	at = strrchr(address, '@');
	if (tenant == NULL && at != NULL)
		tenant = json_str(routes, at);
	free(address);
	return tenant != NULL ? tenant : json_str(routes, "*");
}
