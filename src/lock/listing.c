#include "lock/listing.h"

#include <stdio.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json_text.h"
#include "core/table.h"

enum {
	ID_WIDTH = 32, /* of those that are made here; others may have any */
};

static const struct table_column columns[] = {
    {"STATE", .width = 9},
    {"AGE", 4, .is_right = true},
    {"TENANT", 6, .most = 20, .share = 1, .rank = 1},
    {"KEY", 20, .most = 120, .share = 6},
    {"ID", ID_WIDTH, .is_whole = true},
};

static const char *const colors[LOCK_STATES] = {
    [LOCK_FREE] = LOOK_PLAIN,
    [LOCK_CLAIMED] = LOOK_CYAN,
    [LOCK_DONE] = LOOK_GREEN,
    [LOCK_UNCERTAIN] = LOOK_RED,
};

struct listed {
	const struct look *look;
	struct buf text;
	struct table table;
};

static void
write_json(const struct lock_row *row, struct buf *out)
{
	char at[CLOCK_TEXT];

	buf_addch(out, '{');
	json_text_member_str(out, "key", row->key);
	json_text_member_str(out, "state", lock_state_name(row->state));
	json_text_member_str(out, "id", row->id);
	if (row->tenant[0] != '\0')
		json_text_member_str(out, "tenant", row->tenant);
	json_text_member_str(out, "at", clock_format(row->at, at));
	if (row->until != 0)
		json_text_member_str(
		    out, "until", clock_format(row->until, at));
	if (row->taken_from[0] != '\0')
		json_text_member_str(out, "taken_from", row->taken_from);
	if (row->result_len > 0) {
		json_text_key(out, "result");
		buf_add(out, row->result, row->result_len);
	}
	buf_addstr(out, "}\n");
}

static void
write_row(const struct lock_row *row, struct table *t)
{
	table_str(t, colors[row->state], lock_state_name(row->state));
	table_age(t, LOOK_PLAIN, clock_now_ms() - row->at);
	table_str(t, LOOK_PLAIN, row->tenant);
	table_str(t, LOOK_PLAIN, row->key);
	table_str(t, LOOK_PLAIN, row->id);
	table_end(t);
}

static int
print_row(void *ctx, const struct lock_row *row, struct err *e)
{
	struct listed *l = ctx;

	buf_reset(&l->text);
	if (l->look->is_table)
		write_row(row, &l->table);
	else
		write_json(row, &l->text);
	return file_write(
	    STDOUT_FILENO, l->text.data, l->text.len, -1, "stdout", e);
}

int
lock_listing(struct lock_engine *locks, const struct lock_filter *f,
    const struct look *look, struct err *e)
{
	struct listed l = {.look = look};
	int r;

	table_init(
	    &l.table, columns, sizeof columns / sizeof *columns, look, &l.text);
	r = locks->ops->list(locks, f, print_row, &l, e);
	buf_release(&l.text);
	return r;
}
