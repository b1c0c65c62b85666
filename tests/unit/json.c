/*
 * What is JSON (RFC 8259), and that it comes out as it went in: whatever the
 * quick ways do, libjq's own parser and writer are the measure.
 */
#include "core/json.h"

#include <stdio.h>
#include <string.h>

#include "core/json_text.h"

static int failures, n_apart;

static void
fail(const char *what, const char *text)
{
	fprintf(stderr, "%s: %.200s\n", what, text);
	failures++;
}

static const char *const good[] = {
    "{}",
    "[]",
    "null",
    " { } ",
    "\"\"",
    "[1,-0,0.5,1e9,-1.5E-3,12345678901234567890]",
    "{\"a\":{\"b\":[true,false,null,\"c\"]},\"\":[[],{}]}",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\ud83c\\udf85\"",
    "\"\x7f\xc3\xa9\xf0\x9f\x8e\x85\"",
    "{\"a\":1,\"a\":2}",
    "\t[\r\n1 , 2\n]\n",
};

static const char *const bad[] = {
    "",
    " ",
    "{",
    "}",
    "[",
    "]",
    "[1,]",
    "[,1]",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{a:1}",
    "{\"a\":1]",
    "[1}",
    "[1 2]",
    "1 2",
    "{} {}",
    "01",
    "1.",
    ".5",
    "+1",
    "1e",
    "tru",
    "nulls",
    "nan",
    "'a'",
    "\"a",
    "\"\\x\"",
    "\"\\u12g4\"",
    "\"\\ud800\"",
    "\"\\udc00\"",
    "\"\\ud800\\u0041\"",
    "\"a\nb\"",
    "\"12345678\x01\"",
    "\"\x80\"",
    "\"\xed\xa0\x80\"",
};

static void
test_same(const char *text, size_t len)
{
	struct err e = ERR_INIT;
	struct buf got = BUF_INIT;
	jv ours, theirs = jv_parse_sized(text, (int)len), dumped;

	if (json_parse(text, len, &ours, &e) == -1) {
		fail(e.text, text);
		jv_free(theirs);
		return;
	}
	dumped = jv_dump_string(jv_copy(theirs), 0);
	json_dump(jv_copy(ours), &got);
	if (strcmp(got.data, jv_string_value(dumped)) != 0)
		fail("another text", got.data);
	if (!jv_equal(ours, theirs))
		fail("another value", text);
	jv_free(dumped);
	buf_release(&got);
}

/* What is kept apart, put back, makes the same value. */
static void
test_end(const char *text, size_t len)
{
	struct err e = ERR_INIT;
	jv ours, theirs = jv_parse_sized(text, (int)len);
	struct json_end end;

	if (json_parse_end(text, len, "content", "base64", &ours, &end, &e) ==
	    -1) {
		fail(e.text, text);
		jv_free(theirs);
		return;
	}
	if (end.string != NULL) {
		if (json_has(ours, "content"))
			fail("it is there twice", text);
		ours = json_set(ours, "content",
		    json_set(jv_object(), "base64",
			jv_string_sized(end.string, (int)end.string_len)));
		n_apart++;
	}
	if (!jv_equal(ours, theirs))
		fail("another value with its end", text);
}

static void
test_bad(const char *text, size_t len)
{
	struct err e = ERR_INIT;
	jv value;

	if (json_parse(text, len, &value, &e) == 0) {
		fail("taken", text);
		jv_free(value);
	} else if (e.class != ERR_DATA) {
		fail("class", text);
	}
}

static void
test_depth(size_t depth, bool is_good)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < depth; i++)
		buf_addch(&text, '[');
	buf_addch(&text, '1');
	for (size_t i = 0; i < depth; i++)
		buf_addch(&text, ']');
	if (is_good)
		test_same(text.data, text.len);
	else
		test_bad(text.data, text.len);
	buf_release(&text);
}

/* before + a string of n bytes + after. */
static void
test_long(const char *before, size_t n, const char *after, bool is_good)
{
	struct buf text = BUF_INIT;

	buf_addstr(&text, before);
	for (size_t i = 0; i < n; i++)
		buf_addch(&text, (char)('A' + i % 26));
	buf_addstr(&text, after);
	if (is_good) {
		test_same(text.data, text.len);
		test_end(text.data, text.len);
	} else {
		test_bad(text.data, text.len);
	}
	buf_release(&text);
}

static void
test_long_ends(void)
{
	for (size_t n = 1000; n < 3000; n += 1000) {
		test_long("{\"id\":\"a\",\"content\":{\"base64\":\"", n, "\"}}",
		    true);
		test_long("{\"content\":{\"base64\":\"", n, "\"}}", true);
		test_long("{\"content\":1,\"content\":{\"base64\":\"", n,
		    "\"}}", true);
		test_long("{\"a\":{\"b\":1,\"content\":{\"base64\":\"", n,
		    "\"}}}", true);
		test_long(
		    "[{\"a\":1,\"content\":{\"base64\":\"", n, "\"}}]", true);
		test_long("{\"a\":1,\"content\":{\"b\":1,\"base64\":\"", n,
		    "\"}}", true);
		test_long(
		    "{\"a\":1,\"con\\\"tent\":{\"base64\":\"", n, "\"}}", true);
		test_long(
		    "{\"a\":1,\"content\":{\"ba\\\"se64\":\"", n, "\"}}", true);
		test_long(
		    "{\"a\":1,\"content\":{\"base64\":\"\\\"", n, "\"}}", true);
		test_long(
		    "{\"a\":1,\"content\":{\"base64\":\"", n, "\\n\"}}", true);
		test_long("{\"a\":\",\\\"content\\\":{\\\"base64\\\":\\\"", n,
		    "\\\"}}\"}", true);
		test_long(
		    "{\"a\":1 ,\"content\" : {\"base64\":\"", n, "\"}} ", true);
		test_long(
		    "{\"a\":1,\"content\":{\"base64\":\"", n, "\n\"}}", false);
		test_long("{,\"content\":{\"base64\":\"", n, "\"}}", false);
		test_long(
		    "{\"a\":[1,\"content\":{\"base64\":\"", n, "\"}}", false);
		test_long(
		    "{\"a\":1,\"content\":{\"base64\":\"", n, "\"}}}", false);
	}
}

static void
test_text(void)
{
	struct buf out = BUF_INIT;

	json_text_open(&out, '{');
	json_text_member(&out, "a", "\xff\"\n\0x", 5);
	json_text_member_int(&out, "b", -7);
	json_text_key(&out, "c");
	buf_addstr(&out, "[]}");
	if (strcmp(out.data,
		"{\"a\":\"\\\\xff\\\"\\n\\u0000x\",\"b\":-7,\"c\":[]}") != 0)
		fail("text", out.data);
	buf_release(&out);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		test_same(good[i], strlen(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		test_bad(bad[i], strlen(bad[i]));
	test_bad("[\0]", 3);
	test_bad("{}\0", 3);
	test_depth(JSON_DEPTH_MAX, true);
	test_depth(JSON_DEPTH_MAX + 1, false);
	test_long_ends();
	if (n_apart != 2) /* of all above, one with 2,000 bytes of each */
		fail("kept apart", n_apart > 2 ? "too often" : "too seldom");
	test_text();
	return failures > 0;
}
