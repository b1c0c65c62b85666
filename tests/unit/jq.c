/* Unit tests of core/jq: programs that answer, that are wrong, that run away.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/jq.h"
#include "core/json.h"

static int failures;

static void
fail(const char *what, const char *got)
{
	fprintf(stderr, "jq: %s: %.300s\n", what, got);
	failures++;
}

/* Each program, its input, and its outputs or its error. */
static const struct {
	const char *program, *input;
	const char *want; /* the array; NULL: error holds this */
	const char *error;
	bool is_truthy;
} rows[] = {
    {".", "{\"b\":1,\"a\":[ 1 ,\n2]}", "[{\"b\":1,\"a\":[1,2]}]", NULL, true},
    {".failures | length == 0", "{\"failures\":[]}", "[true]", NULL, true},
    {".failures | length == 0", "{\"failures\":[1]}", "[false]", NULL, false},
    {".failures | length == 0", "{}", "[true]", NULL, true},
    {".a", "{}", "[null]", NULL, false},
    {"0, \"\", [], {}", "null", "[0,\"\",[],{}]", NULL, true},
    {"true, false", "null", "[true,false]", NULL, false},
    {"false, true", "null", "[false,true]", NULL, false},
    {"empty", "null", "[]", NULL, false},
    {"select(.x)", "{\"x\":1}", "[{\"x\":1}]", NULL, true},
    {".x | test(\"\\u6ce8\")", "{\"x\":\"\u6ce8\u6587\"}", "[true]", NULL,
	true},
    {"@json", "\"a\\nb\"", "[\"\\\"a\\\\nb\\\"\"]", NULL, true},
    {"debug", "1", "[1]", NULL, true},
    {"inputs", "1", "[]", NULL, false},
    {"$ENV | keys", "1", "[[\"TZ\"]]", NULL, true},
    {"halt", "1", "[]", NULL, false},
    {"input", "1", NULL, "break", false},
    {"1, error(\"oh\")", "1", NULL, "oh", false},
    {".a", "[]", NULL, "Cannot index array", false},
    {"halt_error", "\"oh\"", NULL, "oh", false},
    {"error({a: 1})", "1", NULL, "{\"a\":1}", false},
    {"[range(300)] | reduce .[] as $x (null; [.])", "1", NULL, "outputs",
	false},
    {"def f: 1 + f; f", "1", NULL, "the jq program", false},
    {"repeat(1)", "1", NULL, "no end", false},
};

static void
test_row(size_t i)
{
	struct err e = ERR_INIT;
	struct jq_program *p = jq_program_open(rows[i].program, &e);
	struct buf text = BUF_INIT;
	json input, outputs;

	if (p == NULL || json_parse(rows[i].input, strlen(rows[i].input),
			     &input, &e) == -1) {
		fail(rows[i].program, e.text);
		return;
	}
	/* Twice: the one before must leave nothing behind. */
	for (int k = 0; k < 2; k++) {
		err_clear(&e);
		buf_reset(&text);
		outputs = jq_program_run(p, json_copy(input), &e);
		json_dump(json_copy(outputs), &text);
		if (rows[i].want == NULL
			? json_is_valid(outputs) || e.class != ERR_DATA ||
			      strstr(e.text, rows[i].error) == NULL
			: e.class != ERR_NONE ||
			      strcmp(text.data, rows[i].want) != 0)
			fail(rows[i].program,
			    e.class != ERR_NONE ? e.text : text.data);
		if (jq_is_truthy(outputs) != rows[i].is_truthy)
			fail(rows[i].program, "truthy or not");
		json_free(outputs);
	}
	json_free(input);
	jq_program_free(p);
	buf_release(&text);
}

static const char *const wrong[] = {
    ".a(",
    "nosuchfunction",
    "import \"a\" as a {search: \"/tmp\"}; 1",
    "import \"a\" as $a; 1",
    "include \"a\"; 1",
    "$__prog_args",
};

static void
test_wrong(const char *text)
{
	struct err e = ERR_INIT;
	struct jq_program *p = jq_program_open(text, &e);

	if (p != NULL || e.class != ERR_USAGE ||
	    strncmp(e.text, "jq: ", 4) != 0)
		fail(text, e.text);
	jq_program_free(p);
}

/* One question without an end, and others before and behind it. */
static void
test_time(void)
{
	struct err e = ERR_INIT;
	struct jq_program *p =
	    jq_program_open("if . == 1 then last(repeat(1)) else . end", &e);
	int64_t began = clock_mono_ms();
	json outputs;

	for (int i = 0; p != NULL && i < 3; i++) {
		err_clear(&e);
		outputs = jq_program_run(p, json_number(i), &e);
		if (json_is_valid(outputs) != (i != 1))
			fail("time", e.text);
		if (i == 1 && strstr(e.text, "too long") == NULL)
			fail("time", e.text);
		json_free(outputs);
	}
	if (p == NULL || clock_mono_ms() - began > 4 * JQ_TEXT_MS)
		fail("time", "not held to it");
	jq_program_free(p);
}

/* Larger than a socket's buffer, in both directions. */
static void
test_large(void)
{
	struct err e = ERR_INIT;
	struct jq_program *p = jq_program_open(".", &e);
	size_t n = 3000000;
	char *s = xmalloc(n + 1);
	json outputs, v;

	memset(s, 'x', n);
	s[n] = '\0';
	outputs =
	    p != NULL ? jq_program_run(p, json_string(s), &e) : json_none();
	v = json_at(outputs, 0);
	if (json_kind(v) != JSON_STRING || json_string_len(v) != n)
		fail("large", e.text);
	json_free(v);
	json_free(outputs);
	jq_program_free(p);
	free(s);
}

/*
 * mailpipe-jq is looked for beside the program that wants it: go there, which
 * is the test's own directory.
 */
static void
run_beside_it(void)
{
	static char self[4096];

	if (getenv("MAILPIPE_BIN") == NULL) {
		puts("no MAILPIPE_BIN");
		exit(77);
	}
	if (readlink("/proc/self/exe", self, sizeof self - 1) != -1)
		execl("/bin/sh", "sh", "-c",
		    "cp \"$1\" here && ln -sf \"$MAILPIPE_BIN/mailpipe-jq\" . "
		    "&& "
		    "exec ./here now",
		    "sh", self, (char *)NULL);
	exit(1);
}

int
main(int argc, char **argv)
{
	(void)argv;
	signal(SIGPIPE, SIG_IGN);
	if (argc == 1)
		run_beside_it();
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		test_row(i);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		test_wrong(wrong[i]);
	test_time();
	test_large();
	return failures > 0;
}
