#include "desk/doctor_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"

static const struct table_column columns[] = {
    {"STATUS", .width = 6}, {"CHECK", 13, .most = 21, .share = 1},
    {"DETAIL", 20, .is_whole = true}, /* what to do: never cut */
};

void
doctor_begin(struct doctor *d)
{
	table_init(&d->table, columns, sizeof columns / sizeof *columns,
	    d->look, &d->out);
}

void
doctor_finding(struct doctor *d, const char *check, enum doctor_level level,
    const char *fmt, ...)
{
	static const char *const names[] = {"ok", "warn", "fail"};
	static const char *const colors[] = {LOOK_GREEN, LOOK_YELLOW, LOOK_RED};
	char detail[600];
	json line;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof detail, fmt, ap);
	va_end(ap);
	d->is_failed |= level == DOCTOR_FAIL;
	if (d->look->is_table) {
		table_str(&d->table, colors[level], names[level]);
		table_str(&d->table, LOOK_PLAIN, check);
		table_str(&d->table, LOOK_PLAIN, detail);
		table_end(&d->table);
		return;
	}
	line = json_set_str(json_object(), "check", check);
	line = json_set_str(line, "status", names[level]);
	line = json_set(line, "detail", json_bytes(detail, strlen(detail)));
	json_dump(line, &d->out);
	buf_addch(&d->out, '\n');
}
