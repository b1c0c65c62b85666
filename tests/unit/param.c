/* Unit tests of mail/param.c and mail/param_scan.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "mail/defect.h"
#include "mail/param.h"

#define BAD DEFECT_BAD_PARAMETER
#define TWICE DEFECT_DUPLICATE_PARAMETER
#define FFFD "\xef\xbf\xbd"

static int failures;

static const struct {
	const char *field;
	const char *params; /* "value|name=value|…" */
	defect_set defects;
} cases[] = {
    {"", "", 0},
    {" Text/Plain ", "text/plain", 0},
    {" message / rfc822\n", "message/rfc822", 0},
    {"text/plain; charset= \"us-ascii\"", "text/plain|charset=us-ascii", 0},
    {"text/plain; charset =x", "text/plain|charset=x", 0},
    {"text/plain;CharSet=UTF-8;format=flowed",
	"text/plain|charset=UTF-8|format=flowed", 0},
    {"(a) text (b) / (c(d\\)) e) plain (f);(g) charset (h) = (i) x (j)",
	"text/plain|charset=x", 0},
    {"a/b (c)", "a/b", 0},
    {"a/b; c=d (e)", "a/b|c=d", 0},
    {"\33$B", "", DEFECT_HEADER_NOT_UTF8},
    {";charset=x", "|charset=x", 0},
    {"=", "=", 0},
    {"text/plain;", "text/plain", 0},
    {"text/plain ;;; ; a=b;;", "text/plain|a=b", 0},
    {"multipart/mixed; boundary=\"foo\r\n bar\"",
	"multipart/mixed|boundary=foo bar", 0},
    {"a/b; c=\" d \\\" \\\\ \\e \"", "a/b|c= d \" \\ e ", 0},
    {"a/b; c=\"\"", "a/b|c=", 0},
    {"a/b; boundary=\"=?utf-8?q?a?=\"", "a/b|boundary==?utf-8?q?a?=", 0},
    {"a/b; c=1=2", "a/b|c=1=2", 0},
    {"\xc3\xa1/b; \xc3\xa1=\xc3\xa9", "\xc3\xa1/b|\xc3\xa1=\xc3\xa9", 0},
    /* Missing quotes and semicolons. */
    {"a/b; name=my file (1).pdf; size=3", "a/b|name=my file (1).pdf|size=3", 0},
    {"a/b; name=my file (comment); size=3", "a/b|name=my file|size=3", 0},
    {"a/b; access=x\n server=\"y\"; z=1", "a/b|access=x|server=y|z=1", 0},
    {"a/b charset=x", "a/b|charset=x", 0},
    {"attachment filename = x", "attachment|filename=x", 0},
    {"a/b; c=\"d\" e=f", "a/b|c=d|e=f", 0},
    {"a/b; c=\"d\"e=f", "a/b|c=d|e=f", 0},
    {"a/b; c=\"d\" junk; e=f", "a/b|c=d|e=f", BAD},
    {"a/b; junk; e=f", "a/b|e=f", BAD},
    {"a/b; \"junk\"; e=f", "a/b|e=f", BAD},
    {"a/b; =c; e=f", "a/b|e=f", BAD},
    {"a/b; c=; e=f", "a/b|e=f", BAD},
    {"a/b; c=  ", "a/b", BAD},
    {"a/b; c=\"d; e=f", "a/b|c=d|e=f", BAD},
    {"a/b; c=d (e; f=g", "a/b|c=d (e|f=g", BAD},
    {"a/b; c=\"d\\", "a/b|c=d\\", BAD},
    /* Twice. */
    {"a/b; c=d; C=e", "a/b|c=d", TWICE},
    {"a/b; c*=utf-8''d; c*=utf-8''e", "a/b|c=d", TWICE},
    {"a/b; c=d; c*=utf-8''e", "a/b|c=e", 0},
    {"a/b; c=d; c*0=e; c*1=f", "a/b|c=ef", 0},
    {"a/b; c*0=d; c*0=e", "a/b|c=d", TWICE},
    /* RFC 2231. */
    {"a/b; n*=utf-8'en'%c3%A9%20x", "a/b|n=\xc3\xa9 x", 0},
    {"a/b; n*=\"utf-8''%c3%A9\"", "a/b|n=\xc3\xa9", 0},
    {"a/b; n*=''%c3%A9", "a/b|n=\xc3\xa9", 0},
    {"a/b; n*=%c3%A9", "a/b|n=\xc3\xa9", BAD},
    {"a/b; n*=utf-8''a%b%", "a/b|n=a%b%", BAD},
    {"a/b; n*=utf-8''a%c3", "a/b|n=a" FFFD, DEFECT_BAD_CHARACTERS},
    {"a/b; n*=x-none''a%c3%a9", "a/b|n=a\xc3\xa9", DEFECT_UNKNOWN_CHARSET},
    {"a/b; n*=x-none''\xc3\xa9", "a/b|n=\xc3\xa9", 0},
    {"a/b; n*0*=utf-8'en'a%c3; n*1*=%a9; n*2=\"b%41\"",
	"a/b|n=a\xc3\xa9"
	"b%41",
	0},
    {"a/b; n*1=b; n*0=a; n*10=d; n*9=c", "a/b|n=abcd", BAD},
    {"a/b; n*1=b; n*0=a; x=y; n*2=c", "a/b|n=abc|x=y", 0},
    {"a/b; n*0=a; n*2=c", "a/b|n=ac", BAD},
    {"a/b; n*99999=a", "a/b", BAD},
    {"a/b; n*x=a; *=b; n**=c", "a/b", BAD},
    {"a/b; n *0* =utf-8''a", "a/b|n=a", 0},
    {"a/b; n*=utf-8''%00a", "a/b|n=" FFFD "a", DEFECT_BAD_CHARACTERS},
    /* Encoded words. */
    {"a/b; n=\"=?utf-8?q?=C3=A9?=.txt\"", "a/b|n=\xc3\xa9.txt", 0},
    {"a/b; n==?utf-8?b?w6k=?= =?utf-8?q?=C3=A9?=.txt",
	"a/b|n=\xc3\xa9\xc3\xa9.txt", 0},
    {"a/b; n==?utf-8?b?w6k=?=; x=y", "a/b|n=\xc3\xa9|x=y", 0},
    {"a/b; n*0=\"=?utf-8?b?w\"; n*1=\"6k=?=\"", "a/b|n=\xc3\xa9", 0},
    {"a/b; n*=iso-8859-1'es'%D1and%FA", "a/b|n=\u00d1and\u00fa", 0},
    {"a/b; n*0*=iso-2022-jp''%1B%24B%25; n*1*=F%1b%28B", "a/b|n=\u30c6", 0},
    /* Raw bytes: a backslash, a quote and a semicolon inside characters. */
    {"a/b; n=\"\x83\x65\x83\x58\x95\x5c\"; c=d", "a/b|n=\u30c6\u30b9\u8868|c=d",
	DEFECT_HEADER_NOT_UTF8},
    {"a/b; n=\"\33$B\"\\;;\33(B\"; c=d", "a/b|n=\u2220\u7b97|c=d",
	DEFECT_HEADER_NOT_UTF8},
    {"a/b; n=\"M\xfcller.txt\"", "a/b|n=M\u00fcller.txt",
	DEFECT_HEADER_NOT_UTF8},
};

static void
fail(const char *what, const char *field, const char *got)
{
	fprintf(stderr, "param: %s: %.60s: %.200s\n", what, field, got);
	failures++;
}

/* A copy with nothing behind it. */
static struct slice
slice_of(const char *s, size_t n, char **copy)
{
	*copy = xmalloc(n);
	memcpy(*copy, s, n);
	return (struct slice){*copy, n};
}

static void
list(const struct params *p, struct buf *out)
{
	buf_reset(out);
	buf_addstr(out, p->value);
	for (size_t i = 0; i < p->n; i++) {
		buf_addf(out, "|%s=", p->items[i].name);
		buf_add(out, p->items[i].value, p->items[i].len);
	}
}

static void
check_case(size_t i)
{
	const char *field = cases[i].field;
	struct buf got = BUF_INIT;
	struct params p;
	char *copy, defects[24];

	params_parse(&p, slice_of(field, strlen(field), &copy));
	list(&p, &got);
	if (strcmp(got.data, cases[i].params) != 0)
		fail("params", field, got.data);
	snprintf(
	    defects, sizeof defects, "%llx", (unsigned long long)p.defects);
	if (p.defects != cases[i].defects)
		fail("defects", field, defects);
	params_release(&p);
	free(copy);
	buf_release(&got);
}

static void
check_cut(size_t i)
{
	for (size_t n = 0; n < strlen(cases[i].field); n++) {
		struct params p;
		char *copy;

		params_parse(&p, slice_of(cases[i].field, n, &copy));
		params_release(&p);
		free(copy);
	}
}

/* So many times what: in linear time, or the test never ends. */
static const struct {
	const char *what;
	size_t times, n;
} long_cases[] = {
    {"(", 1048576, 0},
    {"(;", 1048576, 0},
    {"()", 1048576, 0},
    {"(a=", 1048576, 0},
    {"\"", 1048576, 0},
    {"a=\"\\", 1048576, 0},
    {"a=\"\\\";", 1048576, 1},
    {"; a=b", 1048576, 1},
    {"; a*0=b", 1048576, 1},
    {" a", 1048576, 0},
    {" a=", 1048576, 1},
    {";a=b c", 1048576, 1},
    {";a=b (", 1048576, 1},
    {";a=b (c) ", 1048576, 1},
    {";a=%%", 1048576, 1},
    {"\\", 1048576, 0},
    {"*", 1048576, 0},
    {"; a*=utf-8''%41", 1048576, 1},
};

static void
check_long(size_t i)
{
	struct buf field = BUF_INIT;
	struct params p;
	char got[24];

	for (size_t k = 0; k < long_cases[i].times; k++)
		buf_addstr(&field, long_cases[i].what);
	params_parse(&p, (struct slice){field.data, field.len});
	snprintf(got, sizeof got, "%zu parameters", p.n);
	if (p.n != long_cases[i].n)
		fail("long", long_cases[i].what, got);
	params_release(&p);
	buf_release(&field);
}

static void
check_limits(void)
{
	struct buf field = BUF_INIT;
	const struct param *param;
	struct params p;

	buf_addstr(&field, "a/b; n*0*=utf-8''%41");
	for (int i = 1; i < 900; i++)
		buf_addf(&field, "; n*%d=\"\xe3\x81\x82\xe3\x81\x82\"", i);
	for (int i = 0; i < 10000; i++)
		buf_addf(&field, "; p%d=x", i);
	params_parse(&p, (struct slice){field.data, field.len});
	param = params_find(&p, "n");
	if (p.n != PARAM_MAX || !(p.defects & BAD))
		fail("limits", "parameters", "");
	if (param == NULL || param->len != PARAM_VALUE_MAX ||
	    strlen(param->value) != PARAM_VALUE_MAX)
		fail("limits", "value", "");
	if (params_find(&p, "p62") == NULL || params_find(&p, "p63") != NULL)
		fail("limits", "find", "");
	params_release(&p);
	buf_release(&field);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		check_case(i);
		check_cut(i);
	}
	for (size_t i = 0; i < sizeof long_cases / sizeof *long_cases; i++)
		check_long(i);
	check_limits();
	return failures > 0;
}
