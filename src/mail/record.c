#include "mail/record.h"

#include <string.h>

#include "core/clock.h"
#include "core/id.h"
#include "core/json.h"

int
record_check(json rec, struct err *e)
{
	size_t len;
	const char *s = json_strn(rec, "id", &len);

	if (s == NULL || !id_valid(s, len))
		return err_set(e, ERR_DATA,
		    "the record's \"id\" must be 1 to %d of 0-9 A-Z a-z _ -",
		    ID_MAX);
	s = json_strn(rec, "tenant", &len);
	if (s == NULL || !name_valid(s, len))
		return err_set(e, ERR_DATA,
		    "%s: \"tenant\" must be 1 to %d of A-Z a-z 0-9 . _ -, "
		    "a letter or digit first",
		    record_id(rec), NAME_MAX_LEN);
	return 0;
}

const char *
record_id(json rec)
{
	size_t len;
	const char *id = json_strn(rec, "id", &len);

	return id != NULL && id_valid(id, len) ? id : "(no id)";
}

bool
record_has_result(json rec)
{
	return json_has(rec, "result");
}

const char *
record_status(json rec)
{
	json result = json_member(rec, "result", JSON_OBJECT);
	const char *status = json_str(result, "status");

	json_free(result); /* rec still holds it */
	return status;
}

json
record_result(const char *status, const char *stage, int code,
    const char *class, const char *reason)
{
	char at[CLOCK_TEXT];
	json r = json_object();

	r = json_set_str(r, "status", status);
	r = json_set_str(r, "stage", stage);
	if (code >= 0)
		r = json_set(r, "code", json_number(code));
	if (class != NULL)
		r = json_set_str(r, "class", class);
	if (reason != NULL)
		r = json_set(r, "reason", json_bytes(reason, strlen(reason)));
	return json_set_str(r, "at", clock_format(clock_now_ms(), at));
}
