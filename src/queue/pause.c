#include "queue/pause.h"

#include <stdio.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json_text.h"
#include "core/table.h"
#include "core/tool.h"
#include "queue/queue.h"

int
pause_set(struct queue *q, const char *queue, const char *tenant, int64_t until,
    const char *reason, struct err *e)
{
	struct mail_hold h = {
	    .queue = queue,
	    .tenant = tenant != NULL ? tenant : "",
	    .at = clock_now_ms(),
	    .until = until,
	    .reason = reason,
	};
	struct mail_engine *mail = queue_ledger(q, e);

	return mail != NULL ? mail->ops->pause(mail, &h, e) : -1;
}

int
pause_end_route(
    struct queue *q, const char *queue, const char *route, struct err *e)
{
	struct mail_run run = {
	    .queue = queue,
	    .route = route,
	    .class = "",
	    .is_first = true,
	    .reason = "",
	};
	struct mail_engine *mail = queue_ledger(q, e);

	if (mail == NULL ||
	    mail->ops->runs(mail, &run, 1, clock_now_ms(), e) == -1)
		return -1;
	if (!run.is_closed)
		tool_say("%s: route %s was not held", queue, route);
	return 0;
}

int
pause_end(struct queue *q, const char *queue, const char *tenant, struct err *e)
{
	struct mail_engine *mail = queue_ledger(q, e);
	bool was_held;

	if (mail == NULL ||
	    mail->ops->resume(
		mail, queue, tenant != NULL ? tenant : "", &was_held, e) == -1)
		return -1;
	if (!was_held)
		tool_say("%s%s%s was not paused", queue,
		    tenant != NULL ? ": " : "", tenant != NULL ? tenant : "");
	return 0;
}

struct held {
	const struct look *look;
	struct buf line;
	struct table table;
};

static void
write_hold(const struct mail_hold *h, struct buf *line)
{
	char at[CLOCK_TEXT];

	buf_addch(line, '{');
	json_text_member_str(line, "queue", h->queue);
	if (h->tenant[0] != '\0')
		json_text_member_str(line, "tenant", h->tenant);
	if (h->route != NULL)
		json_text_member_str(line, "route", h->route);
	if (h->is_rate)
		buf_addf(line, ",\"rate\":true,\"priority\":%lld",
		    (long long)h->priority);
	json_text_member_str(line, "at", clock_format(h->at, at));
	if (h->until != 0)
		json_text_member_str(line, "until", clock_format(h->until, at));
	if (h->reason != NULL)
		json_text_member_str(line, "reason", h->reason);
	buf_addstr(line, "}\n");
}

/* "2h ago", "in 3h". */
static void
relative_cell(
    struct table *t, const char *before, int64_t ms, const char *after)
{
	char age[CLOCK_TEXT], text[CLOCK_TEXT + 8];

	snprintf(
	    text, sizeof text, "%s%s%s", before, clock_age(ms, age), after);
	table_str(t, LOOK_PLAIN, text);
}

static void
hold_row(struct table *t, const struct mail_hold *h)
{
	int64_t now = clock_now_ms();

	char name[NAME_MAX_LEN + 16];

	table_str(t, LOOK_YELLOW, h->queue);
	if (h->route != NULL) {
		snprintf(name, sizeof name, "(route %s)", h->route);
		table_str(t, LOOK_YELLOW, name);
	} else if (h->is_rate) {
		snprintf(name, sizeof name, "%s (rate)", h->tenant);
		table_str(t, LOOK_PLAIN, name);
	} else if (h->tenant[0] != '\0')
		table_str(t, LOOK_YELLOW, h->tenant);
	else
		table_str(t, LOOK_DIM, "(all)");
	relative_cell(t, "", now - h->at, " ago");
	if (h->until != 0)
		relative_cell(t, "in ", h->until - now, "");
	else
		table_str(t, LOOK_DIM, "resumed");
	table_str(t, LOOK_PLAIN, h->reason);
	table_end(t);
}

static int
print_hold(void *ctx, const struct mail_hold *h, struct err *e)
{
	struct held *held = ctx;
	struct buf *line = &held->line;

	buf_reset(line);
	if (held->look->is_table)
		hold_row(&held->table, h);
	else
		write_hold(h, line);
	return file_write(
	    STDOUT_FILENO, line->data, line->len, -1, "stdout", e);
}

static const struct table_column columns[] = {
    {"QUEUE", 8, .most = 24, .share = 1},
    {"TENANT", 8, .most = 20, .share = 1},
    {"PAUSED", 8, .rank = 2},
    {"UNTIL", .width = 7},
    {"REASON", 8, .most = 80, .share = 4, .rank = 1, .is_whole = true},
};

int
pause_list(struct queue *q, const struct look *look, struct err *e)
{
	struct mail_engine *mail = queue_ledger(q, e);
	struct held held = {.look = look};
	int r = -1;

	table_init(&held.table, columns, sizeof columns / sizeof *columns, look,
	    &held.line);
	if (mail != NULL)
		r = mail->ops->holds(mail, print_hold, &held, e);
	buf_release(&held.line);
	return r;
}
