/* Unit tests of mail/envelope.c and mail/address.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "mail/address.h"
#include "mail/defect.h"
#include "mail/envelope.h"
#include "mail/header.h"

enum {
	VARIABLES = 6,
};

static int failures;

static void
fail(size_t i, const char *what, const char *got)
{
	fprintf(stderr, "envelope: row %zu: %s: %s\n", i, what, got);
	failures++;
}

#define TOP                                                                    \
	"Return-Path: <s@top>\nX-Original-To: o@top\n"                         \
	"Delivered-To: r@top\nReceived: x\n"

static const struct {
	const char *env[VARIABLES]; /* NAME=value */
	const char *sender, *recipient;
	const char *header;
	const char *want; /* the envelope without "env" */
	defect_set defects;
} rows[] = {
    /* Nothing is known. */
    {{0}, NULL, NULL, "", "{}", DEFECT_NO_RECIPIENT},
    {{"USER=me", "HOME=/home/me"}, NULL, NULL, "To: x\n", "{}",
	DEFECT_NO_RECIPIENT},
    /* Options win. */
    {{"SENDER=s@env", "RECIPIENT=r@env"}, "s@opt", "r@opt", TOP,
	"{\"from\":\"s@opt\",\"to\":\"r@opt\",\"original_to\":\"o@top\","
	"\"source\":{\"from\":\"option\",\"to\":\"option\","
	"\"original_to\":\"header:X-Original-To\"}}",
	0},
    {{0}, "", "r", "",
	"{\"from\":\"\",\"to\":\"r\","
	"\"source\":{\"from\":\"option\",\"to\":\"option\"}}",
	0},
    /* Then the environment. */
    {{"SENDER=s@env", "RECIPIENT=r@env", "ORIGINAL_RECIPIENT=o@env"}, NULL,
	NULL, TOP,
	"{\"from\":\"s@env\",\"to\":\"r@env\",\"original_to\":\"o@env\","
	"\"source\":{\"from\":\"env:SENDER\",\"to\":\"env:RECIPIENT\","
	"\"original_to\":\"env:ORIGINAL_RECIPIENT\"}}",
	0},
    {{"SENDER=", "RECIPIENT=r@env"}, NULL, NULL,
	"Return-Path: <s@top>\nReceived: x\n",
	"{\"from\":\"\",\"to\":\"r@env\","
	"\"source\":{\"from\":\"env:SENDER\",\"to\":\"env:RECIPIENT\"}}",
	0},
    {{"ORIGINAL_RECIPIENT=o@env", "LOCAL_PART=r", "DOMAIN=d"}, NULL, NULL, "",
	"{}", DEFECT_NO_RECIPIENT},
    {{"SENDER=s", "RECIPIENT=r", "CLIENT_ADDRESS=192.0.2.1", "CLIENT_HELO=h",
	 "CLIENT_HOSTNAME=n", "CLIENT_PROTOCOL=ESMTP"},
	NULL, NULL, "",
	"{\"from\":\"s\",\"to\":\"r\",\"client\":{\"address\":\"192.0.2.1\","
	"\"helo\":\"h\",\"name\":\"n\",\"protocol\":\"ESMTP\"},"
	"\"source\":{\"from\":\"env:SENDER\",\"to\":\"env:RECIPIENT\"}}",
	0},
    /* Exim. */
    {{"SENDER=s", "LOCAL_PART=r", "LOCAL_PART_SUFFIX=+x", "DOMAIN=d"}, NULL,
	NULL, TOP,
	"{\"from\":\"s\",\"to\":\"r+x@d\",\"original_to\":\"o@top\","
	"\"source\":{\"from\":\"env:SENDER\",\"to\":\"env:LOCAL_PART\","
	"\"original_to\":\"header:X-Original-To\"}}",
	0},
    /* What the environment cannot say is on top. */
    {{"SENDER=s", "RECIPIENT="}, NULL, NULL, TOP,
	"{\"from\":\"s\",\"to\":\"r@top\",\"original_to\":\"o@top\","
	"\"source\":{\"from\":\"env:SENDER\",\"to\":\"header:Delivered-To\","
	"\"original_to\":\"header:X-Original-To\"}}",
	0},
    {{"SENDER=s\n@env", "RECIPIENT=r"}, NULL, NULL, "Return-Path: <s@top>\n",
	"{\"from\":\"s@top\",\"to\":\"r\",\"source\":{"
	"\"from\":\"header:Return-Path\",\"to\":\"env:RECIPIENT\"}}",
	DEFECT_BAD_ENVELOPE},
    /* What Postfix made of the field on top. */
    {{"SENDER=o_b@x", "RECIPIENT=r_d@x", "ORIGINAL_RECIPIENT=o_@x"}, NULL, NULL,
	"Return-Path: <o'b@x>\nX-Original-To: o#@x\nDelivered-To: r&d@x\n",
	"{\"from\":\"o'b@x\",\"to\":\"r&d@x\",\"original_to\":\"o#@x\","
	"\"source\":{\"from\":\"header:Return-Path\","
	"\"to\":\"header:Delivered-To\","
	"\"original_to\":\"header:X-Original-To\"}}",
	0},
    {{"SENDER=a_b@x", "RECIPIENT=r"}, NULL, NULL, "Return-Path: <\"a b\"@x>\n",
	"{\"from\":\"\\\"a b\\\"@x\",\"to\":\"r\",\"source\":{"
	"\"from\":\"header:Return-Path\",\"to\":\"env:RECIPIENT\"}}",
	0},
    {{"SENDER=a_b@x", "RECIPIENT=r"}, NULL, NULL, "Return-Path: <acb@x>\n",
	"{\"from\":\"a_b@x\",\"to\":\"r\",\"source\":{"
	"\"from\":\"env:SENDER\",\"to\":\"env:RECIPIENT\"}}",
	0},
    {{"SENDER=a_b@x", "RECIPIENT=r"}, NULL, NULL,
	"Received: x\nReturn-Path: <a'b@x>\n",
	"{\"from\":\"a_b@x\",\"to\":\"r\",\"source\":{"
	"\"from\":\"env:SENDER\",\"to\":\"env:RECIPIENT\"}}",
	0},
    /* The fields on top, the first of each, and none from below. */
    {{0}, NULL, NULL, TOP,
	"{\"from\":\"s@top\",\"to\":\"r@top\",\"original_to\":\"o@top\","
	"\"source\":{\"from\":\"header:Return-Path\","
	"\"to\":\"header:Delivered-To\","
	"\"original_to\":\"header:X-Original-To\"}}",
	0},
    {{0}, NULL, NULL,
	"delivered-to : <a@x>\nDelivered-To: b@x\nReturn-Path:\n <>\n",
	"{\"from\":\"\",\"to\":\"a@x\",\"source\":{"
	"\"from\":\"header:Return-Path\",\"to\":\"header:Delivered-To\"}}",
	0},
    {{0}, NULL, NULL, "X-Original-To: o@x\nReceived: x\nDelivered-To: r@x\n",
	"{\"to\":\"o@x\",\"original_to\":\"o@x\",\"source\":{"
	"\"to\":\"header:X-Original-To\","
	"\"original_to\":\"header:X-Original-To\"}}",
	0},
    {{0}, NULL, NULL, "Received: x\n" TOP, "{}", DEFECT_NO_RECIPIENT},
    {{0}, NULL, NULL, "Return-Path:\nDelivered-To: <>\n", "{}",
	DEFECT_NO_RECIPIENT},
    {{0}, NULL, NULL, "Delivered-To: a\rb@x\nReturn-Path: <a\x01@x>\n", "{}",
	DEFECT_NO_RECIPIENT | DEFECT_BAD_ENVELOPE},
    /* The "From " line. */
    {{0}, NULL, "r", "From s@x  Sat Nov 21\nA: b\n",
	"{\"from\":\"s@x\",\"to\":\"r\","
	"\"source\":{\"from\":\"from-line\",\"to\":\"option\"}}",
	0},
    {{0}, NULL, "r", "From \"a \\\" b\"@x Sat Nov 21\nA: b\n",
	"{\"from\":\"\\\"a \\\\\\\" b\\\"@x\",\"to\":\"r\","
	"\"source\":{\"from\":\"from-line\",\"to\":\"option\"}}",
	0},
    {{0}, NULL, "r", "From MAILER-DAEMON Sat Nov 21\nA: b\n",
	"{\"from\":\"\",\"to\":\"r\","
	"\"source\":{\"from\":\"from-line\",\"to\":\"option\"}}",
	0},
    {{0}, NULL, "r", "From - Sat Nov 21\nA: b\n",
	"{\"to\":\"r\",\"source\":{\"to\":\"option\"}}", 0},
    {{0}, NULL, "r", "From s@x Sat Nov 21\nReturn-Path: <t@x>\n",
	"{\"from\":\"t@x\",\"to\":\"r\","
	"\"source\":{\"from\":\"header:Return-Path\",\"to\":\"option\"}}",
	0},
    /* What is not UTF-8. */
    {{"SENDER=\xe9@x", "RECIPIENT=\xc3\xa9@x"}, NULL, NULL, "",
	"{\"from\":\"\\\\xe9@x\",\"to\":\"\xc3\xa9@x\",\"source\":{"
	"\"from\":\"env:SENDER\",\"to\":\"env:RECIPIENT\"}}",
	DEFECT_ENVELOPE_NOT_UTF8},
};

static void
set_environment(const char *const *env)
{
	clearenv();
	for (size_t i = 0; i < VARIABLES && env[i] != NULL; i++) {
		const char *equals = strchr(env[i], '=');
		char *name = xstrndup(env[i], (size_t)(equals - env[i]));

		setenv(name, equals + 1, 1);
		free(name);
	}
}

static void
check_row(size_t i)
{
	struct header_scan s = {0};
	struct header h;
	struct envelope env;
	defect_set defects;
	struct buf got = BUF_INIT;
	struct err e = ERR_INIT;
	json value, want;

	set_environment(rows[i].env);
	header_scan(&s, rows[i].header, strlen(rows[i].header), true);
	header_parse(&h, rows[i].header, &s);
	envelope_resolve(&env, rows[i].sender, rows[i].recipient, &h);
	defects = env.defects;
	value = json_del(envelope_json(&env, &defects), "env");
	json_dump(json_copy(value), &got);
	if (json_parse(rows[i].want, strlen(rows[i].want), &want, &e) == -1)
		fail(i, "the table", e.text);
	else if (!json_equal(value, want))
		fail(i, "envelope", got.data);
	json_free(value);
	json_free(want);
	if (defects != rows[i].defects)
		fail(i, "defects", got.data);
	buf_release(&got);
	envelope_release(&env);
	header_release(&h);
}

/* All of the MTA's variables are kept as they are, and nothing else. */
static void
check_variables(void)
{
	static const char *const vars[VARIABLES] = {"SENDER=a\tb",
	    "EXT=", "DTLINE=Delivered-To: x\n", "PATH=/bin", "LD_PRELOAD=x"};
	struct header h = {0};
	struct envelope env;
	defect_set defects = 0;
	json want = json_object(), got, all;

	want = json_set_str(want, "SENDER", "a\tb");
	want = json_set_str(want, "EXT", "");
	want = json_set_str(want, "DTLINE", "Delivered-To: x\n");
	set_environment(vars);
	envelope_resolve(&env, NULL, NULL, &h);
	all = envelope_json(&env, &defects);
	got = json_member(all, "env", JSON_OBJECT);
	if (!json_equal(got, want))
		fail(0, "variables", "differ");
	json_free(got);
	json_free(want);
	json_free(all);
	envelope_release(&env);
}

static void
check_addresses(void)
{
	static const char *const pairs[][2] = {{"a@b", "a@b"},
	    {" <a@b>\t", "a@b"}, {"<>", ""}, {"", ""}, {"<", "<"},
	    {"a..b.@docomo.ne.jp", "a..b.@docomo.ne.jp"},
	    {"\"a b\"@c", "\"a b\"@c"}, {"a\nb", NULL}, {"a\tb", NULL},
	    {"a\x7f", NULL}};
	char big[ADDRESS_MAX + 2];

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct err e = ERR_INIT;
		const char *want = pairs[i][1];
		char *got = address_clean(pairs[i][0], strlen(pairs[i][0]), &e);

		if ((got == NULL) != (want == NULL) ||
		    (got != NULL && strcmp(got, want) != 0) ||
		    (got == NULL && e.class != ERR_USAGE))
			fail(i, "address_clean", pairs[i][0]);
		free(got);
	}
	memset(big, 'a', sizeof big);
	for (size_t n = ADDRESS_MAX; n <= ADDRESS_MAX + 1; n++) {
		struct err e = ERR_INIT;
		char *got = address_clean(big, n, &e);

		if ((got != NULL) != (n == ADDRESS_MAX))
			fail(n, "address_clean", "the longest");
		free(got);
	}
}

int
main(void)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check_row(i);
	check_variables();
	check_addresses();
	return failures > 0;
}
