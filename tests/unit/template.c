/* Templates of mail (send/template.h): how strings are cut, and filled. */
#include "send/template.h"

#include <stdio.h>
#include <string.h>

static int failures;

static void
fail(const char *what, const char *got, const char *want)
{
	fprintf(stderr, "%s: got %s, want %s\n", what, got, want);
	failures++;
}

/* The answers are 1, "<2>", 3 and so on, one for each expression. */
static const struct {
	const char *template, *program, *want;
} good[] = {
    {"{\"a\":\"{{ .x }}\"}",
	"[(try [limit(2;( .x \n))] catch {error:tostring})]", "{\"a\":1}"},
    {"{\"a\":\"x{{.x}}y\"}", NULL, "{\"a\":\"x1y\"}"},
    {"{\"a\":\"{{.x}}{{.y}}{{.z}}\"}", NULL, "{\"a\":\"1<2>3\"}"},
    {"[\"{{.x}}\",[\"-\",\"{{.y}}\"],{\"b\":\"{{.z}}-\"}]", NULL,
	"[1,[\"-\",\"<2>\"],{\"b\":\"3-\"}]"},
    {"{\"mail\":{\"html\":\"{{.x}}{{.y}}{{{.z}}}\",\"text\":\"{{.x}}\"}}", NULL,
	"{\"mail\":{\"html\":\"1&lt;2&gt;3\",\"text\":4}}"},
    {"{\"html\":\"{{.x}}{{.y}}\"}", NULL, "{\"html\":\"1<2>\"}"},
    {"{\"a\":\"{{ \\\"}}\\\" }}\"}", NULL, "{\"a\":1}"},
    {"{\"a\":\"{{ \\\"\\\\(\\\"}}\\\" + \\\")\\\") }}\\\" }}!\"}", NULL,
	"{\"a\":\"1!\"}"},
    {"{\"a\":\"{{ {b:{c:1}} }}!\"}", NULL, "{\"a\":\"1!\"}"},
    {"{\"a\":\"}} { } {{.x}} }}\"}", NULL, "{\"a\":\"}} { } 1 }}\"}"},
    {"{\"a\":\"{{}}\"}", NULL, "{\"a\":1}"},
};

static const struct {
	const char *template, *want;
} bad[] = {
    {"{\"a\":\"x\"}", "no {{ }} in it: each line would make the same mail"},
    {"{\"a\":{\"b\":[0,\"{{ .x\"]}}", "a.b[1]: \"{{\" without an end"},
    {"{\"a\":\"{{{ .x }}\"}", "a: \"{{{\" without an end"},
    {"{\"a\":\"{{ \\\"}}\"}", "a: \"{{\" without an end"},
    {"{\"a\":\"{{ (}}\"}", "a: \"{{\" without an end"},
    {"{\"a\":\"{{ .x \\u0000 }}\"}", "a: there is a NUL in it"},
};

static const struct {
	const char *answers, *want;
} wrong[] = {
    {"[[null]]", "a: {{ .x }}: it is missing, or null"},
    {"[[]]", "a: {{ .x }}: it has no value"},
    {"[[1,2]]", "a: {{ .x }}: it has several values"},
    {"[{\"error\":\"why\"}]", "a: {{ .x }}: why"},
    {"[7]", "a: {{ .x }}: no answer"},
    {"[]", "a: {{ .x }}: no answer"},
    {"[[[]]]", "a: {{ .x }}: an array cannot stand in text"},
    {"[[{}]]", "a: {{ .x }}: an object cannot stand in text"},
};

static json
parse(const char *text)
{
	struct err e = ERR_INIT;
	json v = json_none();

	if (json_parse(text, strlen(text), &v, &e) == -1)
		fail(text, e.text, "JSON");
	return v;
}

static json
answers(size_t n)
{
	json all = json_array();

	for (size_t i = 1; i <= n; i++)
		all = json_append(all,
		    json_append(json_array(),
			i == 2 ? json_string("<2>") : json_number((int)i)));
	return all;
}

static void
try_good(size_t i)
{
	struct err e = ERR_INIT;
	struct template t;
	struct buf text = BUF_INIT, program = BUF_INIT;
	json out = json_none(), all;

	if (template_parse(&t, parse(good[i].template), &e) == -1)
		fail(good[i].template, e.text, "a template");
	all = answers(t.n_exprs);
	if (template_fill(&t, all, &out, &e) == -1)
		fail(good[i].template, e.text, good[i].want);
	json_dump(out, &text);
	buf_addstr(&text, "");
	template_program(&t, &program);
	if (strcmp(text.data, good[i].want) != 0)
		fail(good[i].template, text.data, good[i].want);
	if (good[i].program != NULL &&
	    strcmp(program.data, good[i].program) != 0)
		fail(good[i].template, program.data, good[i].program);
	json_free(all);
	template_release(&t);
	buf_release(&text);
	buf_release(&program);
}

static void
try_bad(size_t i)
{
	struct err e = ERR_INIT;
	struct template t;

	if (template_parse(&t, parse(bad[i].template), &e) == 0 ||
	    strcmp(e.text, bad[i].want) != 0 || e.class != ERR_USAGE)
		fail(bad[i].template, e.text, bad[i].want);
	template_release(&t);
}

static void
try_wrong(size_t i)
{
	struct err e = ERR_INIT;
	struct template t;
	json all = parse(wrong[i].answers), out;

	if (template_parse(&t, parse("{\"a\":\"-{{ .x }}\"}"), &e) == -1)
		fail("template", e.text, "a template");
	if (template_fill(&t, all, &out, &e) == 0 ||
	    strcmp(e.text, wrong[i].want) != 0 || e.class != ERR_DATA)
		fail(wrong[i].answers, e.text, wrong[i].want);
	json_free(all);
	template_release(&t);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		try_good(i);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		try_bad(i);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		try_wrong(i);
	return failures == 0 ? 0 : 1;
}
