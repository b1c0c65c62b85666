/*
 * What is JSON (RFC 8259), and that it comes out as it went in, touched or not:
 * libjq's values of the same text are the measure.
 */
#include "core/json.h"

#include <jv.h>
#include <stdio.h>
#include <string.h>

#include "core/json_text.h"

static int failures;

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

/* As it is, without the white space around it, and line ends in it. */
static void
expect_verbatim(const char *text, size_t len, const struct buf *got)
{
	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
		len--;
	while (len > 0 && strchr(" \t\r\n", *text) != NULL) {
		text++;
		len--;
	}
	if (got->len != len)
		fail("another length", got->data);
	for (size_t i = 0; i < got->len && i < len; i++)
		if (got->data[i] != (text[i] == '\n' ? ' ' : text[i])) {
			fail("not verbatim", got->data);
			return;
		}
}

/* Every value in it anew, so that all of it is looked into. */
static json
rebuilt(json v)
{
	json list = json_kind(v) == JSON_OBJECT ? json_object() : json_array();
	size_t len;

	if (json_kind(v) == JSON_STRING)
		list = (json_free(list),
		    json_stringn(json_string_value(v), json_string_len(v)));
	else if (json_kind(v) != JSON_OBJECT && json_kind(v) != JSON_ARRAY)
		list = (json_free(list), json_copy(v));
	for (int i = 0; i < json_count(v); i++) {
		json item = json_at(v, i);

		if (json_kind(v) == JSON_OBJECT)
			list = json_set(
			    list, json_key_at(v, i, &len), rebuilt(item));
		else
			list = json_append(list, rebuilt(item));
		json_free(item);
	}
	return list;
}

static json
libjqs(const char *text, size_t len)
{
	jv dumped = jv_dump_string(jv_parse_sized(text, (int)len), 0);
	struct err e = ERR_INIT;
	json v = json_none();

	if (json_parse(jv_string_value(dumped),
		(size_t)jv_string_length_bytes(jv_copy(dumped)), &v, &e) == -1)
		fail(e.text, "libjq's");
	jv_free(dumped);
	return v;
}

static void
test_same(const char *text, size_t len)
{
	struct err e = ERR_INIT;
	struct buf got = BUF_INIT, again = BUF_INIT;
	json ours, theirs = libjqs(text, len), new, read;

	if (json_parse(text, len, &ours, &e) == -1) {
		fail(e.text, text);
		json_free(theirs);
		return;
	}
	json_dump(json_copy(ours), &got);
	if (json_kind(ours) == JSON_OBJECT || json_kind(ours) == JSON_ARRAY)
		expect_verbatim(text, len, &got);
	if (!json_equal(ours, theirs))
		fail("another value", text);
	new = rebuilt(ours);
	json_dump(json_copy(new), &again);
	if (!json_equal(new, theirs))
		fail("another value, made anew", again.data);
	if (json_parse(again.data, again.len, &read, &e) == -1) {
		fail(e.text, again.data);
	} else {
		if (!json_equal(read, theirs))
			fail("another value, read again", again.data);
		json_free(read);
	}
	json_free(new);
	json_free(ours);
	json_free(theirs);
	buf_release(&got);
	buf_release(&again);
}

static void
test_bad(const char *text, size_t len)
{
	struct err e = ERR_INIT;
	json value;

	if (json_parse(text, len, &value, &e) == 0) {
		fail("taken", text);
		json_free(value);
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
	if (is_good)
		test_same(text.data, text.len);
	else
		test_bad(text.data, text.len);
	buf_release(&text);
}

static void
test_long_strings(void)
{
	for (size_t n = 1000; n < 3000; n += 1000) {
		test_long("{\"content\":{\"base64\":\"", n, "\"}}", true);
		test_long("[\"\\\"", n, "\\\\\",\"\\\\\\\\\"]", true);
		test_long("{\"a\":\"\\u00e9\\ud83c\\udf85", n, "\\n\"}", true);
		test_long("{\"a\":\"", n, "\n\"}", false);
		test_long("{\"a\":\"", n, "\\\"}", false);
	}
}

static void
expect(json v, const char *text)
{
	struct buf got = BUF_INIT;

	json_dump(v, &got);
	if (strcmp(got.data, text) != 0) {
		fail("expected", text);
		fail("     got", got.data);
	}
	buf_release(&got);
}

static json
parsed(const char *text)
{
	struct err e = ERR_INIT;
	json v = json_none();

	if (json_parse(text, strlen(text), &v, &e) == -1)
		fail(e.text, text);
	return v;
}

/* What is changed is seen by its owner only; what is not stays as it came. */
static void
test_changes(void)
{
	json a = parsed(
	    "{\"k\\u0031\" : 1.50,\"o\":{ \"x\":[1, 2] },\"s\":\"\\u00e9\"}");
	json b = json_copy(a), o = json_member(a, "o", JSON_OBJECT);
	json x = json_member(o, "x", JSON_ARRAY);

	x = json_set_at(json_append(x, json_number(-7)), 0, json_null());
	o = json_set(o, "x", x);
	b = json_set(b, "o", o);
	expect(json_copy(a),
	    "{\"k\\u0031\" : 1.50,\"o\":{ \"x\":[1, 2] },\"s\":\"\\u00e9\"}");
	expect(json_copy(b),
	    "{\"k\\u0031\":1.50,\"o\":{\"x\":[null,2,-7]},\"s\":\"\\u00e9\"}");
	b = json_set(b, "k1", json_bool(false));
	b = json_set_str(json_del(b, "s"), "n", "\n\"");
	expect(b, "{\"k\\u0031\":false,\"o\":{\"x\":[null,2,-7]},"
		  "\"n\":\"\\n\\\"\"}");
	if (strcmp(json_str(a, "s"), "\xc3\xa9") != 0 ||
	    json_int(a, "k1", 0) != 1)
		fail("the original", "changed");
	json_free(a);
}

static void
test_members(void)
{
	json v = parsed("{\"a\":1,\"b\":\"x\\u0000y\",\"a\":2,\"c\":null,"
			"\"d\":12345678901234567890}");
	size_t len = 0;

	if (json_int(v, "a", 0) != 2 || json_str(v, "b") != NULL ||
	    json_strn(v, "b", &len) == NULL || len != 3 || !json_has(v, "c") ||
	    json_has(v, "e") || json_int(v, "d", -1) != -1 ||
	    json_int(v, "c", 5) != 5)
		fail("members", "of an object");
	v = json_del(v, "a");
	if (json_has(v, "a") || json_count(v) != 3)
		fail("members", "deleted");
	expect(
	    v, "{\"b\":\"x\\u0000y\",\"c\":null,\"d\":12345678901234567890}");
	v = json_number(3);
	if (json_has(v, "a") || json_count(v) != 0 ||
	    json_is_valid(json_at(v, 0)))
		fail("members", "of a number");
	json_free(v);
}

/* Many members, looked for often: sorted then, of two the last one. */
static void
test_many(void)
{
	struct buf text = BUF_INIT;
	char key[16];
	json v;

	buf_addch(&text, '{');
	for (int i = 0; i < 3000; i++)
		buf_addf(&text, "%s\"%s%d\":%d", i > 0 ? "," : "",
		    i % 3 ? "k" : "\\u006b", i % 2000, i);
	buf_addch(&text, '}');
	v = parsed(text.data);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 2000; i++) {
			snprintf(key, sizeof key, "k%d", i);
			if (json_int(v, key, -1) != (i < 1000 ? i + 2000 : i))
				fail("one of many", key);
			if (json_has(v, key + 1))
				fail("none of many", key + 1);
		}
	v = json_set(v, "k7", json_number(-1));
	if (json_int(v, "k7", 0) != -1 || json_int(v, "k8", 0) != 2008)
		fail("many", "changed");
	json_free(v);
	buf_release(&text);
}

static void
test_repeated(void)
{
	static const struct {
		const char *text, *key;
	} rows[] = {
	    {"{}", NULL},
	    {"{\"a\":1,\"b\":2}", NULL},
	    {"{\"a\":1,\"b\":2,\"a\":1}", "a"},
	    {"{\"\\u0061\":1,\"a\":1}", "a"},
	    {"{\"a\":1,\"a\\u0000\":1}", NULL},
	    {"{\"a\":{\"b\":1,\"b\":1}}", NULL},
	    {"[1,1]", NULL},
	};
	struct buf text = BUF_INIT;
	const char *key;
	size_t len;
	json v;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		v = parsed(rows[i].text);
		key = json_repeated_key(v, &len);
		if ((key == NULL) != (rows[i].key == NULL) ||
		    (key != NULL && strcmp(key, rows[i].key) != 0))
			fail("repeated", rows[i].text);
		json_free(v);
	}
	for (int n = 98; n <= 100; n++) {
		buf_reset(&text);
		for (int i = 0; i < 99; i++)
			buf_addf(
			    &text, "%c\"k%d\":{}", i > 0 ? ',' : '{', i % n);
		buf_addch(&text, '}');
		v = parsed(text.data);
		key = json_repeated_key(v, &len);
		if (n < 99 ? key == NULL || strcmp(key, "k0") != 0
			   : key != NULL)
			fail("repeated of many", text.data);
		json_free(v);
	}
	buf_release(&text);
}

/* What is only glanced at is the same. */
static void
test_glance(void)
{
	json v = parsed("{\"a\":[1,{\"b\":\"c\"}]}"), a, b;

	v = json_set(v, "d", json_null());
	for (int i = -1; i < 3; i++) {
		a = json_glance_at(v, i);
		b = json_at(v, i);
		if (!json_equal(a, b))
			fail("glance", "differs");
		json_free(a);
		json_free(b);
	}
	json_free(v);
}

static void
test_where(void)
{
	static const struct {
		const char *text;
		size_t at;
	} rows[] = {
	    {"{\"a\":1,}", 7},
	    {"[1 2]", 3},
	    {"[1,2", 4},
	    {"", 0},
	    {"{\"a\":tru}", 5},
	    {"{\"a\":\"b", 5},
	    {"[\"\xff\"]", 2},
	    {"{} x", 3},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err e = ERR_INIT;
		size_t at = 99;

		if (json_check_at(
			rows[i].text, strlen(rows[i].text), &at, &e) == 0 ||
		    at != rows[i].at)
			fail("where it ends", rows[i].text);
	}
}

static void
test_equal(void)
{
	static const struct {
		const char *a, *b;
		bool is_equal;
	} rows[] = {
	    {"{\"a\":1,\"b\":[1,{}]}", "{ \"b\" : [1.0,{}], \"a\" : 1e0 }",
		true},
	    {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
	    {"{\"a\":1,\"a\":2}", "{\"a\":2}", true},
	    {"[1,2]", "[2,1]", false},
	    {"[1]", "[1,1]", false},
	    {"\"\\u0041\"", "\"A\"", true},
	    {"null", "false", false},
	    {"{\"a\\u0000b\":1}", "{\"a\\u0000c\":1}", false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		json a = parsed(rows[i].a), b = parsed(rows[i].b);

		if (json_equal(a, b) != rows[i].is_equal)
			fail("equal", rows[i].a);
		json_free(a);
		json_free(b);
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
	test_long_strings();
	test_changes();
	test_members();
	test_many();
	test_repeated();
	test_glance();
	test_where();
	test_equal();
	test_text();
	return failures > 0;
}
