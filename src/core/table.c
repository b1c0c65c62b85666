#include "core/table.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/plain.h"

enum {
	ROOMY = 100, /* columns from which two blanks stand between cells */
};

/* What all that are not left out need. */
static int
needed(const struct table *t)
{
	int sum = 0;

	for (size_t i = 0; i < t->n; i++)
		if (t->widths[i] > 0)
			sum += t->widths[i] + (sum > 0 ? t->gap : 0);
	return sum;
}

/* Those that must be there, then each that has room, by rank. */
static void
choose(struct table *t, int width)
{
	for (int rank = 0; rank < TABLE_COLUMNS; rank++)
		for (size_t i = 0; i < t->n; i++) {
			if (t->columns[i].rank != rank)
				continue;
			t->widths[i] = t->columns[i].width;
			if (rank > 0 && needed(t) > width)
				t->widths[i] = 0;
		}
}

/* Not even those that must be there have room: it is taken from who has it. */
static void
shrink(struct table *t, int missing)
{
	bool is_given = true;

	while (missing > 0 && is_given) {
		is_given = false;
		for (size_t i = 0; i < t->n && missing > 0; i++)
			if (t->columns[i].share > 0 && t->widths[i] > 1) {
				t->widths[i]--;
				missing--;
				is_given = true;
			}
	}
}

/* The room that is left goes to those who want it, by their shares. */
static void
share_out(struct table *t, int room)
{
	bool is_wanted = true;

	while (room > 0 && is_wanted) {
		is_wanted = false;
		for (size_t i = 0; i < t->n; i++) {
			const struct table_column *c = &t->columns[i];

			if (t->widths[i] == 0)
				continue;
			for (int k = 0;
			     k < c->share && room > 0 && t->widths[i] < c->most;
			     k++, room--) {
				t->widths[i]++;
				is_wanted = true;
			}
		}
	}
}

void
table_init(struct table *t, const struct table_column *columns, size_t n,
    const struct look *look, struct buf *out)
{
	*t = (struct table){
	    .out = out,
	    .columns = columns,
	    .n = n,
	    .gap = look->width < ROOMY ? 1 : 2,
	    .is_colored = look->is_colored,
	};
	choose(t, look->width);
	shrink(t, needed(t) - look->width);
	share_out(t, look->width - needed(t));
}

static void
add_blanks(struct table *t)
{
	for (; t->owed > 0; t->owed--)
		buf_addch(t->out, ' ');
}

static void
add_colored(struct table *t, const char *color, const struct buf *text)
{
	bool is_plain =
	    !t->is_colored || text->len == 0 || strcmp(color, LOOK_PLAIN) == 0;

	if (!is_plain)
		buf_addf(t->out, "\033[%sm", color);
	buf_add(t->out, text->data, text->len);
	if (!is_plain)
		buf_addstr(t->out, "\033[0m");
}

static void
add_cell(struct table *t, const char *color, const char *s, size_t n)
{
	const struct table_column *c = &t->columns[t->at];
	int width = t->widths[t->at++], used, rest;
	struct buf text = BUF_INIT;

	if (width == 0)
		return;
	used = plain_fit(&text, s, n, c->is_whole ? INT_MAX : width);
	rest = used < width ? width - used : 0;
	if (c->is_right)
		t->owed += rest;
	if (text.len > 0)
		add_blanks(t);
	add_colored(t, color, &text);
	t->owed += t->gap + (c->is_right ? 0 : rest);
	buf_release(&text);
}

static void
add_head(struct table *t)
{
	t->has_head = true;
	for (size_t i = 0; i < t->n; i++)
		add_cell(t, LOOK_BOLD, t->columns[i].title,
		    strlen(t->columns[i].title));
	table_end(t);
}

void
table_text(struct table *t, const char *color, const char *s, size_t n)
{
	if (!t->has_head)
		add_head(t);
	if (t->at < t->n)
		add_cell(t, color, s != NULL ? s : "", s != NULL ? n : 0);
}

void
table_str(struct table *t, const char *color, const char *s)
{
	table_text(t, color, s, s != NULL ? strlen(s) : 0);
}

void
table_number(struct table *t, const char *color, int64_t n)
{
	static const char units[] = " kMGTPE";
	int width = t->at < t->n ? t->widths[t->at] : 0, unit = 0, len;
	char text[32];

	len = snprintf(text, sizeof text, "%lld", (long long)n);
	while (len > width && width > 1 && unit < 6) {
		n /= 1000;
		unit++;
		len = snprintf(
		    text, sizeof text, "%lld%c", (long long)n, units[unit]);
	}
	table_str(t, color, text);
}

void
table_age(struct table *t, const char *color, int64_t ms)
{
	char text[CLOCK_TEXT];

	table_str(t, color, clock_age(ms, text));
}

void
table_end(struct table *t)
{
	t->at = 0;
	t->owed = 0;
	buf_addch(t->out, '\n');
}
