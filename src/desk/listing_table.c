#include "desk/listing_table.h"

#include <stdio.h>

#include "core/json.h"
#include "desk/paint.h"

enum {
	ID_WIDTH = 32, /* of those that are made here; others may have any */
	PAUSED_TEXT = 40,
};

/* On 80 columns there is room for state, age, attempts, tenant, subject, id. */
static const struct table_column mail_columns[] = {
    {"QUEUE", 7, .most = 24, .share = 1, .rank = 4},
    {"STATE", .width = 9},
    {"AGE", 4, .is_right = true},
    {"TRY", 3, .rank = 3, .is_right = true},
    {"TENANT", 6, .most = 20, .share = 1, .rank = 2},
    {"FROM", 14, .most = 40, .share = 2, .rank = 5},
    {"TO", 14, .most = 40, .share = 2, .rank = 6},
    {"SUBJECT", 16, .most = 100, .share = 4},
    {"REASON", 16, .most = 80, .share = 3, .rank = 7},
    {"ID", ID_WIDTH, .rank = 1, .is_whole = true},
};

static const struct table_column queue_columns[] = {
    {"QUEUE", 8, .most = 24, .share = 1},
    {"READY", 6, .is_right = true},
    {"LEASED", 6, .rank = 3, .is_right = true},
    {"SCHEDULED", 9, .rank = 6, .is_right = true},
    {"DEFERRED", 8, .rank = 2, .is_right = true},
    {"DEAD", 6, .is_right = true},
    {"PARKED", 6, .rank = 5, .is_right = true},
    {"DONE", 7, .rank = 7, .is_right = true},
    {"OLDEST", 6, .rank = 1, .is_right = true},
    {"PAUSED", 6, .rank = 4, .is_whole = true},
};

static const struct table_column total_columns[] = {
    {"STATE", .width = 9},
    {"MAILS", 10, .is_right = true},
};

void
listing_table_mails(
    struct table *t, bool has_queue, const struct look *look, struct buf *out)
{
	size_t first = has_queue ? 0 : 1;

	table_init(t, mail_columns + first,
	    sizeof mail_columns / sizeof *mail_columns - first, look, out);
}

/* A member that is a string, as a cell. */
static void
member_cell(struct table *t, const char *color, json obj, const char *key)
{
	size_t n = 0;
	const char *s = json_strn(obj, key, &n);

	table_text(t, color, s, n);
}

/* Of one that came or is to be sent. */
static void
subject_cell(struct table *t, json rec)
{
	json message = json_member(rec, "message", JSON_OBJECT);
	json mail = json_member(rec, "mail", JSON_OBJECT);

	member_cell(t, LOOK_PLAIN,
	    json_has(message, "subject") ? message : mail, "subject");
	json_free(message);
	json_free(mail);
}

static void
envelope_cells(struct table *t, json rec)
{
	json envelope = json_member(rec, "envelope", JSON_OBJECT);
	const char *from = json_str(envelope, "from");

	if (from != NULL && from[0] == '\0')
		table_str(t, LOOK_PLAIN, "<>"); /* a bounce */
	else
		member_cell(t, LOOK_PLAIN, envelope, "from");
	member_cell(t, LOOK_PLAIN, envelope, "to");
	json_free(envelope);
}

/* Why it is where it is. */
static void
reason_cell(struct table *t, const struct mail_row *row)
{
	json last = json_none();
	struct err e = ERR_INIT;

	if (row->last == NULL ||
	    json_parse(row->last, row->last_len, &last, &e) == -1)
		last = json_none();
	member_cell(t, paint_status(json_str(last, "status")), last, "reason");
	json_free(last);
}

void
listing_table_mail(struct table *t, const struct mail_row *row, int64_t now)
{
	const char *state = mail_state_name(row->state);
	struct err e = ERR_INIT;
	json rec;

	if (json_parse(row->record, row->record_len, &rec, &e) == -1)
		rec = json_none();
	if (t->columns == mail_columns)
		table_str(t, LOOK_PLAIN, row->queue);
	table_str(t, paint_state(state), state);
	table_age(t, LOOK_PLAIN, now - row->stored_at);
	table_number(t, LOOK_PLAIN, row->attempts);
	table_str(t, LOOK_PLAIN, row->tenant);
	envelope_cells(t, rec);
	subject_cell(t, rec);
	reason_cell(t, row);
	table_str(t, LOOK_PLAIN, row->id);
	table_end(t);
	json_free(rec);
}

void
listing_table_queues(struct table *t, const struct look *look, struct buf *out)
{
	table_init(t, queue_columns,
	    sizeof queue_columns / sizeof *queue_columns, look, out);
}

/* None is no news. */
static void
count_cell(struct table *t, const char *color, int64_t n)
{
	table_number(t, n > 0 ? color : LOOK_DIM, n);
}

static void
state_cell(struct table *t, const struct mail_stats *s, enum mail_state state)
{
	count_cell(t, paint_state(mail_state_name(state)), s->n[state]);
}

/* "yes", "2 tenants", "1 route", "3 limited", or nothing. */
static void
paused_cell(struct table *t, const struct mail_stats *s)
{
	char text[PAUSED_TEXT] = "";

	if (s->paused_tenants > 0)
		snprintf(text, sizeof text, "%lld tenant%s",
		    (long long)s->paused_tenants,
		    s->paused_tenants == 1 ? "" : "s");
	else if (s->held_routes > 0)
		snprintf(text, sizeof text, "%lld route%s",
		    (long long)s->held_routes, s->held_routes == 1 ? "" : "s");
	else if (s->limited_tenants > 0)
		snprintf(text, sizeof text, "%lld limited",
		    (long long)s->limited_tenants);
	table_str(t, LOOK_YELLOW, s->is_paused ? "yes" : text);
}

void
listing_table_queue(struct table *t, const struct mail_stats *s, int64_t now)
{
	const int64_t *n = s->n;

	table_str(t, LOOK_PLAIN, s->queue);
	state_cell(t, s, MAIL_READY);
	state_cell(t, s, MAIL_LEASED);
	state_cell(t, s, MAIL_SCHEDULED);
	state_cell(t, s, MAIL_DEFERRED);
	state_cell(t, s, MAIL_DEAD);
	state_cell(t, s, MAIL_PARKED);
	count_cell(t, LOOK_PLAIN,
	    n[MAIL_SUCCEEDED] + n[MAIL_SKIPPED] + n[MAIL_DROPPED]);
	if (s->oldest_ready_at != 0)
		table_age(t, LOOK_PLAIN, now - s->oldest_ready_at);
	else
		table_str(t, LOOK_PLAIN, NULL);
	paused_cell(t, s);
	table_end(t);
}

void
listing_table_totals(const int64_t n[MAIL_STATES], int64_t all,
    const struct look *look, struct buf *out)
{
	struct table t;

	table_init(&t, total_columns,
	    sizeof total_columns / sizeof *total_columns, look, out);
	for (int i = 0; i < MAIL_STATES; i++) {
		const char *state = mail_state_name((enum mail_state)i);

		table_str(&t, n[i] > 0 ? paint_state(state) : LOOK_DIM, state);
		count_cell(&t, LOOK_PLAIN, n[i]);
		table_end(&t);
	}
	table_str(&t, LOOK_BOLD, "all");
	table_number(&t, LOOK_BOLD, all);
	table_end(&t);
}
