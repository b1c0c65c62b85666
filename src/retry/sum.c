#include "retry/sum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/file.h"
#include "core/json_text.h"
#include "core/table.h"

struct sum_class *
sum_of(struct sum *s, const char *class)
{
	struct sum_class *c;

	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->all[i].class, class) == 0)
			return &s->all[i];
	s->all = xrealloc(s->all, s->n + 1, sizeof *s->all);
	c = &s->all[s->n++];
	*c = (struct sum_class){.ready = 0};
	snprintf(c->class, sizeof c->class, "%s", class);
	return c;
}

static struct sum_class
total(const struct sum *s)
{
	struct sum_class t = {.class = "all"};

	for (size_t i = 0; i < s->n; i++) {
		t.ready += s->all[i].ready;
		t.dead += s->all[i].dead;
		t.waiting += s->all[i].waiting;
	}
	return t;
}

static void
add_counts(struct buf *out, const struct sum_class *c)
{
	json_text_member_int(out, "ready", c->ready);
	json_text_member_int(out, "dead", c->dead);
	json_text_member_int(out, "waiting", c->waiting);
}

static void
write_json(
    const struct sum *s, const char *queue, bool is_over, struct buf *out)
{
	struct sum_class all = total(s);

	buf_addch(out, '{');
	json_text_member_str(out, "queue", queue);
	add_counts(out, &all);
	buf_addf(
	    out, ",\"is_over\":%s,\"classes\":{", is_over ? "true" : "false");
	for (size_t i = 0; i < s->n; i++) {
		json_text_key(out, s->all[i].class);
		buf_addch(out, '{');
		add_counts(out, &s->all[i]);
		buf_addch(out, '}');
	}
	buf_addstr(out, "}}\n");
}

static const struct table_column columns[] = {
    {"CLASS", 13, .most = 24, .share = 1},
    {"READY", 8, .is_right = true},
    {"DEAD", 8, .is_right = true},
    {"WAITING", 8, .is_right = true},
};

static void
add_row(struct table *t, const char *color, const struct sum_class *c)
{
	table_str(t, color, c->class[0] != '\0' ? c->class : "(none)");
	table_number(t, c->ready > 0 ? LOOK_GREEN : LOOK_DIM, c->ready);
	table_number(t, c->dead > 0 ? LOOK_RED : LOOK_DIM, c->dead);
	table_number(t, c->waiting > 0 ? LOOK_PLAIN : LOOK_DIM, c->waiting);
	table_end(t);
}

static void
write_table(const struct sum *s, const struct look *look, struct buf *out)
{
	struct sum_class all = total(s);
	struct table t;

	table_init(&t, columns, sizeof columns / sizeof *columns, look, out);
	for (size_t i = 0; i < s->n; i++)
		add_row(&t, LOOK_PLAIN, &s->all[i]);
	add_row(&t, LOOK_BOLD, &all);
}

int
sum_print(const struct sum *s, const char *queue, bool is_over,
    const struct look *look, struct err *e)
{
	struct buf out = BUF_INIT;
	int r;

	if (look->is_table)
		write_table(s, look, &out);
	else
		write_json(s, queue, is_over, &out);
	r = file_write(STDOUT_FILENO, out.data, out.len, -1, "stdout", e);
	buf_release(&out);
	return r;
}

void
sum_release(struct sum *s)
{
	free(s->all);
}
