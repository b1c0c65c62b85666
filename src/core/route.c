#include "core/route.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/id.h"
#include "core/json.h"

static int
check_row(const char *key, json value, struct err *e)
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
	if (json_kind(value) != JSON_STRING ||
	    !name_valid(json_string_value(value), json_string_len(value)))
		return err_set(e, ERR_TEMP,
		    ".recipients.%.64s: must be a tenant, 1 to %d of A-Z a-z "
		    "0-9 . _ -, a letter or digit first",
		    key, NAME_MAX_LEN);
	return 0;
}

int
route_check(json routes, struct err *e)
{
	size_t len;
	int r = 0;

	for (int i = 0; r == 0 && i < json_count(routes); i++) {
		json value = json_at(routes, i);

		r = check_row(json_key_at(routes, i, &len), value, e);
		json_free(value);
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
route_tenant(json routes, const char *recipient)
{
	const char *tenant, *at;
	char *address;

	if (json_kind(routes) != JSON_OBJECT)
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
