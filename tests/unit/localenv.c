/* Unit tests of mail/localenv.c: what a handler finds in its environment. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "mail/localenv.h"

enum {
	VARIABLES = 8,
};

static int failures;

static void
fail(size_t i, const char *what, const char *var)
{
	fprintf(stderr, "localenv: row %zu: %s: %s\n", i, what, var);
	failures++;
}

/* The value of a variable, or NULL; how often it is there is *n. */
static const char *
lookup(const struct localenv *env, const char *name, size_t *n)
{
	size_t len = strlen(name);
	const char *value = NULL;

	*n = 0;
	for (char **v = env->vars; *v != NULL; v++)
		if (strncmp(*v, name, len) == 0 && (*v)[len] == '=') {
			value = *v + len + 1;
			++*n;
		}
	return value;
}

#define DERIVED "{\"id\":\"i\",\"tenant\":\"t\",\"envelope\":"
#define GIVEN "{\"id\":\"i\",\"tenant\":\"t\",\"envelope\":{\"env\":"

static const struct {
	const char *rec;
	const char *want[VARIABLES]; /* NAME=value, or -NAME: not there */
} rows[] = {
    /* Derived, as local(8) does. */
    {DERIVED "{\"from\":\"a@x.com\",\"to\":\"b+c+d@y.jp\","
	     "\"original_to\":\"o@y.jp\"}}",
	{"SENDER=a@x.com", "RECIPIENT=b+c+d@y.jp", "LOCAL=b+c+d", "DOMAIN=y.jp",
	    "EXTENSION=c+d", "ORIGINAL_RECIPIENT=o@y.jp", "USER=*", "HOME=*"}},
    {DERIVED "{\"from\":\"\",\"to\":\"b\"}}",
	{"SENDER=", "RECIPIENT=b", "LOCAL=b", "-DOMAIN", "-EXTENSION",
	    "-ORIGINAL_RECIPIENT", "LOGNAME=*", "SHELL=*"}},
    {DERIVED "{\"to\":\"a@b@c\"}}",
	{"SENDER=", "RECIPIENT=a@b@c", "LOCAL=a@b", "DOMAIN=c"}},
    {DERIVED "{\"to\":\"+x@y\"}}", {"LOCAL=+x", "-EXTENSION"}},
    {DERIVED "{\"to\":\"a+@y\"}}", {"LOCAL=a+", "EXTENSION="}},
    {DERIVED "{\"to\":\"a@b+c\"}}", {"DOMAIN=b+c", "-EXTENSION"}},
    {DERIVED "{}}", {"SENDER=", "-RECIPIENT", "-LOCAL", "-DOMAIN"}},
    {DERIVED "7}", {"SENDER=", "-RECIPIENT", "MAIL_ID=i"}},
    /* Sanitised, each byte. */
    {DERIVED "{\"from\":\"a'b&c#\\u3042 d\\n@x\",\"to\":\"$(x)`y`@z\"}}",
	{"SENDER=a_b_c____"
	 "_d_@x",
	    "RECIPIENT=__x__y_@z", "LOCAL=__x__y_"}},
    {DERIVED "{\"from\":\"A-Z_09=+:,./%!@x\"}}", {"SENDER=A-Z_09=+:,./%!@x"}},
    {DERIVED "{\"from\":\"a\\u0000b\",\"to\":\"c\\u0000\"}}",
	{"SENDER=", "-RECIPIENT"}},
    {DERIVED "{\"from\":1,\"to\":[\"x\"]}}", {"SENDER=", "-RECIPIENT"}},
    {DERIVED "{\"client\":{\"address\":\"192.0.2.1\",\"helo\":\"h;x\","
	     "\"name\":\"n\",\"protocol\":\"ESMTP\"}}}",
	{"CLIENT_ADDRESS=192.0.2.1", "CLIENT_HELO=h_x", "CLIENT_HOSTNAME=n",
	    "CLIENT_PROTOCOL=ESMTP"}},
    /* The MTA's own, verbatim, and nothing beside them. */
    {GIVEN "{\"SENDER\":\"a'b @x\",\"EXT2\":\"y\",\"DTLINE\":\"z\\n\"},"
	   "\"from\":\"no@x\",\"to\":\"no@y\"}}",
	{"SENDER=a'b @x", "EXT2=y", "DTLINE=z\n", "-RECIPIENT", "-USER"}},
    {GIVEN "{\"SENDER\":\"\",\"HOME\":\"/h\"}}}", {"SENDER=", "HOME=/h"}},
    /* Forged ones. */
    {GIVEN "{\"SENDER\":\"s\",\"LD_PRELOAD\":\"/x\",\"PATH\":\"/x\","
	   "\"IFS\":\"x\",\"BASH_ENV\":\"/x\",\"MAIL_ID\":\"x\","
	   "\"SENDER=x\\nFOO\":\"y\",\"sender\":\"z\"}}}",
	{"SENDER=s", "-LD_PRELOAD", "PATH=/our/path", "-IFS", "-BASH_ENV",
	    "MAIL_ID=i", "-FOO", "-sender"}},
    {GIVEN "{\"SENDER\":\"a\\u0000b\",\"DOMAIN\":7,\"LOCAL\":\"l\"}}}",
	{"-SENDER", "-DOMAIN", "LOCAL=l"}},
    /* None that we know: as if there were none. */
    {GIVEN "{\"LD_PRELOAD\":\"/x\"},\"to\":\"b@y\"}}",
	{"RECIPIENT=b@y", "-LD_PRELOAD"}},
    {GIVEN "[],\"to\":\"b@y\"}}", {"RECIPIENT=b@y"}},
    /* Ours, always. */
    {DERIVED "{}}",
	{"PATH=/our/path", "TZ=Asia/Tokyo", "LANG=C", "-MAIL_CONFIG",
	    "MAIL_ID=i", "MAIL_TENANT=t", "MAIL_ATTEMPT=7", "-FOREIGN"}},
};

static void
check(size_t i, const struct localenv *env, const char *want)
{
	char name[32];
	const char *equals = strchr(want, '='), *value;
	size_t n;

	if (equals == NULL) {
		if (lookup(env, want + 1, &n) != NULL)
			fail(i, "there is", want + 1);
		return;
	}
	snprintf(name, sizeof name, "%.*s", (int)(equals - want), want);
	value = lookup(env, name, &n);
	if (n != 1)
		fail(i, "not there once", name);
	else if (strcmp(equals + 1, "*") != 0 && strcmp(value, equals + 1) != 0)
		fail(i, name, value);
}

static void
test_row(size_t i)
{
	struct err e = ERR_INIT;
	struct localenv env;
	json rec;

	if (json_parse(rows[i].rec, strlen(rows[i].rec), &rec, &e) == -1) {
		fail(i, "row", e.text);
		return;
	}
	localenv_make(&env, rec, 7);
	for (size_t k = 0; k < VARIABLES && rows[i].want[k] != NULL; k++)
		check(i, &env, rows[i].want[k]);
	localenv_release(&env);
	json_free(rec);
}

/* Without a PATH of ours there is still one. */
static void
test_no_path(void)
{
	json rec = json_object();
	struct localenv env;
	const char *path;
	size_t n;

	unsetenv("PATH");
	localenv_make(&env, rec, 0);
	path = lookup(&env, "PATH", &n);
	if (path == NULL || strcmp(path, "/usr/bin:/bin") != 0)
		fail(0, "PATH", path != NULL ? path : "none");
	localenv_release(&env);
	json_free(rec);
}

int
main(void)
{
	setenv("PATH", "/our/path", 1);
	setenv("TZ", "Asia/Tokyo", 1);
	setenv("LANG", "C", 1);
	setenv("FOREIGN", "x", 1);
	unsetenv("MAIL_CONFIG");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		test_row(i);
	test_no_path();
	return failures > 0;
}
