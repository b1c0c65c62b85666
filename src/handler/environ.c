#include "handler/environ.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "mail/record.h"

void
environ_make(
    struct localenv *env, const struct route *route, json rec, int64_t attempt)
{
	char *name, *equals;

	localenv_make(env, rec, attempt);
	localenv_set(env, "MAIL_RECORD", ENVIRON_RECORD);
	for (char **v = route->env; v != NULL && *v != NULL; v++) {
		name = xstrdup(*v);
		equals = strchr(name, '=');
		*equals = '\0';
		localenv_set(env, name, equals + 1);
		free(name);
	}
}

char *
environ_mark(json rec)
{
	return xasprintf("MAIL_ID=%s", record_id(rec));
}
