#include "mail/request.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"

bool
request_is(json rec)
{
	return json_has(rec, "mailKey") && !json_has(rec, "mail");
}

/* One name below a directory: no way out of it, and nothing that a path could
 * be cut at. */
static bool
is_name(const char *s, size_t n)
{
	if (n == 0 || n > 255 || strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < ' ' || s[i] == '/' || s[i] == 0x7f)
			return false;
	return true;
}

static int
check_name(json v, const char *what, struct err *e)
{
	if (json_kind(v) == JSON_STRING &&
	    is_name(json_string_value(v), json_string_len(v)))
		return 0;
	return err_set(e, ERR_DATA,
	    "\"%s\" must be a name of 1 to 255 bytes, without / and control "
	    "characters, not . or ..",
	    what);
}

/* A member that must be a string, into mail under another name. */
static int
move_text(json rec, const char *from, json *mail, const char *to, bool is_empty,
    struct err *e)
{
	json v = json_get(rec, from);

	if (json_kind(v) == JSON_STRING &&
	    (is_empty || json_string_len(v) > 0)) {
		*mail = json_set(*mail, to, v);
		return 0;
	}
	json_free(v);
	return err_set(e, ERR_DATA, "\"%s\" must be a string%s", from,
	    is_empty ? "" : ", and not an empty one");
}

static json
attachment(const char *key, json name)
{
	char *path = xasprintf("%s/%s", key, json_string_value(name));
	json a = json_set(json_object(), "name", json_copy(name));

	a = json_set_str(a, "path", path);
	free(path);
	return a;
}

static int
add_files(json rec, const char *key, json *mail, struct err *e)
{
	json names = json_get(rec, "attachedFileKeys"), all = json_array();
	bool is_list = json_kind(names) == JSON_ARRAY;
	int r = 0;

	if (json_is_valid(names) && !is_list)
		r = err_set(e, ERR_DATA,
		    "\"attachedFileKeys\" must be an array of names");
	for (int i = 0; r == 0 && i < json_count(names); i++) {
		json name = json_at(names, i);

		r = check_name(name, "attachedFileKeys", e);
		if (r == 0)
			all = json_append(all, attachment(key, name));
		json_free(name);
	}
	json_free(names);
	if (r == 0 && json_count(all) > 0)
		*mail = json_set(*mail, "attachments", all);
	else
		json_free(all);
	return r;
}

static json
without_request(json rec)
{
	static const char *const members[] = {"mailKey", "subject", "body",
	    "toAddress", "attachedFileKeys", "from"};

	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		rec = json_del(rec, members[i]);
	return rec;
}

int
request_convert(json *rec, struct err *e)
{
	json key = json_get(*rec, "mailKey"), mail = json_object();
	json from = json_get(*rec, "from");
	int r = check_name(key, "mailKey", e);

	if (json_is_valid(from))
		mail = json_set(mail, "from", from);
	if (r == 0)
		r = move_text(*rec, "toAddress", &mail, "to", false, e);
	if (r == 0)
		r = move_text(*rec, "subject", &mail, "subject", true, e);
	if (r == 0)
		r = move_text(*rec, "body", &mail, "text", true, e);
	if (r == 0)
		r = add_files(*rec, json_string_value(key), &mail, e);
	if (r == 0) {
		*rec = without_request(*rec);
		*rec = json_set(*rec, "key", json_copy(key));
		*rec = json_set(*rec, "mail", mail);
	} else {
		json_free(mail);
	}
	json_free(key);
	return r;
}
