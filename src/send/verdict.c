#include "send/verdict.h"

#include <stdio.h>
#include <string.h>

#include "queue/breaker.h"

enum {
	AFTER_S = 60, /* of a snooze, when nobody says how long */
};

struct verdict
verdict_trouble(const char *status, const char *class, const struct err *why)
{
	struct verdict v = {
	    .status = status,
	    .class = class,
	    .code = -1,
	    .is_transport = strcmp(status, "snooze") == 0,
	};

	snprintf(v.reason, sizeof v.reason, "%s", why->text);
	return v;
}

/* More, in "detail". */
static void
add_detail(const struct verdict *v, struct letter *l)
{
	if (v->stage != NULL)
		letter_add_detail(l, "reply_stage", json_string(v->stage));
	if (v->enhanced[0] != '\0')
		letter_add_detail(l, "enhanced", json_string(v->enhanced));
	if (v->rule != NULL)
		letter_add_detail(l, "rule", json_string(v->rule));
}

void
verdict_apply(const struct verdict *v, struct letter *l)
{
	bool is_snooze = strcmp(v->status, "snooze") == 0;
	int64_t after_s = v->after_s;

	letter_tried(l, v->status, v->code, v->class,
	    v->reason[0] != '\0' ? v->reason : NULL);
	if (is_snooze && after_s == 0)
		after_s = AFTER_S;
	if (after_s > 0)
		letter_add(l, "after_s", json_number(after_s));
	if (is_snooze && v->is_transport)
		letter_add(l, "holds", json_bool(true));
	else if (v->is_mails && breaker_is_trouble(v->class))
		letter_add(l, "holds", json_bool(false));
	if (v->provider_id[0] != '\0')
		letter_add(l, "provider_id", json_string(v->provider_id));
	add_detail(v, l);
}
