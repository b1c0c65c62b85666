/* Which lock a record needs, and what must be the same (lock/key.h). */
#include "lock/key.h"

#include <stdio.h>
#include <string.h>

static int failures;

static json
parse(const char *text)
{
	struct err e = ERR_INIT;
	json v;

	if (json_parse(text, strlen(text), &v, &e) == 0)
		return v;
	fprintf(stderr, "%s: %s\n", text, e.text);
	failures++;
	return json_object();
}

#define INBOUND(to)                                                            \
	"{\"id\":\"i\",\"tenant\":\"t\",\"fingerprint\":\"f1:00\","            \
	"\"envelope\":{\"to\":\"" to "\"}}"
#define OUTBOUND(key, to)                                                      \
	"{\"id\":\"i\",\"tenant\":\"t\",\"key\":\"" key "\",\"mail\":{},"      \
	"\"envelope\":{\"to\":\"" to "\"}}"

/* clang-format off */
static const struct {
	const char *rec, *want;
} keys[] = {
    {INBOUND("B@Example.JP"), "t:in:b@example.jp:f1:00"},
    {INBOUND("a b%:c"), "t:in:a%20b%25%3Ac:f1:00"},
    {INBOUND("\\u00c9@x"), "t:in:\xc3\x89@x:f1:00"},
    {"{\"id\":\"i\",\"tenant\":\"t\",\"fingerprint\":\"f1:00\"}",
	"t:in::f1:00"},
    {OUTBOUND("order-1", "A@x"), "t:out:order-1:A@x"},
    {OUTBOUND("a:b", "c"), "t:out:a%3Ab:c"},
    {OUTBOUND("a", "b:c"), "t:out:a:b%3Ac"},
    {OUTBOUND("a\\u0000b\\n", "c"), "t:out:a%00b%0A:c"},
    {OUTBOUND("%b2", "c"), "t:out:%25b2:c"},
    {OUTBOUND("", ""), "t:out::"},
    {"{\"id\":\"i\",\"tenant\":\"t\",\"mail\":{}}", "t:id:i"},
    /* What is to be sent is no mail that came. */
    {"{\"id\":\"i\",\"tenant\":\"t\",\"mail\":{},\"fingerprint\":\"f1:00\"}",
	"t:id:i"},
    {"{\"id\":\"i\",\"tenant\":\"t\",\"key\":\"k\"}", "t:id:i"},
    {"{\"id\":\"i\",\"tenant\":\"t\",\"key\":1,\"mail\":{}}", "t:id:i"},
};

/* Two mails, and whether they say the same. */
static const struct {
	const char *a, *b;
	bool is_same;
} mails[] = {
    {"{\"to\":[\"a\"],\"subject\":\"s\"}", "{\"subject\":\"s\",\"to\":[\"a\"]}",
	true},
    {"{ \"subject\" : \"\\u0073\" }", "{\"subject\":\"s\"}", true},
    {"{\"text\":\"a\"}", "{\"text\":\"b\"}", false},
    {"{\"to\":[\"a\",\"b\"]}", "{\"to\":[\"b\",\"a\"]}", false},
    {"{\"a\":\"b\"}", "{\"ab\":\"\"}", false},
    {"{\"a\":[\"b\",\"c\"]}", "{\"a\":[\"bc\"]}", false},
    {"{\"a\":[[],\"b\"]}", "{\"a\":[[\"b\"]]}", false},
    {"{\"a\":1}", "{\"a\":\"1\"}", false},
    {"{\"a\":null}", "{}", false},
    {"{\"id\":\"1\",\"date\":\"x\",\"message_id\":\"y\",\"text\":\"t\"}",
	"{\"text\":\"t\"}", true},
    {"{\"headers\":{\"Date\":\"x\",\"MESSAGE-ID\":\"y\",\"X-A\":\"1\"}}",
	"{\"headers\":{\"X-A\":\"1\"}}", true},
    {"{\"headers\":{\"X-A\":\"1\"}}", "{\"headers\":{\"X-A\":\"2\"}}", false},
    {"{\"headers\":[{\"name\":\"date\",\"value\":\"x\"},"
     "{\"name\":\"X-A\",\"value\":\"1\"}]}",
	"{\"headers\":[{\"name\":\"X-A\",\"value\":\"1\"}]}", true},
    /* A date elsewhere is what it says. */
    {"{\"data\":{\"date\":\"x\"}}", "{\"data\":{\"date\":\"y\"}}", false},
    {"{\"attachments\":[{\"blob\":{\"ref\":\"file:1\",\"digest\":\"b2:1\"}}]}",
	"{\"attachments\":[{\"blob\":{\"digest\":\"b2:1\",\"ref\":\"file:2\"}}"
	"]}", true},
    {"{\"attachments\":[{\"blob\":{\"ref\":\"f\",\"digest\":\"b2:1\"}}]}",
	"{\"attachments\":[{\"blob\":{\"ref\":\"f\",\"digest\":\"b2:2\"}}]}",
	false},
    {"{\"a\":\"\\u0000\"}", "{\"a\":\"\"}", false},
    {"[]", "{}", false},
};
/* clang-format on */

static void
test_key(const char *rec, const char *want)
{
	struct buf key = BUF_INIT;
	json v = parse(rec);

	lock_key(v, &key);
	if (strcmp(key.data, want) != 0) {
		fprintf(stderr, "%s: %s, not %s\n", rec, key.data, want);
		failures++;
	}
	buf_release(&key);
	json_free(v);
}

/* What is too long for a part is as one of its kind. */
static void
test_long(void)
{
	char long_a[1001], long_b[1001];
	struct buf a = BUF_INIT, b = BUF_INIT;
	json v = parse("{\"id\":\"i\",\"tenant\":\"t\"}");

	memset(long_a, 'x', 1000);
	long_a[1000] = '\0';
	memcpy(long_b, long_a, sizeof long_b);
	long_b[999] = 'y';
	lock_key_text(v, long_a, 1000, &a);
	lock_key_text(v, long_b, 1000, &b);
	if (strncmp(a.data, "t:key:%b2", 9) != 0 || a.len != 9 + 64 ||
	    strcmp(a.data, b.data) == 0) {
		fprintf(stderr, "long: %s, %s\n", a.data, b.data);
		failures++;
	}
	buf_reset(&a);
	lock_key_text(v, long_a, 300, &a);
	if (a.len != strlen("t:key:") + 300) {
		fprintf(stderr, "not long: %s\n", a.data);
		failures++;
	}
	buf_release(&a);
	buf_release(&b);
	json_free(v);
}

static void
content(const char *mail, char text[DIGEST_TEXT])
{
	json rec = json_set(json_object(), "mail", parse(mail));

	lock_content(rec, text);
	json_free(rec);
}

static void
test_content(const char *a, const char *b, bool is_same)
{
	char x[DIGEST_TEXT], y[DIGEST_TEXT];

	content(a, x);
	content(b, y);
	if (x[0] == '\0' || (strcmp(x, y) == 0) != is_same) {
		fprintf(stderr, "%s and %s are %s\n", a, b,
		    is_same ? "different" : "the same");
		failures++;
	}
}

int
main(void)
{
	char text[DIGEST_TEXT] = "x";
	json none = parse("{\"id\":\"i\"}");

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		test_key(keys[i].rec, keys[i].want);
	test_long();
	for (size_t i = 0; i < sizeof mails / sizeof *mails; i++) {
		test_content(mails[i].a, mails[i].b, mails[i].is_same);
		test_content(mails[i].b, mails[i].a, mails[i].is_same);
	}
	if (lock_content(none, text)[0] != '\0')
		failures++;
	json_free(none);
	return failures > 0;
}
