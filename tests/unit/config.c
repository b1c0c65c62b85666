/* What others read of the configuration: borrowed, with fallbacks. */
#include "core/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void
is(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "not so: %s\n", what);
	failures++;
}

static void
write_file(const char *text)
{
	FILE *f = fopen("config.json", "w");

	if (f == NULL || fputs(text, f) == EOF || fclose(f) == EOF) {
		perror("config.json");
		exit(1);
	}
}

static const char good[] =
    "{\"state\":\"/s\",\"limits\":{\"batch_records\":5},"
    "\"tenants\":{\"a.b\":{\"weight\":2.5,\"in_flight\":7,\"handler\":\"h\","
    "\"on_interrupted\":\"park\",\"retry\":{\"age\":\"5d\",\"max\":3},"
    "\"retention\":{\"dead\":90,\"skipped\":\"2h\"}},\"b\":{}},"
    "\"handlers\":{\"h\":{\"argv\":[\"x\"],\"nice\":4,"
    "\"limits\":{\"cpu_s\":\"1m\"}}},"
    "\"transports\":{\"x\":{\"url\":\"lmtp:y\"}}}";

static void
test_tenants(const struct config *c)
{
	const char *t = "a.b";

	is(config_tenant_number(c, t, "weight", 1) == 2.5, "weight");
	is(config_tenant_number(c, "b", "weight", 1) == 1, "weight of b");
	is(config_tenant_number(c, "none", "weight", 1) == 1, "of none");
	is(config_tenant_int(c, t, "in_flight", 0) == 7, "in_flight");
	is(config_tenant_int(c, "b", "in_flight", -1) == -1, "in_flight of b");
	is(config_tenant_int(c, t, "retry.max", 0) == 3, "retry.max");
	is(strcmp(config_tenant_str(c, t, "handler", ""), "h") == 0, "handler");
	is(strcmp(config_tenant_str(c, t, "on_interrupted", ""), "park") == 0,
	    "on_interrupted");
	is(config_tenant_str(c, "b", "handler", NULL) == NULL, "no handler");
	is(config_tenant_duration_s(c, t, "retry.age", 0) == 5 * 86400,
	    "a duration that is a string");
	is(config_tenant_duration_s(c, t, "retention.dead", 0) == 90,
	    "a duration that is a number");
	is(config_tenant_duration_s(c, t, "retention.parked", 8) == 8,
	    "a duration that is absent");
	is(config_tenant_int(c, t, "weight.x", 6) == 6, "below a number");
}

static void
test_others(const struct config *c)
{
	json h = config_handler(c, "h");

	is(json_count(config_in(h, "argv")) == 1, "argv");
	is(config_in_int(h, "nice", 0) == 4, "nice");
	is(config_in_duration_s(h, "limits.cpu_s", 0) == 60, "cpu_s");
	is(config_in_int(h, "limits.files", 9) == 9, "files");
	is(!json_is_valid(config_handler(c, "none")), "no handler");
	is(!json_is_valid(config_in(config_handler(c, "none"), "a.b")),
	    "in no handler");
	is(strcmp(config_in_str(config_transport(c, "x"), "url", ""),
	       "lmtp:y") == 0,
	    "url");
	is(strcmp(config_str(c, "state", ""), "/s") == 0, "state");
	is(strcmp(config_str(c, "engines.mail", "f"), "f") == 0, "engine");
	is(config_int(c, "limits.batch_records", 1) == 5, "batch_records");
	is(!json_is_valid(config_tenant(c, "tenants")), "no such tenant");
}

static void
test_broken(void)
{
	struct config c;
	struct err why = ERR_INIT;

	write_file("{\"state\":\"/s\",\"engines\":{\"mail\":\"sqlite:\","
		   "\"blobs\":7},\"limits\":{\"batch_records\":5}}");
	is(config_load_broken(&c, &why), "broken");
	is(strstr(why.text, ".engines.blobs: must be") != NULL, why.text);
	is(strcmp(config_str(&c, "state", ""), "/s") == 0, "its state");
	is(strcmp(config_str(&c, "engines.mail", ""), "sqlite:") == 0,
	    "its engine");
	is(config_str(&c, "engines.blobs", NULL) == NULL, "its other engine");
	is(config_int(&c, "limits.batch_records", 1) == 1, "nothing else");
	config_release(&c);
	err_clear(&why);
	write_file("[");
	is(config_load_broken(&c, &why) && json_count(c.root) == 1, "no JSON");
	config_release(&c);
	err_clear(&why);
	write_file(good);
	is(!config_load_broken(&c, &why), "good again");
	is(config_tenant_int(&c, "a.b", "in_flight", 0) == 7, "all of it");
	config_release(&c);
}

int
main(void)
{
	struct config c;
	struct err e = ERR_INIT;

	setenv("MAILPIPE_CONFIG", "config.json", 1);
	write_file(good);
	if (config_load(&c, &e) == -1) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	/* Twice: what was looked into is the same as what was not. */
	for (int i = 0; i < 2; i++) {
		test_tenants(&c);
		test_others(&c);
	}
	config_release(&c);
	test_broken();
	return failures > 0;
}
