/* Unit tests of mail/mailbox.c: lists of addresses, good, odd and hostile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "mail/address.h"
#include "mail/mailbox.h"

#define BAD DEFECT_BAD_ADDRESS

enum {
	LONG = 64 * 1024,
};

static int failures;

static const struct {
	const char *value;
	const char *list; /* as JSON, ' for " */
	defect_set defects;
} cases[] = {
    /* RFC 5322 appendix A. */
    {" Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>\n",
	"[{'name':'Mary Smith','address':'mary@x.test'},"
	"{'address':'jdoe@example.org'},"
	"{'name':'Who?','address':'one@y.test'}]",
	0},
    {"<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
	"[{'address':'boss@nil.test'},{'name':'Giant; \\'Big\\' Box',"
	"'address':'sysservices@example.net'}]",
	0},
    {"A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
	"[{'name':'Ed Jones','address':'c@a.test','group':'A Group'},"
	"{'address':'joe@where.test','group':'A Group'},"
	"{'name':'John','address':'jdoe@one.test','group':'A Group'}]",
	0},
    {"Undisclosed recipients:;", "[{'group':'Undisclosed recipients'}]", 0},
    {"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
	"[{'name':'Pete','address':'pete@silly.test'}]", 0},
    {"A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public."
     "example>,\r\n         joe@example.org,\r\n  John <jdoe@one.test> (my "
     "dear friend); (the end of the group)",
	"[{'name':'Chris Jones','address':'c@public.example','group':'A "
	"Group'},{'address':'joe@example.org','group':'A Group'},"
	"{'name':'John','address':'jdoe@one.test','group':'A Group'}]",
	0},
    {"(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;",
	"[{'group':'Hidden recipients'}]", 0},
    {"Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
	"[{'name':'Mary Smith','address':'mary@example.net'},"
	"{'address':'jdoe@test.example'}]",
	0},
    {"John Doe <jdoe@machine(comment).  example>",
	"[{'name':'John Doe','address':'jdoe@machine.example'}]", 0},
    {"<@a.test,@b.test:c@d.test>, e@f.test",
	"[{'address':'c@d.test'},{'address':'e@f.test'}]", 0},
    {"Joe Q. Public <john.q.public@example.com>",
	"[{'name':'Joe Q. Public','address':'john.q.public@example.com'}]", 0},
    /* The old form, and names behind the address. */
    {"a@example.com (Alice \\(A.\\))",
	"[{'name':'Alice (A.)','address':'a@example.com'}]", 0},
    {"a@example.com (Alice (A.))",
	"[{'name':'Alice (A.)','address':'a@example.com'}]", 0},
    {"(Alice) a@example.com (Bob)",
	"[{'name':'Alice','address':'a@example.com'}]", 0},
    {"<a@example.com> (Alice)", "[{'name':'Alice','address':'a@example.com'}]",
	0},
    {"<a@example.com> Alice", "[{'name':'Alice','address':'a@example.com'}]",
	BAD},
    /* Names. */
    {"\"John\r\n Doe\" <a@b.test>",
	"[{'name':'John Doe','address':'a@b.test'}]", 0},
    {"Mary Smith\n    \n\t<a@b.test>",
	"[{'name':'Mary Smith','address':'a@b.test'}]", 0},
    {"\"Bas A.Schulte\"<a@b.test>",
	"[{'name':'Bas A.Schulte','address':'a@b.test'}]", 0},
    {"\"a@b.test\" <c@d.test>", "[{'name':'a@b.test','address':'c@d.test'}]",
	0},
    {"a@b.test <c@d.test>", "[{'name':'a@b.test','address':'c@d.test'}]", 0},
    {"\"<a@b.test>\" <c@d.test>",
	"[{'name':'<a@b.test>','address':'c@d.test'}]", 0},
    {"[JIRA] Bot <a@b.test>", "[{'name':'[JIRA] Bot','address':'a@b.test'}]",
	0},
    {"\"\" <a@b.test>", "[{'address':'a@b.test'}]", 0},
    {"\" , \" <a@b.test>", "[{'name':',','address':'a@b.test'}]", 0},
    /* Encoded words. */
    {"=?utf-8?q?J=C3=B6rg?= <a@b.test>",
	"[{'name':'J\xc3\xb6rg','address':'a@b.test'}]", 0},
    {"=?utf-8?q?Doe,_<J>_:@\"?= <a@b.test>",
	"[{'name':'Doe, <J> :@\\'','address':'a@b.test'}]", 0},
    {"=?iso-8859-1?Q?a?= \"=?ISO-8859-2?Q?_b?=\" <a@b.test>",
	"[{'name':'a b','address':'a@b.test'}]", 0},
    {"\"S, HR\" =?utf-8?b?w7Y=?= conf <a@b.test>",
	"[{'name':'S, HR \xc3\xb6 conf','address':'a@b.test'}]", 0},
    {"=?utf-8?q?G=C3=B6?=: a@b.test;",
	"[{'address':'a@b.test','group':'G\xc3\xb6'}]", 0},
    {"a@b.test (=?utf-8?q?J=C3=B6rg?=)",
	"[{'name':'J\xc3\xb6rg','address':'a@b.test'}]", 0},
    {"=?utf-8?q?a@b.test?=", "[{'name':'a@b.test'}]", BAD},
    {"=?utf-8?q?x <a@b.test>", "[{'name':'=?utf-8?q?x','address':'a@b.test'}]",
	DEFECT_BAD_ENCODED_WORD},
    /* Raw bytes.  The second bytes look like syntax. */
    {"\xe5\x8f\x97\xe6\xb3\xa8 <a@b.test>",
	"[{'name':'\xe5\x8f\x97\xe6\xb3\xa8','address':'a@b.test'}]", 0},
    {"\x1b$B<uCm\x1b(B <a@b.test>",
	"[{'name':'\xe5\x8f\x97\xe6\xb3\xa8','address':'a@b.test'}]",
	DEFECT_HEADER_NOT_UTF8},
    {"\"\x1b$B<uCm\x1b(B\" <a@b.test>, c@d.test",
	"[{'name':'\xe5\x8f\x97\xe6\xb3\xa8','address':'a@b.test'},"
	"{'address':'c@d.test'}]",
	DEFECT_HEADER_NOT_UTF8},
    {"\"\x95\x5c\x8e\xa6\" <a@b.test>, c@d.test",
	"[{'name':'\xe8\xa1\xa8\xe7\xa4\xba','address':'a@b.test'},"
	"{'address':'c@d.test'}]",
	DEFECT_HEADER_NOT_UTF8},
    {"ren\xe9 <a@b.test>", "[{'name':'ren\xc3\xa9','address':'a@b.test'}]",
	DEFECT_HEADER_NOT_UTF8},
    /* Addresses as carriers and others write them. */
    {"a..b.@docomo.ne.jp, .a@ezweb.ne.jp, ....-_-....@docomo.ne.jp",
	"[{'address':'a..b.@docomo.ne.jp'},{'address':'.a@ezweb.ne.jp'},"
	"{'address':'....-_-....@docomo.ne.jp'}]",
	0},
    {"X <a..b.@docomo.ne.jp>", "[{'name':'X','address':'a..b.@docomo.ne.jp'}]",
	0},
    {"\"a..b.\"@docomo.ne.jp", "[{'address':'\\'a..b.\\'@docomo.ne.jp'}]", 0},
    {"\"wietse venema\"@porcupine.org",
	"[{'address':'\\'wietse venema\\'@porcupine.org'}]", 0},
    {"\"neko.miaow.@.esmtp.jp\"@example.com",
	"[{'address':'\\'neko.miaow.@.esmtp.jp\\'@example.com'}]", 0},
    {"a@[IPv6:2001:DB8::1], b@[192.0.2.1]",
	"[{'address':'a@[IPv6:2001:DB8::1]'},{'address':'b@[192.0.2.1]'}]", 0},
    {"#!$%&'*-/=?^_`{}|~@example.org",
	"[{'address':'#!$%&\\u0027*-/=?^_`{}|~@example.org'}]", 0},
    {"\xe7\x94\xb0@\xe4\xbe\x8b.jp",
	"[{'address':'\xe7\x94\xb0@\xe4\xbe\x8b"
	".jp'}]",
	0},
    {" test @iana.org, test@ iana .com",
	"[{'address':'test@iana.org'},{'address':'test@iana.com'}]", 0},
    {"(miaow)neko(mew)@(purr)example.jp",
	"[{'name':'miaow','address':'neko@example.jp'}]", 0},
    /* What is missing or too much. */
    {"a@b.test; c@d.test; ", "[{'address':'a@b.test'},{'address':'c@d.test'}]",
	0},
    {"a@b.test c@d.test", "[{'address':'a@b.test'},{'address':'c@d.test'}]",
	BAD},
    {"A <a@b.test> C <c@d.test> <e@f.test>",
	"[{'name':'A','address':'a@b.test'},{'name':'C','address':'c@d.test'},"
	"{'address':'e@f.test'}]",
	BAD},
    {"Alice Doe a@b.test", "[{'name':'Alice Doe','address':'a@b.test'}]", BAD},
    {"Alice <a@b.test, Bob <c@d.test>",
	"[{'name':'Alice','address':'a@b.test'},{'name':'Bob','address':'c@d."
	"test'}]",
	BAD},
    {"Alice <a@b.test <c@d.test>",
	"[{'name':'Alice','address':'a@b.test'},{'address':'c@d.test'}]", BAD},
    {"<<a@b.test>>, c@d.test>",
	"[{'address':'a@b.test'},{'address':'c@d.test'}]", BAD},
    {"\"a@b.test\"", "[{'address':'a@b.test'}]", BAD},
    {"mailto:a@b.test", "[{'address':'a@b.test'}]", BAD},
    {"G: a@b.test, c@d.test",
	"[{'address':'a@b.test','group':'G'},"
	"{'address':'c@d.test','group':'G'}]",
	0},
    {"G: H: a@b.test; I:; c@d.test",
	"[{'group':'G'},{'address':'a@b.test','group':'H'},{'group':'I'},"
	"{'address':'c@d.test'}]",
	0},
    {"G (x): <a@b.test>", "[{'address':'a@b.test','group':'G'}]", 0},
    {":a@b.test", "[{'name':':a@b.test'}]", BAD},
    {"Foo (bar <a@b.test>", "[{'name':'Foo (bar','address':'a@b.test'}]", BAD},
    {"Foo \"bar <a@b.test>", "[{'name':'Foo \\'bar','address':'a@b.test'}]",
	BAD},
    {"((a) b@c.test", "[{'name':'((a)','address':'b@c.test'}]", BAD},
    /* No addresses. */
    {"", "[]", 0},
    {" \r\n ", "[]", 0},
    {" , ;, ", "[]", 0},
    {"root", "[{'name':'root'}]", BAD},
    {"\"Foo Bar\"", "[{'name':'Foo Bar'}]", BAD},
    {"undisclosed recipients", "[{'name':'undisclosed recipients'}]", BAD},
    {"(Recipient list suppressed)", "[{'name':'Recipient list suppressed'}]",
	BAD},
    {"(a), (b), c@d.test, (e)", "[{'address':'c@d.test'}]", 0},
    {"G:(a);, (b)", "[{'group':'G'}]", 0},
    {">", "[]", BAD},
    {"root (Cron Daemon), a@b.test",
	"[{'name':'root (Cron Daemon)'},{'address':'a@b.test'}]", BAD},
    {"\"Foo\" <root>", "[{'name':'\\'Foo\\' <root>'}]", BAD},
    {"<http://www.example.com/list/>",
	"[{'name':'<http://www.example.com/list/>'}]", BAD},
    {"<>", "[{'name':'<>'}]", BAD},
    {"a@", "[{'name':'a@'}]", BAD},
    {"@b", "[{'name':'@b'}]", BAD},
    {"@@b", "[{'name':'@@b'}]", BAD},
    {"a@b@c.test", "[{'name':'a@b@c.test'}]", BAD},
    {"<a b@c.test>", "[{'name':'<a b@c.test>'}]", BAD},
    {"<neko(miaow)chan@example.jp>",
	"[{'name':'<neko(miaow)chan@example.jp>'}]", BAD},
    {"doo[@eeee.test", "[{'name':'doo[@eeee.test'}]", BAD},
    {"a\x01@b.test", "[{'name':'a\\u0001@b.test'}]", BAD},
    {"\"a\r\nb\"@c.test", "[{'name':'\\'ab\\'@c.test'}]", BAD},
    {"CORP\\a@b.test", "[{'name':'CORP\\\\a@b.test'}]", BAD},
    {"ren\xe9@b.test", "[{'name':'ren\xc3\xa9@b.test'}]",
	BAD | DEFECT_HEADER_NOT_UTF8},
};

static void
fail(const char *value, size_t len, const char *what)
{
	fprintf(stderr, "mailbox: %.*s: %.2000s\n", len < 60 ? (int)len : 60,
	    value, what);
	failures++;
}

/* The list of a copy, so that a read behind the value's end is seen. */
static json
parse(const char *value, size_t len, defect_set *defects)
{
	char *copy = xmalloc(len > 0 ? len : 1);
	json list;

	memcpy(copy, value, len);
	list = mailbox_list(
	    json_array(), (struct slice){copy, len}, NULL, defects);
	free(copy);
	return list;
}

/* Expectations are written with ' for ", a real ' as \u0027. */
static json
expectation(const char *expected)
{
	struct err e = ERR_INIT;
	struct buf text = BUF_INIT;
	json list = json_none();

	for (const char *p = expected; *p != '\0'; p++)
		buf_addch(&text, *p == '\'' ? '"' : *p);
	if (json_parse(text.data, text.len, &list, &e) == -1)
		fail(expected, strlen(expected), e.text);
	buf_release(&text);
	return list;
}

static void
check(const char *value, const char *expected, defect_set defects)
{
	size_t len = strlen(value);
	defect_set got = 0;
	json list = parse(value, len, &got), want = expectation(expected);
	struct buf text = BUF_INIT;

	json_dump(json_copy(list), &text);
	if (!json_equal(list, want))
		fail(value, len, text.data);
	json_free(want);
	json_free(list);
	if (got != defects) {
		buf_reset(&text);
		json_dump(defect_list(got), &text);
		fail(value, len, text.data);
	}
	buf_release(&text);
}

/* What holds for every list. */
static void
check_mailbox(const char *value, size_t len, json mailbox)
{
	size_t n;
	const char *text;

	text = json_strn(mailbox, "address", &n);
	if (text != NULL && (n > ADDRESS_MAX || memchr(text, '@', n) == NULL))
		fail(value, len, text);
	for (size_t i = 0; text != NULL && i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			fail(value, len, "a control character");
	text = json_strn(mailbox, "name", &n);
	if (text != NULL && (n > MAILBOX_NAME_MAX || n == 0))
		fail(value, len, "a name of a wrong length");
	if (json_count(mailbox) == 0)
		fail(value, len, "an empty mailbox");
	json_free(mailbox);
}

/* Returns how many there are. */
static int
check_any(const char *value, size_t len)
{
	defect_set defects = 0;
	json list = parse(value, len, &defects);
	int n = json_count(list);

	for (int i = 0; i < n; i++)
		check_mailbox(value, len, json_at(list, i));
	if (n > MAILBOX_LIST_MAX)
		fail(value, len, "a list that is too long");
	json_free(list);
	return n;
}

/* Much of anything: where time is not linear, the test does not end. */
static void
check_long(const char *begin, const char *piece, const char *end)
{
	struct buf value = BUF_INIT;

	buf_addstr(&value, begin);
	while (value.len < LONG)
		buf_addstr(&value, piece);
	buf_addstr(&value, end);
	check_any(value.data, value.len);
	buf_release(&value);
}

static void
check_attacks(void)
{
	static const char *const pieces[] = {"(", ")", "()", "((", "\"", "\\",
	    "\"\"", "<", ">", "<>", "[", "@", "a@", "@[", "a@b,", "a@b ",
	    "<a@b>", "<a@b> x ", "g:", "g:;", "a:b;", ":", ";", ",", " ", "a ",
	    "a", ".", "=?", "=?a?q?", "=?a?q?,", "=?a?q?b?=", "\x1b$B",
	    "\x1b(B", "\x1b", "\x81", "\x81\x40", "\xe3\x81\x82", "<@a,", "\n",
	    "\"a\" ", "(a)", "mailto:", "a@b.c. ", "\\(", "\\\""};
	static const char *const begins[] = {
	    "", "<", "\"", "(", "g:", "<@a", "a@", "\x81", "=?a?q?", "\x1b$B"};

	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
		for (size_t j = 0; j < sizeof begins / sizeof *begins; j++)
			check_long(begins[j], pieces[i], " <a@b.test>");
}

static void
check_caps(void)
{
	defect_set defects = 0;
	struct buf value = BUF_INIT;
	json list;

	for (int i = 0; i <= MAILBOX_LIST_MAX; i++)
		buf_addf(&value, "g%d:;", i);
	if (check_any(value.data, value.len) != MAILBOX_LIST_MAX)
		fail(value.data, value.len, "not cut");
	list = parse(value.data, value.len, &defects);
	if (defects != DEFECT_TOO_MANY_ADDRESSES)
		fail(value.data, value.len, "too-many-addresses is missing");
	/* One list for all fields of a name. */
	defects = 0;
	list = mailbox_list(list, (struct slice){"a@b", 3}, NULL, &defects);
	if (defects != DEFECT_TOO_MANY_ADDRESSES ||
	    json_count(list) != MAILBOX_LIST_MAX)
		fail("a@b", 3, "the list grew");
	json_free(list);
	buf_reset(&value);
	while (value.len < ADDRESS_MAX - 2)
		buf_addch(&value, 'a');
	buf_addstr(&value, "@b");
	defects = 0;
	json_free(parse(value.data, value.len, &defects));
	if (defects != 0)
		fail(value.data, value.len, "too long");
	buf_addch(&value, 'b');
	json_free(parse(value.data, value.len, &defects));
	if (defects != DEFECT_BAD_ADDRESS)
		fail(value.data, value.len, "not too long");
	buf_release(&value);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t len = strlen(cases[i].value);

		check(cases[i].value, cases[i].list, cases[i].defects);
		for (size_t cut = 0; cut < len; cut++)
			check_any(cases[i].value, cut);
	}
	check_caps();
	check_attacks();
	return failures > 0;
}
