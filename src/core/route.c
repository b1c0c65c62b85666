#include "core/route.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"

const char *
route_bad_key(const char *key, size_t len)
{
	if (strlen(key) != len ||
	    (strcmp(key, "*") != 0 && strchr(key, '@') == NULL))
		return "must be an address, \"@domain\" or \"*\"";
	for (const char *p = key; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			return "must be in lower case";
	return NULL;
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
