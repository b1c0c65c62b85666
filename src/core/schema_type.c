#include "core/schema_type.h"

#include <math.h>
#include <string.h>

#include "core/clock.h"
#include "core/id.h"
#include "core/plain.h"
#include "core/route.h"
#include "core/schedule.h"

enum {
	SHOWN_MAX = 60, /* bytes of a wrong value */
	DOMAIN_MAX_LEN = 253, /* RFC 1035 2.3.4 */
};

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

/* The text of a string; NULL: it is none, or has a NUL in it. */
static const char *
text_of(json value)
{
	const char *s = json_string_value(value);

	return json_kind(value) == JSON_STRING &&
		       strlen(s) == json_string_len(value)
		   ? s
		   : NULL;
}

static bool
is_choice(const struct schema_row *row, const char *s)
{
	size_t n = strlen(s), len;

	for (const char *w = row->words; *w != '\0'; w += len + (w[len] == ' '))
		if ((len = strcspn(w, " ")) == n && strncmp(w, s, n) == 0)
			return true;
	return false;
}

static bool
is_spec(const char *s)
{
	size_t n = strspn(s, LETTERS DIGITS "+.-");

	return s[0] >= 'a' && s[0] <= 'z' && s[n] == ':';
}

/* The part before the host must not bring a password; only commands have
 * blanks. */
static bool
is_url(const char *s)
{
	const char *host = strstr(s, "://"), *at, *colon;

	if (!is_spec(s) || strpbrk(s, "\t\r\n") != NULL ||
	    (strchr(s, ' ') != NULL && strncmp(s, "sendmail:", 9) != 0))
		return false;
	if (host == NULL)
		return true;
	host += 3;
	at = memrchr(host, '@', strcspn(host, "/?#"));
	colon = at != NULL ? memchr(host, ':', (size_t)(at - host)) : NULL;
	return colon == NULL;
}

static bool
is_domain(const char *s)
{
	size_t n = strlen(s);

	for (const char *p = s; *p != '\0'; p++)
		if ((unsigned char)*p < 0x80 &&
		    strchr(LETTERS DIGITS "-.", *p) == NULL)
			return false;
	return n > 0 && n <= DOMAIN_MAX_LEN && s[0] != '.' && s[0] != '-' &&
	       s[n - 1] != '.' && strstr(s, "..") == NULL;
}

static bool
is_address(const char *s)
{
	const char *at = strrchr(s, '@');

	for (const char *p = s; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '<' ||
		    *p == '>')
			return false;
	return at != NULL && at[1] != '\0';
}

static bool
is_file_name(const char *s)
{
	return s[0] != '\0' && strchr(s, '/') == NULL && strcmp(s, ".") != 0 &&
	       strcmp(s, "..") != 0;
}

static bool
is_schedule(const char *s)
{
	struct err e = ERR_INIT;

	return schedule_check(s, &e) == 0;
}

static bool
fits_string(const struct schema_row *row, const char *s)
{
	switch (row->type) {
	case SCHEMA_TEXT:
		return true;
	case SCHEMA_NAME:
		return name_valid(s, strlen(s));
	case SCHEMA_CHOICE:
		return is_choice(row, s);
	case SCHEMA_PATH:
		return s[0] == '/';
	case SCHEMA_SPEC:
		return is_spec(s);
	case SCHEMA_URL:
		return is_url(s);
	case SCHEMA_DOMAIN:
		return is_domain(s);
	case SCHEMA_ADDRESS:
		return is_address(s);
	case SCHEMA_CREDENTIAL:
		return is_file_name(s);
	case SCHEMA_SCHEDULE:
		return is_schedule(s);
	default:
		return s[0] != '\0';
	}
}

static bool
fits_number(const struct schema_row *row, json value)
{
	double d = json_number_value(value);
	struct err e = ERR_INIT;
	int64_t seconds;

	if (row->type == SCHEMA_DURATION && json_kind(value) == JSON_STRING) {
		if (text_of(value) == NULL ||
		    duration_parse(text_of(value), &seconds, &e) == -1)
			return false;
		d = (double)seconds;
	} else if (json_kind(value) != JSON_NUMBER) {
		return false;
	}
	return d >= row->min && d <= row->max &&
	       (row->type == SCHEMA_NUMBER || floor(d) == d);
}

bool
schema_is_object(enum schema_type type)
{
	return type <= SCHEMA_BY_STATUS;
}

bool
schema_is_list(enum schema_type type)
{
	return type == SCHEMA_LIST || type == SCHEMA_COMMAND;
}

bool
schema_fits(const struct schema_row *row, json value)
{
	const char *s;

	if (row->type == SCHEMA_ONE_OR_MORE && json_kind(value) == JSON_ARRAY)
		return json_count(value) >= row->min &&
		       json_count(value) <= row->max;
	if (schema_is_object(row->type))
		return json_kind(value) == JSON_OBJECT &&
		       (row->type != SCHEMA_ONE_OF || json_count(value) == 1);
	if (schema_is_list(row->type))
		return json_kind(value) == JSON_ARRAY &&
		       json_count(value) >= row->min &&
		       json_count(value) <= row->max;
	if (row->type >= SCHEMA_NUMBER)
		return fits_number(row, value);
	s = text_of(value);
	return s != NULL && fits_string(row, s);
}

/* What to write for a value of this type; ranges and words are put behind. */
static const char *const wants[] = {
    [SCHEMA_OBJECT] = "an object",
    [SCHEMA_ONE_OF] = "an object with one member",
    [SCHEMA_ONE_OR_MORE] = "an object, or an array of objects",
    [SCHEMA_BY_NAME] = "an object",
    [SCHEMA_BY_ADDRESS] = "an object",
    [SCHEMA_BY_DOMAIN] = "an object",
    [SCHEMA_BY_DESTINATION] = "an object by domain",
    [SCHEMA_BY_VARIABLE] = "an object of strings",
    [SCHEMA_BY_STATUS] = "an object such as {\"75\":\"retry\"}",
    [SCHEMA_LIST] = "an array that is not empty",
    [SCHEMA_COMMAND] = "an array of strings, the program first",
    [SCHEMA_STRING] = "a string that is not empty",
    [SCHEMA_TEXT] = "a string",
    [SCHEMA_NAME] =
	"a name, 1 to 64 of A-Z a-z 0-9 . _ -, a letter or digit first",
    [SCHEMA_CHOICE] = "one of",
    [SCHEMA_PATH] = "an absolute path, beginning with \"/\"",
    [SCHEMA_SPEC] = "an engine's address such as \"sqlite:\"",
    [SCHEMA_URL] = "a URL such as \"smtps://mx.example\", without a password",
    [SCHEMA_DOMAIN] = "a domain in lower case, such as \"shop.example\"",
    [SCHEMA_ADDRESS] = "an address such as \"a@shop.example\"",
    [SCHEMA_CREDENTIAL] = "a credential's name, without \"/\"",
    [SCHEMA_SCHEDULE] = "a list of waits such as \"1m, 5m*2, 1h*3, 4h*\"",
    [SCHEMA_NUMBER] = "a number",
    [SCHEMA_INTEGER] = "a whole number",
    [SCHEMA_DURATION] = "a duration such as 90, \"90s\", \"5m\" or \"7d\",",
};

/* Without an exponent, which "%g" gives a million. */
static void
add_number(struct buf *out, double d)
{
	buf_addf(out, "%.*f", floor(d) == d ? 0 : 3, d);
}

void
schema_want(const struct schema_row *row, struct buf *out)
{
	if (row->type == SCHEMA_CHOICE)
		buf_addf(out, "%s %s", wants[row->type], row->words);
	else
		buf_addstr(
		    out, row->words != NULL ? row->words : wants[row->type]);
	if (row->type < SCHEMA_NUMBER)
		return;
	buf_addstr(out, " from ");
	add_number(out, row->min);
	buf_addstr(out, " to ");
	add_number(out, row->max);
	if (row->type == SCHEMA_DURATION)
		buf_addstr(out, " seconds");
}

static void
add_value(json value, struct buf *out)
{
	struct buf text = BUF_INIT;

	json_dump(json_copy(value), &text);
	plain_add(out, text.data, text.len, SHOWN_MAX);
	buf_release(&text);
}

void
schema_refuse(const struct schema_row *row, json value, struct buf *out)
{
	enum json_kind kind = json_kind(value);
	bool is_right_kind =
	    (kind == JSON_OBJECT && schema_is_object(row->type)) ||
	    (kind == JSON_ARRAY &&
		(schema_is_list(row->type) || row->type == SCHEMA_ONE_OR_MORE));

	buf_addstr(out, "must be ");
	schema_want(row, out);
	if (is_right_kind) {
		if (json_count(value) == 0)
			buf_addstr(out, ", not an empty one");
		else if (kind == JSON_OBJECT)
			buf_addf(out, ", not %d of them", json_count(value));
		else
			buf_addf(out, ", of at most %.0f, not %d", row->max,
			    json_count(value));
	} else if (kind == JSON_STRING && text_of(value) == NULL) {
		buf_addstr(out, ", without \"\\u0000\"");
	} else if (kind == JSON_OBJECT || kind == JSON_ARRAY ||
		   (row->is_secret && kind != JSON_STRING)) {
		buf_addf(out, ", not %s", json_kind_name(kind));
	} else if (!row->is_secret) {
		buf_addstr(out, ", not ");
		add_value(value, out);
	}
}

static bool
is_variable(const char *key, size_t len)
{
	static const char first[] = LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ_";

	if (len == 0 || memchr(first, key[0], sizeof first - 1) == NULL)
		return false;
	for (size_t i = 0; i < len; i++)
		if (memchr(first, key[i], sizeof first - 1) == NULL &&
		    (key[i] < '0' || key[i] > '9'))
			return false;
	return true;
}

/* What a handler has of its record (mail-dispatch). */
static bool
is_reserved(const char *key)
{
	static const char *const names[] = {
	    "MAIL_ID", "MAIL_TENANT", "MAIL_ATTEMPT", "MAIL_RECORD"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], key) == 0)
			return true;
	return false;
}

/* "0" to "255", and no other way to write them. */
static bool
is_status(const char *key, size_t len)
{
	int n = 0;

	if (strcmp(key, "timeout") == 0 || strcmp(key, "signal") == 0 ||
	    strcmp(key, "default") == 0)
		return true;
	if (len == 0 || len > 3 || (len > 1 && key[0] == '0') ||
	    strspn(key, DIGITS) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		n = n * 10 + (key[i] - '0');
	return n <= 255;
}

const char *
schema_bad_key(enum schema_type type, const char *key, size_t len)
{
	switch (type) {
	case SCHEMA_BY_NAME:
		return name_valid(key, len)
			   ? NULL
			   : "must be a name, 1 to 64 of A-Z a-z 0-9 . _ -, "
			     "a letter or digit first";
	case SCHEMA_BY_ADDRESS:
		return route_bad_key(key, len);
	case SCHEMA_BY_DOMAIN:
		return strlen(key) == len && is_domain(key)
			   ? NULL
			   : "must be a domain in lower case, such as "
			     "\"shop.example\"";
	case SCHEMA_BY_VARIABLE:
		if (is_reserved(key))
			return "is set for each record and cannot be given";
		return is_variable(key, len)
			   ? NULL
			   : "must be a variable, of A-Z a-z 0-9 _, no digit "
			     "first";
	case SCHEMA_BY_DESTINATION:
		return strcmp(key, "*") == 0 ||
			       (strlen(key) == len && is_domain(key))
			   ? NULL
			   : "must be a domain in lower case, such as "
			     "\"shop.example\", or \"*\" for any other";
	case SCHEMA_BY_STATUS:
		return is_status(key, len)
			   ? NULL
			   : "must be an exit status from \"0\" to \"255\", "
			     "\"signal\", \"timeout\" or \"default\"";
	default:
		return NULL;
	}
}
