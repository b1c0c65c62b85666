/* Tables for people: widths, cutting, what is left out. */
#include "core/table.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"

static const struct table_column columns[] = {
    {"STATE", .width = 6},
    {"N", 4, .rank = 2, .is_right = true},
    {"SUBJECT", 8, .most = 30, .share = 1},
    {"ID", 3, .rank = 1, .is_whole = true},
};

static const struct {
	struct look look;
	const char *want;
} rows[] = {
    /* What is least important is left out first. */
    {{true, false, 18}, "STATE  SUBJECT\n"
			"dead   受注確認の…\n"
			"leasi…\n"
			"       \\x1b[2J\\x0a\n"},
    /* An id is never cut. */
    {{true, false, 19}, "STATE  SUBJECT  ID\n"
			"dead   受注確…  whole\n"
			"leasi…\n"
			"       \\x1b[2J… x\n"},
    {{true, false, 24}, "STATE     N SUBJECT  ID\n"
			"dead      7 受注確…  whole\n"
			"leasi…   1M\n"
			"        12k \\x1b[2J… x\n"},
    /* Where there is room, there is air. */
    {{true, true, 100},
	"\033[1mSTATE\033[0m      \033[1mN\033[0m  \033[1mSUBJECT\033[0m"
	"                         \033[1mID\033[0m\n"
	"\033[31mdead\033[0m       7  受注確認のお知らせ              whole\n"
	"leasi…    1M\n"
	"         12k  \\x1b[2J\\x0a                     x\n"},
};

static void
write_rows(struct table *t)
{
	table_str(t, LOOK_RED, "dead");
	table_number(t, LOOK_PLAIN, 7);
	table_str(t, LOOK_PLAIN, "受注確認のお知らせ");
	table_str(t, LOOK_PLAIN, "whole");
	table_end(t);
	table_str(t, LOOK_PLAIN, "leasing");
	table_number(t, LOOK_PLAIN, 1234567);
	table_end(t);
	table_str(t, LOOK_PLAIN, NULL);
	table_number(t, LOOK_PLAIN, 12345);
	table_str(t, LOOK_PLAIN, "\033[2J\n");
	table_str(t, LOOK_PLAIN, "x");
	table_str(t, LOOK_PLAIN, "there is no such column");
	table_end(t);
}

static int
check_tables(void)
{
	int failures = 0;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf out = BUF_INIT;
		struct table t;

		table_init(&t, columns, 4, &rows[i].look, &out);
		write_rows(&t);
		if (strcmp(out.data, rows[i].want) != 0) {
			fprintf(stderr, "width %d:\n%s", rows[i].look.width,
			    out.data);
			failures++;
		}
		buf_release(&out);
	}
	return failures;
}

static int
check_ages(void)
{
	static const struct {
		int64_t s;
		const char *want;
	} ages[] = {
	    {-5, "0s"},
	    {0, "0s"},
	    {119, "119s"},
	    {120, "2m"},
	    {7199, "119m"},
	    {7200, "2h"},
	    {172799, "47h"},
	    {172800, "2d"},
	    {86400 * 1000LL, "2y"},
	};
	char text[CLOCK_TEXT];
	int failures = 0;

	for (size_t i = 0; i < sizeof ages / sizeof *ages; i++)
		if (strcmp(clock_age(ages[i].s * 1000, text), ages[i].want) !=
		    0) {
			fprintf(
			    stderr, "%lld s: %s\n", (long long)ages[i].s, text);
			failures++;
		}
	return failures;
}

int
main(void)
{
	return check_tables() + check_ages() > 0;
}
