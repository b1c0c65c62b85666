#include "send/guard.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* "@domain" stands for all addresses there, not for those below it. */
static bool
fits(const char *rule, const char *address)
{
	const char *at = strrchr(address, '@');

	if (rule[0] == '@')
		return at != NULL && strcasecmp(at, rule) == 0;
	return strcasecmp(address, rule) == 0;
}

static bool
is_allowed(json allow, const char *address)
{
	for (int i = 0, n = json_count(allow); i < n; i++) {
		json rule = json_at(allow, i);
		bool is_it = fits(json_string_value(rule), address);

		json_free(rule);
		if (is_it)
			return true;
	}
	return false;
}

void
guard_check(struct letter *l)
{
	json allow = config_in(l->transport->config, "allow"); /* borrowed */
	const char *to =
	    config_in_str(l->transport->config, "rewrite_to", NULL);

	if (json_is_valid(allow) && !is_allowed(allow, l->recipient)) {
		char *reason = xasprintf("transport %s does not allow %.320s",
		    l->transport->name, l->recipient);

		letter_end(l, "skip", "guard", reason);
		free(reason);
		return;
	}
	if (to == NULL)
		return;
	l->original_to = l->recipient;
	l->recipient = xstrdup(to);
	buf_addf(&l->head, "X-Original-To: %s\r\n", l->original_to);
}
