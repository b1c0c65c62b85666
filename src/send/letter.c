#include "send/letter.h"

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/file.h"
#include "mail/record.h"
#include "mail/wire.h"
#include "queue/begin.h"
#include "send/envelope.h"
#include "send/guard.h"

static const char stage[] = "mail-send";

void
letter_drop_message(struct letter *l)
{
	bulk_release(&l->message);
	bulk_init(&l->message, NULL, NULL);
	buf_release(&l->head);
}

static void
set_result(struct letter *l, json result)
{
	letter_drop_message(l);
	json_free(l->result);
	l->result = result;
	l->fate = LETTER_DONE;
}

void
letter_end(
    struct letter *l, const char *status, const char *class, const char *reason)
{
	set_result(l, record_result(status, stage, -1, class, reason));
}

static json
make_detail(const struct letter *l)
{
	json detail =
	    json_set_str(json_object(), "transport", l->transport->name);

	if (l->transport->url.host != NULL)
		detail = json_set_str(detail, "host", l->transport->url.host);
	if (l->original_to != NULL)
		detail = json_set_str(detail, "rewritten_to", l->recipient);
	if (l->message.size > 0)
		detail = json_set(detail, "size",
		    json_number(l->message.size + (int64_t)l->head.len));
	if (l->started_at > 0)
		detail = json_set(detail, "duration_ms",
		    json_number(clock_mono_ms() - l->started_at));
	return detail;
}

void
letter_tried(struct letter *l, const char *status, int code, const char *class,
    const char *reason)
{
	json result = record_result(status, stage, code, class, reason);

	result = json_set_str(result, "route", l->transport->route);
	result = json_set(result, "detail", make_detail(l));
	set_result(l, result);
}

void
letter_undone(struct letter *l, const char *reason)
{
	letter_tried(l, "snooze", -1, NULL, reason);
	letter_add(l, "after_s", json_number(1));
}

void
letter_add(struct letter *l, const char *key, json value)
{
	l->result = json_set(l->result, key, value);
}

void
letter_add_detail(struct letter *l, const char *key, json value)
{
	json detail = json_member(l->result, "detail", JSON_OBJECT);

	if (!json_is_valid(detail))
		detail = json_object();
	letter_add(l, "detail", json_set(detail, key, value));
}

void
letter_withhold(struct letter *l)
{
	letter_drop_message(l);
	l->fate = LETTER_WITHHELD;
}

/* What an operator can cure: the mail comes again, and costs no attempt. */
static void
no_transport(struct letter *l)
{
	letter_end(l, "snooze", "configuration", l->err.text);
	letter_add(l, "after_s", json_number(300));
}

/* Whom, from whom, by what; each step may have ended it. */
static void
check(struct letter *l, struct transports *transports)
{
	envelope_read(l);
	if (l->fate != LETTER_WAITING)
		return;
	l->transport = transports_find(transports, l->tenant, &l->err);
	if (l->transport == NULL) {
		no_transport(l);
		return;
	}
	envelope_check_from(l, transports->config);
	if (l->fate == LETTER_WAITING)
		guard_check(l);
}

struct letter *
letter_new(struct transports *transports, json rec)
{
	struct letter *l = xcalloc(1, sizeof *l);
	int r;

	l->rec = rec;
	l->mail = l->result = json_none();
	bulk_init(&l->message, NULL, NULL);
	r = record_check(rec, &l->err);
	if (r == 0)
		r = queue_lease(rec, &l->lease, &l->err);
	l->is_leased = r == 1;
	if (r == -1) {
		letter_withhold(l);
		return l;
	}
	l->tenant = xstrdup(json_str(rec, "tenant"));
	l->priority = json_int(rec, "priority", 0);
	check(l, transports);
	return l;
}

static int64_t
mail_ms(const struct letter *l)
{
	return transport_mail_ms(
	    l->transport, l->message.size + (int64_t)l->head.len);
}

static void
note_begin(struct letter *l, const struct begin *b)
{
	if (b->err.class != ERR_NONE) {
		l->err = b->err;
		letter_withhold(l);
		return;
	}
	if (b->lease != NULL) {
		l->is_begun = true;
		l->lease_until = b->until;
	}
	l->fate = LETTER_SENDING;
	l->started_at = clock_mono_ms();
}

/* Of one that was not sent when its lease was started, is too little left? */
static bool
is_too_late(const struct letter *l, int64_t now)
{
	return l->is_begun && l->lease_until < now + mail_ms(l);
}

/* One that is sent again has its lease already. */
void
letters_begin(struct queue *q, struct letter **letters, size_t n)
{
	struct begin *all = xcalloc(n + 1, sizeof *all);
	int64_t now = clock_now_ms();

	for (size_t i = 0; i < n; i++) {
		struct letter *l = letters[i];

		all[i] = (struct begin){.rec = &l->rec,
		    .lease = l->is_leased && !l->is_begun ? &l->lease : NULL,
		    .until = now + LETTER_MARGIN_MS + mail_ms(l)};
	}
	begin_all(q, stage, all, n);
	for (size_t i = 0; i < n; i++)
		if (is_too_late(letters[i], now))
			letter_undone(letters[i],
			    "its lease is over too soon to begin again");
		else
			note_begin(letters[i], &all[i]);
	free(all);
}

/* What the wire has as CRLF; there is no other CR in it. */
static void
drop_cr(struct buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->len; i++)
		if (b->data[i] != '\r')
			b->data[n++] = b->data[i];
	b->len = n;
}

static int
write_lines(struct buf *lines, int fd, const char *name, struct err *e)
{
	int r;

	drop_cr(lines);
	r = file_write(fd, lines->data, lines->len, -1, name, e);
	buf_reset(lines);
	return r;
}

int
letter_write(const struct letter *l, int fd, const char *name, struct err *e)
{
	struct buf lines = BUF_INIT;
	char window[32768];
	struct wire w;
	int64_t at = 0, got;
	int r = 0;

	wire_init(&w, false);
	if (l->head.len > 0)
		wire_add(&w, l->head.data, l->head.len, &lines);
	while (r == 0 && (got = bulk_read(&l->message, at, window,
			      sizeof window, e)) != 0) {
		if (got == -1) {
			r = -1;
			break;
		}
		at += got;
		wire_add(&w, window, (size_t)got, &lines);
		r = write_lines(&lines, fd, name, e);
	}
	wire_end(&w, &lines);
	if (r == 0)
		r = write_lines(&lines, fd, name, e);
	buf_release(&lines);
	return r;
}

void
letter_line(const struct letter *l, struct buf *out)
{
	json_dump(
	    json_set(json_copy(l->rec), "result", json_copy(l->result)), out);
}

void
letter_line_back(const struct letter *l, struct buf *out)
{
	json_dump(json_copy(l->rec), out);
}

void
letter_free(struct letter *l)
{
	letter_drop_message(l);
	json_free(l->mail);
	json_free(l->result);
	json_free(l->rec);
	free(l->tenant);
	free(l->sender);
	free(l->recipient);
	free(l->original_to);
	free(l->author);
	free(l);
}
