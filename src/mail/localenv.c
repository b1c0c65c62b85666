#include "mail/localenv.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/json.h"
#include "mail/mta.h"
#include "mail/record.h"

/* export_environment of Postfix. */
static const char *const exported[] = {"TZ", "MAIL_CONFIG", "LANG"};

/* What else local(8) says about the client. */
static const struct {
	const char *key, *name;
} client_vars[] = {
    {"address", "CLIENT_ADDRESS"},
    {"helo", "CLIENT_HELO"},
    {"name", "CLIENT_HOSTNAME"},
    {"protocol", "CLIENT_PROTOCOL"},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The value has len bytes and no NUL. */
static void
add(struct localenv *env, const char *name, const char *value, size_t len)
{
	size_t name_len = strlen(name);
	char *var = xmalloc(name_len + 1 + len + 1);

	memcpy(var, name, name_len);
	var[name_len] = '=';
	memcpy(var + name_len + 1, value, len);
	var[name_len + 1 + len] = '\0';
	/* Room grows by 32: most environments need one allocation. */
	if (env->n % 32 == 0)
		env->vars = xrealloc(env->vars, env->n + 33, sizeof *env->vars);
	env->vars[env->n++] = var;
	env->vars[env->n] = NULL;
}

static void
add_text(struct localenv *env, const char *name, const char *value)
{
	if (value != NULL)
		add(env, name, value, strlen(value));
}

/* What local(8) lets through; the shell makes nothing of any of it. */
static bool
is_harmless(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!@%-_=+:,./", c) != NULL);
}

static void
add_sanitised(
    struct localenv *env, const char *name, const char *value, size_t len)
{
	char *s;

	add(env, name, value, len);
	s = env->vars[env->n - 1] + strlen(name) + 1;
	for (size_t i = 0; i < len; i++)
		if (!is_harmless(s[i]))
			s[i] = '_';
}

static void
add_member(struct localenv *env, json obj, const char *key, const char *name)
{
	const char *s = json_str(obj, key);

	if (s != NULL)
		add_sanitised(env, name, s, strlen(s));
}

static void
add_recipient(struct localenv *env, const char *to)
{
	const char *at = strrchr(to, '@');
	size_t local = at != NULL ? (size_t)(at - to) : strlen(to);
	const char *plus = memchr(to, '+', local);

	add_sanitised(env, "RECIPIENT", to, strlen(to));
	add_sanitised(env, "LOCAL", to, local);
	if (at != NULL)
		add_sanitised(env, "DOMAIN", at + 1, strlen(at + 1));
	/* local(8) does not split an address that would have no user then. */
	if (plus != NULL && plus > to)
		add_sanitised(env, "EXTENSION", plus + 1,
		    local - (size_t)(plus + 1 - to));
}

static void
add_user(struct localenv *env)
{
	static bool is_known;
	static char *name, *home, *shell;
	const struct passwd *pw;

	if (!is_known) {
		is_known = true;
		pw = getpwuid(geteuid());
		if (pw != NULL) {
			name = xstrdup(pw->pw_name);
			home = xstrdup(pw->pw_dir);
			shell = xstrdup(
			    pw->pw_shell[0] != '\0' ? pw->pw_shell : "/bin/sh");
		}
	}
	add_text(env, "USER", name);
	add_text(env, "LOGNAME", name);
	add_text(env, "HOME", home);
	add_text(env, "SHELL", shell);
}

static void
add_derived(struct localenv *env, json envelope)
{
	json client = json_member(envelope, "client", JSON_OBJECT);
	const char *from = json_str(envelope, "from");
	const char *to = json_str(envelope, "to");

	add_user(env);
	if (from == NULL)
		from = "";
	add_sanitised(env, "SENDER", from, strlen(from));
	if (to != NULL)
		add_recipient(env, to);
	add_member(env, envelope, "original_to", "ORIGINAL_RECIPIENT");
	for (size_t i = 0; i < COUNT(client_vars); i++)
		add_member(
		    env, client, client_vars[i].key, client_vars[i].name);
	json_free(client);
}

static void
add_verbatim(struct localenv *env, json given)
{
	const char *const *name;

	for (name = mta_variables; *name != NULL; name++)
		add_text(env, *name, json_str(given, *name));
}

/* What a handler gets from us, whoever the MTA was. */
static void
add_own(struct localenv *env, json rec, int64_t attempt)
{
	const char *path = getenv("PATH");
	char text[24];

	add_text(env, "PATH", path != NULL ? path : "/usr/bin:/bin");
	for (size_t i = 0; i < COUNT(exported); i++)
		add_text(env, exported[i], getenv(exported[i]));
	add_text(env, "MAIL_ID", json_str(rec, "id"));
	add_text(env, "MAIL_TENANT", json_str(rec, "tenant"));
	snprintf(text, sizeof text, "%lld", (long long)attempt);
	add_text(env, "MAIL_ATTEMPT", text);
}

void
localenv_make(struct localenv *env, json rec, int64_t attempt)
{
	json envelope = json_member(rec, "envelope", JSON_OBJECT);
	json given = json_member(envelope, "env", JSON_OBJECT);

	*env = (struct localenv){0};
	add_verbatim(env, given);
	if (env->n == 0)
		add_derived(env, envelope);
	add_own(env, rec, attempt);
	json_free(given);
	json_free(envelope);
}

void
localenv_set(struct localenv *env, const char *name, const char *value)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->vars[i], name, len) == 0 &&
		    env->vars[i][len] == '=') {
			free(env->vars[i]);
			env->vars[i] = xasprintf("%s=%s", name, value);
			return;
		}
	add_text(env, name, value);
}

void
localenv_release(struct localenv *env)
{
	for (size_t i = 0; i < env->n; i++)
		free(env->vars[i]);
	free(env->vars);
	*env = (struct localenv){0};
}
