/* Unit tests of mail/date.c: what is a date, and which. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "mail/date.h"

static int failures;

static const struct {
	const char *value;
	const char *text; /* NULL: no date */
} cases[] = {
    /* RFC 5322. */
    {"Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T09:55:06-06:00"},
    {" Tue, 1 Jul 2003 10:52:37 +0200", "2003-07-01T10:52:37+02:00"},
    {"Tue, 30 Dec 1969 23:32:54 -0330", "1969-12-30T23:32:54-03:30"},
    {"Thu,\n   13\n  Feb\n    1969\n  23:32\n  -0330 (Newfoundland Time)\n",
	"1969-02-13T23:32:00-03:30"},
    {"Thu, 13 Feb 1969 23:32 -0330", "1969-02-13T23:32:00-03:30"},
    {"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", NULL},
    {"21 Nov 97 09:55:06 GMT", "1997-11-21T09:55:06+00:00"},
    {"17 May 2026 22:15:15 +1400", "2026-05-17T22:15:15+14:00"},
    {"Sat, 21 Nov 2026 23:59:60 +0900", "2026-11-21T23:59:60+09:00"},
    {"Sat, 29 Feb 2020 00:00:00 +0000", "2020-02-29T00:00:00+00:00"},
    {"Tue, 29 Feb 2000 00:00:00 +0000", "2000-02-29T00:00:00+00:00"},
    /* Comments nest, have quoted pairs, and may have no end. */
    {"1 Jul 2003 (comment about date) 10:52:37 +0200",
	"2003-07-01T10:52:37+02:00"},
    {"20 11 (some \n 44 comments(more comments\n )) 79 05:34:27 -0300",
	"1979-11-20T05:34:27-03:00"},
    {"1 Jul 2003 10:52:37 (a \\) 12:00:00) +0200", "2003-07-01T10:52:37+02:00"},
    {"1 Jul 2003 10:52:37 +0200 (CEST", "2003-07-01T10:52:37+02:00"},
    {"1 Jul 2003 ((no end) 10:52:37 +0200", NULL},
    {"1 Jul 2003 10:52:37 ) +0200", "2003-07-01T10:52:37+02:00"},
    /* Years: RFC 5322 4.3. */
    {"Wed, 27 Jun 99 04:11 +0900 ", "1999-06-27T04:11:00+09:00"},
    {"1 Jan 00 00:00 +0000", "2000-01-01T00:00:00+00:00"},
    {"1 Jan 49 00:00 +0000", "2049-01-01T00:00:00+00:00"},
    {"1 Jan 50 00:00 +0000", "1950-01-01T00:00:00+00:00"},
    {"1 Jan 102 00:00 +0000", "2002-01-01T00:00:00+00:00"},
    {"1 Jan 1900 00:00 +0000", "1900-01-01T00:00:00+00:00"},
    {"1 Jan 1899 00:00 +0000", NULL},
    {"1 Jan 9999 00:00 +0000", "9999-01-01T00:00:00+00:00"},
    {"1 Jan 10000 00:00 +0000", NULL},
    {"1 Jan 4294969322 00:00 +0000", NULL},
    {"1 Jan 99999999999999999999999 00:00 +0000", NULL},
    /* Zones. */
    {"Sun, 27 Oct 2002 23:57:07 EST", "2002-10-27T23:57:07-05:00"},
    {"Sun, 27 Oct 2002 23:57:07 jst", "2002-10-27T23:57:07+09:00"},
    {"Sun, 27 Oct 2002 23:57:07 Z", "2002-10-27T23:57:07+00:00"},
    {"Sun, 27 Oct 2002 23:57:07", "2002-10-27T23:57:07-00:00"},
    {"Sun, 27 Oct 2002 23:57:07 -0000", "2002-10-27T23:57:07-00:00"},
    {"Sun, 27 Oct 2002 23:57:07 -0000 (UTC)", "2002-10-27T23:57:07-00:00"},
    {"Thu, 10 Jul 1997 14:53:31 A", "1997-07-10T14:53:31-00:00"},
    {"Thu, 10 Jul 1997 14:53:31 ZZZZ", "1997-07-10T14:53:31-00:00"},
    {"Sun, 27 Oct 2002 23:57:07 +09:00", "2002-10-27T23:57:07+09:00"},
    {"Sun, 27 Oct 2002 23:57:07 +9", "2002-10-27T23:57:07+09:00"},
    {"Sun, 27 Oct 2002 23:57:07 -930", "2002-10-27T23:57:07-09:30"},
    {"Sun, 27 Oct 2002 23:57:07 -0030", "2002-10-27T23:57:07-00:30"},
    {"Sun, 27 Oct 2002 23:57:07 GMT+0900", "2002-10-27T23:57:07+09:00"},
    {"Sun, 27 Oct 2002 23:57:07 +0900 GMT", "2002-10-27T23:57:07+09:00"},
    {"Sun, 27 Oct 2002 23:57:07 +0900 +0100", "2002-10-27T23:57:07+09:00"},
    {"Sun, 27 Oct 2002 23:57:07 +2400", "2002-10-27T23:57:07-00:00"},
    {"Sun, 27 Oct 2002 23:57:07 +0960", "2002-10-27T23:57:07-00:00"},
    {"Sun, 27 Oct 2002 23:57:07 +09:", "2002-10-27T23:57:07-00:00"},
    {"Sun, 27 Oct 2002 23:57:07 +9999999999", "2002-10-27T23:57:07-00:00"},
    {"Sun, 27 Oct 2002 23:57:07 -", "2002-10-27T23:57:07-00:00"},
    /* Other orders and separators. */
    {"Sat Nov 21 23:06:00 2026", "2026-11-21T23:06:00-00:00"},
    {"Sat Nov  1 23:06:00 JST 2026", "2026-11-01T23:06:00+09:00"},
    {"Sat Nov 21 23:06:00 +0900 2026", "2026-11-21T23:06:00+09:00"},
    {"November 21, 2026 23:06 +0900", "2026-11-21T23:06:00+09:00"},
    {"21 Sept 2026 23:06 +0900", "2026-09-21T23:06:00+09:00"},
    {"2 feb 2021 09:55:06 +0200", "2021-02-02T09:55:06+02:00"},
    {"Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37+00:00"},
    {"2026-11-21T23:06:00+09:00", "2026-11-21T23:06:00+09:00"},
    {"2026-11-21T23:06:00.123Z", "2026-11-21T23:06:00+00:00"},
    {"2026-11-21 23:06:00 -0500", "2026-11-21T23:06:00-05:00"},
    {"2026/11/21 23:06:00", "2026-11-21T23:06:00-00:00"},
    {"11/12/2026 23:06:00", NULL},
    {"\xe5\x9c\x9f, 21 11 2026 23:06:00 +0900", "2026-11-21T23:06:00+09:00"},
    {"by 2002:aa7:cd10:0 with SMTP id 81.1665423075119;\n\tMon, "
     "10 Oct 2022 10:31:15 -0700 (PDT)",
	"2022-10-10T10:31:15-07:00"},
    /* No dates. */
    {"", NULL},
    {"no date", NULL},
    {"21 Nov 2026", NULL},
    {"23:06:00 +0900", NULL},
    {"Nov 2026 23:06:00", NULL},
    {"21 2026 23:06:00", NULL},
    {"13 zzz 2021 09:55:06 +0200", NULL},
    {"Tue, 7 Bog 2026 19:14:51 +0000", NULL},
    {"Tue, 7 00 2026 19:14:51 +0000", NULL},
    {"Tue, 7 13 2026 19:14:51 +0000", NULL},
    {"Sun, 29 Feb 2026 00:00:00 +0000", NULL},
    {"Thu, 29 Feb 1900 00:00:00 +0000", NULL},
    {"31 Apr 2026 00:00:00 +0000", NULL},
    {"0 Apr 2026 00:00:00 +0000", NULL},
    {"1 Apr 2026 24:00:00 +0000", NULL},
    {"1 Apr 2026 23:60:00 +0000", NULL},
    {"1 Apr 2026 23:59:61 +0000", NULL},
    {"1 Apr 2026 23: +0000", NULL},
};

static void
check(const char *value, size_t len, const char *expected)
{
	/* A copy of its own, so that a read behind its end is seen. */
	char *copy = xmalloc(len > 0 ? len : 1);
	char text[DATE_TEXT] = "";
	bool is;

	memcpy(copy, value, len);
	is = date_parse((struct slice){copy, len}, text);
	free(copy);
	if (is == (expected != NULL) && (!is || strcmp(text, expected) == 0))
		return;
	fprintf(
	    stderr, "date: %.*s: %s\n", (int)len, value, is ? text : "no date");
	failures++;
}

/* Whatever it is, what comes out has the form of a date. */
static void
check_form(const char *value, size_t len)
{
	static const char form[] = "dddd-dd-ddTdd:dd:ddsdd:dd";
	char *copy = xmalloc(len > 0 ? len : 1);
	char text[DATE_TEXT];
	size_t i = 0;

	memcpy(copy, value, len);
	if (date_parse((struct slice){copy, len}, text)) {
		for (; text[i] != '\0' && form[i] != '\0'; i++)
			if (form[i] == 'd'   ? text[i] < '0' || text[i] > '9'
			    : form[i] == 's' ? text[i] != '+' && text[i] != '-'
					     : text[i] != form[i])
				break;
		if (text[i] != form[i]) {
			fprintf(stderr, "date: %.*s: %s\n",
			    len < 60 ? (int)len : 60, value, text);
			failures++;
		}
	}
	free(copy);
}

/* Linear: a megabyte of anything takes no time. */
static void
check_long(const char *piece)
{
	struct buf value = BUF_INIT;

	while (value.len < 1024 * 1024)
		buf_addstr(&value, piece);
	check_form(value.data, value.len);
	buf_release(&value);
}

static const struct {
	int64_t ms;
	int offset;
	const char *text;
} formatted[] = {
    {0, 0, "Thu, 01 Jan 1970 00:00:00 +0000"},
    {INT64_C(1795302360999), 540, "Sun, 22 Nov 2026 08:06:00 +0900"},
    {INT64_C(1795302360000), -210, "Sat, 21 Nov 2026 19:36:00 -0330"},
    {-1, 0, "Wed, 31 Dec 1969 23:59:59 +0000"},
    {INT64_C(-2208988800000), 0, "Mon, 01 Jan 1900 00:00:00 +0000"},
    {INT64_C(951782400000), 0, "Tue, 29 Feb 2000 00:00:00 +0000"},
    {INT64_C(253402214400000), 0, "Fri, 31 Dec 9999 00:00:00 +0000"},
};

static void
check_formatted(void)
{
	char text[DATE_TEXT];

	for (size_t i = 0; i < sizeof formatted / sizeof *formatted; i++)
		if (strcmp(
			date_format(formatted[i].ms, formatted[i].offset, text),
			formatted[i].text) != 0) {
			fprintf(stderr, "date: %s, not %s\n", text,
			    formatted[i].text);
			failures++;
		}
}

int
main(void)
{
	static const char *const pieces[] = {
	    "(", "()", "1", "1 ", ":", "1:", "+", "Z", "Nov ", ";", "\\", "-1"};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t len = strlen(cases[i].value);

		check(cases[i].value, len, cases[i].text);
		for (size_t cut = 0; cut < len; cut++)
			check_form(cases[i].value, cut);
	}
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
		check_long(pieces[i]);
	check_formatted();
	return failures > 0;
}
