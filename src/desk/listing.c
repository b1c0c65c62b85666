#include "desk/listing.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/tool.h"
#include "desk/listing_table.h"
#include "queue/draw.h"
#include "queue/queue.h"

/* Where it goes, and how. */
struct listed {
	const struct look *look;
	struct buf text; /* not yet written */
	struct table table;
	bool is_seen; /* there was something */
};

static int
print(struct listed *l, struct err *e)
{
	int r = 0;

	if (l->text.len > 0)
		r = file_write(
		    STDOUT_FILENO, l->text.data, l->text.len, -1, "stdout", e);
	buf_reset(&l->text);
	return r;
}

/* Without the secret key only what is clear is shown, which is no failure. */
static void
say_damaged(const struct mail_row *row)
{
	struct err bad = ERR_INIT;

	if (row->sealed == NULL || row->is_keyless)
		return;
	err_set(&bad, ERR_DATA, "%s", row->sealed);
	tool_failed(&bad);
}

static int
print_row(void *ctx, const struct mail_row *row, struct err *e)
{
	struct listed *l = ctx;

	say_damaged(row);
	if (l->look->is_table) {
		listing_table_mail(&l->table, row, clock_now_ms());
	} else {
		queue_row_record(row, &l->text);
		buf_addch(&l->text, '\n');
	}
	if (print(l, e) == -1)
		return -1;
	progress_add(1);
	return 0;
}

int
listing_filter(const struct listing *how, struct mail_filter *f, struct err *e)
{
	int64_t now = clock_now_ms();

	*f = (struct mail_filter){
	    .queue = how->queue,
	    .tenant = how->tenant,
	    .state = -1,
	    .sender = how->sender,
	    .recipient = how->recipient,
	    .message_id = how->message_id,
	    .is_kept = how->is_kept,
	    .behind = how->behind,
	    .max = how->count,
	};
	if (how->older_s > 0)
		f->before = now - how->older_s * 1000;
	if (how->newer_s > 0)
		f->after = now - how->newer_s * 1000;
	if (how->state == NULL)
		return 0;
	f->state = mail_state_parse(how->state);
	if (f->state == -1)
		return err_set(e, ERR_USAGE,
		    "\"%.40s\" is not a state: " LISTING_STATES, how->state);
	return 0;
}

int
listing_rows(struct queue *q, const struct listing *how,
    const struct look *look, struct err *e)
{
	struct listed l = {.look = look};
	int r;

	progress_start("listed", true);
	listing_table_mails(&l.table, how->queue == NULL, look, &l.text);
	r = listing_each(q, how, print_row, &l, e);
	buf_release(&l.text);
	return r;
}

static void
add_counts(struct buf *line, const int64_t n[MAIL_STATES], int first)
{
	for (int i = first; i < MAIL_STATES; i++)
		buf_addf(line, "%s\"%s\":%lld", i > first ? "," : "",
		    mail_state_name((enum mail_state)i), (long long)n[i]);
}

static void
write_stats(const struct mail_stats *s, int64_t now, struct buf *line)
{
	int64_t age_ms = s->oldest_ready_at != 0 ? now - s->oldest_ready_at : 0;

	buf_addf(line, "{\"queue\":\"%s\",", s->queue);
	add_counts(line, s->n, MAIL_READY);
	buf_addf(line,
	    ",\"oldest_ready_s\":%lld,\"paused\":%s,\"paused_tenants\":%lld,"
	    "\"held_routes\":%lld,\"limited_tenants\":%lld}\n",
	    (long long)(age_ms > 0 ? age_ms / 1000 : 0),
	    s->is_paused ? "true" : "false", (long long)s->paused_tenants,
	    (long long)s->held_routes, (long long)s->limited_tenants);
}

static int
print_stats(void *ctx, const struct mail_stats *s, struct err *e)
{
	struct listed *l = ctx;

	if (s->queue[0] == '\0')
		return 0; /* never queued: mail-store stats has those */
	l->is_seen = true;
	if (l->look->is_table)
		listing_table_queue(&l->table, s, clock_now_ms());
	else
		write_stats(s, clock_now_ms(), &l->text);
	return print(l, e);
}

int
listing_stats(
    struct queue *q, const char *queue, const struct look *look, struct err *e)
{
	struct mail_engine *mail = queue_mail(q, e);
	struct mail_stats none = {.queue = queue};
	struct listed l = {.look = look};
	int r = -1;

	listing_table_queues(&l.table, look, &l.text);
	if (mail != NULL)
		r = mail->ops->stats(mail, queue, print_stats, &l, e);
	if (r == 0 && queue != NULL && !l.is_seen)
		r = print_stats(&l, &none, e);
	buf_release(&l.text);
	return r;
}

static int
add_stats(void *ctx, const struct mail_stats *s, struct err *e)
{
	int64_t *n = ctx;

	(void)e;
	for (int i = 0; i < MAIL_STATES; i++)
		n[i] += s->n[i];
	return 0;
}

int
listing_totals(struct queue *q, const struct look *look, struct err *e)
{
	struct mail_engine *mail = queue_mail(q, e);
	int64_t n[MAIL_STATES] = {0}, all = 0;
	struct listed l = {.look = look};
	int r;

	if (mail == NULL || mail->ops->stats(mail, NULL, add_stats, n, e) == -1)
		return -1;
	for (int i = 0; i < MAIL_STATES; i++)
		all += n[i];
	if (look->is_table) {
		listing_table_totals(n, all, look, &l.text);
	} else {
		buf_addf(&l.text, "{\"mails\":%lld,", (long long)all);
		add_counts(&l.text, n, MAIL_STORED);
		buf_addstr(&l.text, "}\n");
	}
	r = print(&l, e);
	buf_release(&l.text);
	return r;
}

struct whole_mail {
	struct buf line;
	bool is_found;
	size_t events;
	/* Of one that is leased and not started: no event tells of it. */
	int64_t taken_at, delivery; /* taken_at 0: it is not */
};

/* What the row knows beyond the record: where it is on its way. */
static void
add_way(struct buf *line, const struct mail_row *row)
{
	char at[CLOCK_TEXT];

	if (row->deliveries > 0)
		buf_addf(
		    line, ",\"deliveries\":%lld", (long long)row->deliveries);
	if (row->due_at == 0 ||
	    (row->state == MAIL_DEFERRED && row->due_at <= row->updated_at))
		return;
	buf_addf(line, ",\"%s\":\"%s\"",
	    row->state == MAIL_LEASED ? "leased_until" : "due_at",
	    clock_format(row->due_at, at));
}

static int
begin_mail(void *ctx, const struct mail_row *row, struct err *e)
{
	struct whole_mail *w = ctx;

	(void)e;
	w->is_found = true;
	say_damaged(row);
	queue_row_record(row, &w->line);
	w->line.len--; /* open again at its end */
	add_way(&w->line, row);
	if (row->state == MAIL_LEASED) {
		w->taken_at = row->updated_at;
		w->delivery = row->deliveries;
	}
	buf_addstr(&w->line, ",\"history\":[");
	return 0;
}

/* {"at":…,"event":"start"} or a result with its own members. */
static int
add_event(void *ctx, const struct mail_history *h, struct err *e)
{
	struct whole_mail *w = ctx;
	char at[CLOCK_TEXT];

	(void)e;
	if (h->delivery == w->delivery && strcmp(h->stage, ":start") == 0)
		w->taken_at = 0;
	buf_addf(&w->line, "%s{\"at\":\"%s\"", w->events++ > 0 ? "," : "",
	    clock_format(h->at, at));
	if (h->stage[0] == ':')
		buf_addf(&w->line, ",\"event\":\"%s\"", h->stage + 1);
	else
		buf_addstr(&w->line, ",\"event\":\"result\"");
	if (h->delivery > 0)
		buf_addf(
		    &w->line, ",\"delivery\":%lld", (long long)h->delivery);
	if (h->delivery > 0 && strcmp(h->stage, ":taken") != 0)
		buf_addf(&w->line, ",\"attempt\":%lld", (long long)h->attempt);
	if (h->entry_len > 2) {
		buf_addstr(&w->line, ",\"entry\":");
		buf_add(&w->line, h->entry, h->entry_len);
	}
	buf_addch(&w->line, '}');
	return 0;
}

int
listing_mail(struct queue *q, const char *id, struct buf *out, struct err *e)
{
	struct mail_engine *mail = queue_mail(q, e);
	struct mail_filter f = {.id = id, .state = -1};
	struct whole_mail w = {.line = BUF_INIT};
	int r;

	if (mail == NULL)
		return -1;
	r = mail->ops->list(mail, &f, begin_mail, &w, e);
	if (r == 0 && !w.is_found)
		r = err_set(e, ERR_DATA, "%.64s: no such mail", id);
	if (r == 0)
		r = mail->ops->history(mail, id, add_event, &w, e);
	if (r == 0 && w.taken_at != 0) {
		struct mail_history taken = {.at = w.taken_at,
		    .delivery = w.delivery,
		    .stage = ":taken"};

		r = add_event(&w, &taken, e);
	}
	if (r == 0) {
		buf_add(out, w.line.data, w.line.len);
		buf_addstr(out, "]}");
	}
	buf_release(&w.line);
	return r;
}
