#include "mail/envelope.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"
#include "core/utf8.h"
#include "mail/address.h"
#include "mail/defect.h"
#include "mail/mta.h"

/* The fields that an MTA puts on top. */
enum top {
	TOP_RETURN_PATH,
	TOP_ORIGINAL_TO,
	TOP_DELIVERED_TO,
	TOP_FIELDS,
};

static const struct {
	const char *name, *source;
} tops[TOP_FIELDS] = {
    [TOP_RETURN_PATH] = {"Return-Path", "header:Return-Path"},
    [TOP_ORIGINAL_TO] = {"X-Original-To", "header:X-Original-To"},
    [TOP_DELIVERED_TO] = {"Delivered-To", "header:Delivered-To"},
};

/* Where an address of the envelope may come from, the best first. */
struct origin {
	const char *env_name; /* a variable, or NULL */
	const char *env_source; /* the same with "env:" */
	enum top top;
	bool is_sender;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * Take it if it can be used.  Only a sender may be empty, and then only if
 * something says so: an empty variable does, an empty field does not.
 */
static bool
take(struct envelope *env, struct envelope_address *a, struct slice s,
    bool may_be_empty, const char *source)
{
	struct err e = ERR_INIT;
	char *text = address_clean(s.data, s.len, &e);

	if (text == NULL) {
		env->defects |= DEFECT_BAD_ENVELOPE;
		return false;
	}
	if (text[0] == '\0' && !may_be_empty) {
		free(text);
		return false;
	}
	*a = (struct envelope_address){text, source};
	return true;
}

/* The fields on top, squeezed; data NULL: not there.  Free with release. */
static void
read_tops(const struct header *h, struct buf values[TOP_FIELDS])
{
	for (size_t i = 0; i < h->n; i++) {
		int top = 0;

		while (top < TOP_FIELDS &&
		       !header_is(&h->fields[i], tops[top].name))
			top++;
		if (top == TOP_FIELDS)
			break;
		if (values[top].data == NULL)
			header_squeeze(h->fields[i].value, &values[top]);
	}
}

static bool
take_field(struct envelope *env, struct envelope_address *a,
    const struct origin *o, const struct buf *value)
{
	struct slice s = {value->data, value->len};
	bool is_null = s.len == 2 && memcmp(s.data, "<>", 2) == 0;

	return s.len > 0 &&
	       take(env, a, s, o->is_sender && is_null, tops[o->top].source);
}

/* From the environment; or from the field on top where that is truer. */
static bool
take_env(struct envelope *env, struct envelope_address *a,
    const struct origin *o, const struct buf *field)
{
	const char *value = getenv(o->env_name);
	struct envelope_address top = {0};

	if (!env->has_env || value == NULL ||
	    !take(env, a, (struct slice){value, strlen(value)}, o->is_sender,
		o->env_source))
		return false;
	if (strchr(a->text, '_') == NULL || !take_field(env, &top, o, field))
		return true;
	if (!address_is_sanitised(a->text, top.text)) {
		free(top.text);
		return true;
	}
	free(a->text);
	*a = top;
	return true;
}

static bool
take_best(struct envelope *env, struct envelope_address *a,
    const struct origin *o, const struct buf fields[TOP_FIELDS])
{
	return take_env(env, a, o, &fields[o->top]) ||
	       take_field(env, a, o, &fields[o->top]);
}

/* Exim: the recipient in three parts and a domain. */
static bool
take_local_part(struct envelope *env)
{
	const char *prefix = getenv("LOCAL_PART_PREFIX");
	const char *local = getenv("LOCAL_PART");
	const char *suffix = getenv("LOCAL_PART_SUFFIX");
	const char *domain = getenv("DOMAIN");
	struct buf b = BUF_INIT;
	bool is_taken;

	if (!env->has_env || local == NULL || domain == NULL ||
	    domain[0] == '\0')
		return false;
	buf_addf(&b, "%s%s%s@%s", prefix != NULL ? prefix : "", local,
	    suffix != NULL ? suffix : "", domain);
	is_taken = take(env, &env->to, (struct slice){b.data, b.len}, false,
	    "env:LOCAL_PART");
	buf_release(&b);
	return is_taken;
}

/* The address in "From ADDRESS  DATE"; blanks in quotes belong to it. */
static struct slice
from_line_address(struct slice line)
{
	const char *s = line.data, *end = line.data + line.len;
	const char *start;
	bool is_quoted = false;

	for (s += strlen("From "); s < end && is_blank(*s); s++)
		continue;
	for (start = s; s < end && (is_quoted || !is_blank(*s)); s++) {
		if (*s == '"')
			is_quoted = !is_quoted;
		else if (is_quoted && *s == '\\' && s + 1 < end)
			s++;
	}
	return (struct slice){start, (size_t)(s - start)};
}

/* MTAs write MAILER-DAEMON there for the null sender, mail readers "-". */
static void
take_from_line(struct envelope *env, const struct header *h)
{
	static const char null_sender[] = "MAILER-DAEMON";
	struct slice s;

	if (h->from_line.len == 0)
		return;
	s = from_line_address(h->from_line);
	if (s.len == 1 && s.data[0] == '-')
		return;
	if (s.len == strlen(null_sender) &&
	    memcmp(s.data, null_sender, s.len) == 0)
		s.len = 0;
	take(env, &env->from, s, true, "from-line");
}

static void
resolve_sender(struct envelope *env, const char *sender, const struct header *h,
    const struct buf fields[TOP_FIELDS])
{
	static const struct origin origin = {
	    "SENDER", "env:SENDER", TOP_RETURN_PATH, true};

	if (sender != NULL)
		env->from =
		    (struct envelope_address){xstrdup(sender), "option"};
	else if (!take_best(env, &env->from, &origin, fields))
		take_from_line(env, h);
}

static void
resolve_recipient(struct envelope *env, const char *recipient,
    const struct buf fields[TOP_FIELDS])
{
	static const struct origin in_env = {
	    "RECIPIENT", "env:RECIPIENT", TOP_DELIVERED_TO, false};
	static const struct origin original = {
	    NULL, NULL, TOP_ORIGINAL_TO, false};

	if (recipient != NULL)
		env->to =
		    (struct envelope_address){xstrdup(recipient), "option"};
	else if (!take_env(env, &env->to, &in_env, &fields[in_env.top]) &&
		 !take_local_part(env) &&
		 !take_field(env, &env->to, &in_env, &fields[in_env.top]) &&
		 !take_field(env, &env->to, &original, &fields[original.top]))
		env->defects |= DEFECT_NO_RECIPIENT;
}

void
envelope_resolve(struct envelope *env, const char *sender,
    const char *recipient, const struct header *h)
{
	static const struct origin original = {"ORIGINAL_RECIPIENT",
	    "env:ORIGINAL_RECIPIENT", TOP_ORIGINAL_TO, false};
	struct buf fields[TOP_FIELDS] = {BUF_INIT, BUF_INIT, BUF_INIT};

	*env = (struct envelope){
	    .has_env = getenv("SENDER") != NULL || getenv("RECIPIENT") != NULL};
	read_tops(h, fields);
	resolve_sender(env, sender, h, fields);
	resolve_recipient(env, recipient, fields);
	take_best(env, &env->original_to, &original, fields);
	for (int i = 0; i < TOP_FIELDS; i++)
		buf_release(&fields[i]);
}

void
envelope_set_recipient(struct envelope *env, const char *recipient)
{
	free(env->to.text);
	env->to = (struct envelope_address){xstrdup(recipient), "option"};
}

void
envelope_release(struct envelope *env)
{
	free(env->from.text);
	free(env->to.text);
	free(env->original_to.text);
	*env = (struct envelope){0};
}

static json
text_json(const char *s, defect_set *defects)
{
	size_t len = strlen(s);

	if (!utf8_valid(s, len))
		*defects |= DEFECT_ENVELOPE_NOT_UTF8;
	return json_bytes(s, len);
}

static json
client_json(defect_set *defects)
{
	static const char *const names[][2] = {{"address", "CLIENT_ADDRESS"},
	    {"helo", "CLIENT_HELO"}, {"name", "CLIENT_HOSTNAME"},
	    {"protocol", "CLIENT_PROTOCOL"}};
	json client = json_object();

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = getenv(names[i][1]);

		if (value != NULL && value[0] != '\0' &&
		    strlen(value) <= ENVELOPE_ENV_MAX)
			client = json_set(
			    client, names[i][0], text_json(value, defects));
	}
	return client;
}

static json
variables_json(defect_set *defects)
{
	json all = json_object();

	for (const char *const *name = mta_variables; *name; name++) {
		const char *value = getenv(*name);

		if (value == NULL)
			continue;
		if (strlen(value) > ENVELOPE_ENV_MAX)
			*defects |= DEFECT_BAD_ENVELOPE;
		else
			all = json_set(all, *name, text_json(value, defects));
	}
	return all;
}

/* An object that says nothing is left out.  Consumes obj and value. */
static json
set_unless_empty(json obj, const char *key, json value)
{
	if (json_count(value) > 0)
		return json_set(obj, key, value);
	json_free(value);
	return obj;
}

json
envelope_json(const struct envelope *env, defect_set *defects)
{
	const struct {
		const char *name;
		const struct envelope_address *address;
	} all[] = {{"from", &env->from}, {"to", &env->to},
	    {"original_to", &env->original_to}};
	json value = json_object(), source = json_object();

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		const struct envelope_address *a = all[i].address;

		if (a->text == NULL)
			continue;
		value =
		    json_set(value, all[i].name, text_json(a->text, defects));
		source = json_set_str(source, all[i].name, a->source);
	}
	if (env->has_env)
		value = set_unless_empty(value, "client", client_json(defects));
	value = set_unless_empty(value, "source", source);
	if (env->has_env)
		value = json_set(value, "env", variables_json(defects));
	return value;
}
