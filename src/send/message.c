#include "send/message.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "ledger/sealed.h"
#include "mail/compose.h"
#include "mail/header.h"
#include "mail/record.h"
#include "queue/content.h"
#include "send/author.h"
#include "send/envelope.h"
#include "store/state.h"

static struct queue *
open_queue(struct message_source *s, struct err *e)
{
	if (s->queue == NULL && s->open(s, e) == -1)
		return NULL;
	return s->queue;
}

/* An unnamed file for what is too much for memory. */
static int
open_file(void *ctx, struct err *e)
{
	struct queue *q = open_queue(ctx, e);

	return q != NULL ? state_spool_anonymous(q->state, e) : -1;
}

/* Its bytes are in what mail-store put alone reads. */
static bool
is_unstored(json attachment)
{
	json content = json_get(attachment, "content");
	bool is_text = json_kind(content) == JSON_STRING;

	json_free(content);
	return is_text || json_has(attachment, "path") ||
	       json_has(attachment, "base64");
}

/* An attachment looks like a record: it has "blob" or "content". */
static int
open_attachment(void *ctx, json attachment, struct err *e)
{
	json blob = json_member(attachment, "blob", JSON_OBJECT);
	struct queue *q;
	int fd = -1;

	if (!json_is_valid(blob) && is_unstored(attachment))
		return err_set(e, ERR_DATA,
		    "it is not stored: put mail-store put before mail-send");
	q = open_queue(ctx, e);
	if (q != NULL)
		fd = json_is_valid(blob) ? queue_open_section(q, blob, e)
					 : queue_open_content(q, attachment, e);
	json_free(blob);
	return fd;
}

/* When the record came to be; the time of now would be another each time. */
static int64_t
time_of(json rec)
{
	const char *text = json_str(rec, "received_at");
	struct err e = ERR_INIT;
	int64_t at;

	if (text != NULL && clock_parse(text, &at, &e) == 0)
		return at;
	return clock_now_ms();
}

static int
compose(struct message_source *s, struct letter *l, struct err *e)
{
	const struct compose how = {
	    .id = record_id(l->rec),
	    .at_ms = time_of(l->rec),
	    .open = open_attachment,
	    .ctx = s,
	};

	bulk_init(&l->message, open_file, s);
	return compose_message(l->mail, &how, &l->message, e);
}

/* How many bytes of a "From " line, as a mailbox has it, stand first. */
static int64_t
from_line(const struct bulk *b, struct err *e)
{
	char window[HEADER_FROM_MAX];
	int64_t got = bulk_read(b, 0, window, sizeof window, e);
	const char *end;
	size_t i = 5;

	if (got < 5 || memcmp(window, "From ", 5) != 0)
		return got == -1 ? -1 : 0;
	while (i < (size_t)got && window[i] == ' ')
		i++;
	end = memchr(window, '\n', (size_t)got);
	return end == NULL || window[i] == ':' ? 0 : end - window + 1;
}

/* It is no part of the message. */
static int
skip_from_line(struct message_source *s, struct bulk *b, struct err *e)
{
	int64_t at = from_line(b, e), got;
	char window[32768];
	struct bulk rest;

	if (at <= 0)
		return at == -1 ? -1 : 0;
	bulk_init(&rest, open_file, s);
	while ((got = bulk_read(b, at, window, sizeof window, e)) > 0) {
		if (bulk_add(&rest, window, (size_t)got, e) == -1) {
			got = -1;
			break;
		}
		at += got;
	}
	bulk_release(b);
	*b = rest;
	return got == -1 ? -1 : 0;
}

static int
read_stored(struct message_source *s, struct letter *l, struct err *e)
{
	struct queue *q = open_queue(s, e);
	int fd = q != NULL ? queue_open_message(q, l->rec, e) : -1;

	if (fd == -1)
		return -1;
	if (bulk_init_file(&l->message, fd, e) == -1)
		return -1;
	return skip_from_line(s, &l->message, e);
}

int
message_read(struct message_source *source, struct letter *l, struct err *e)
{
	if (sealed_is_record(l->rec))
		return err_set(e, ERR_TEMP,
		    "%s: its record is still sealed: the secret key is "
		    "missing, or it is damaged",
		    record_id(l->rec));
	if (json_count(l->mail) > 0)
		return compose(source, l, e);
	return read_stored(source, l, e);
}

/* Of a stored message the author stands in its header only. */
static void
check_author(const struct config *config, struct letter *l)
{
	if (l->author != NULL)
		return;
	l->author = author_of(&l->message, &l->err);
	if (l->author != NULL)
		envelope_check_from(l, config);
	else if (l->err.class == ERR_DATA)
		letter_end(l, "fail", "content", l->err.text);
	else
		letter_withhold(l);
}

/* A key that cannot be had is an operator's to cure. */
static void
sign(struct signing *signing, struct letter *l)
{
	struct err e = ERR_INIT;

	if (signing_sign(signing, l, &e) == 0)
		return;
	if (e.class == ERR_DATA) {
		letter_end(l, "fail", "content", e.text);
		return;
	}
	letter_end(l, "snooze", "configuration", e.text);
	letter_add(l, "after_s", json_number(300));
}

void
message_make(struct message_source *source, struct signing *signing,
    const struct config *config, struct letter *l)
{
	if (message_read(source, l, &l->err) == -1) {
		if (l->err.class == ERR_DATA)
			letter_end(l, "fail",
			    json_count(l->mail) > 0 ? "content" : "storage",
			    l->err.text);
		else
			letter_withhold(l);
		return;
	}
	check_author(config, l);
	if (l->fate == LETTER_WAITING)
		sign(signing, l);
	if (l->fate == LETTER_WAITING)
		l->fate = LETTER_READY;
}
