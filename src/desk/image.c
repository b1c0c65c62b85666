#include "desk/image.h"

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/id.h"
#include "core/jsonl.h"
#include "mail/record.h"
#include "queue/queue.h"
#include "queue/receive.h"

/* What settle calls a program that does not say its name. */
#define STAGE_UNKNOWN "unknown"

enum {
	/* Nobody's mail has more; a file of somebody else's may. */
	MEMBERS_MAX = 1000,
	EVENTS_MAX = 100000,
	EXPORTED_MAX = 64 * 1024,
};

/* Of the export, or of one run: not of the record that is stored. */
static const char *const not_stored[] = {RECORD_TRANSIENT, "state", "attempts",
    "updated_at", "kept", "history", "exported", "deliveries", "due_at",
    "leased_until"};

/* A member that is a time; 0 without one. */
static int
read_time(json obj, const char *key, int64_t *at, struct err *e)
{
	const char *text = json_str(obj, key);

	*at = 0;
	if (!json_has(obj, key))
		return 0;
	if (text == NULL || clock_parse(text, at, e) == -1) {
		err_clear(e);
		return err_set(e, ERR_DATA, "\"%s\" is not a time", key);
	}
	return 0;
}

/* The number of a row's member, not negative; -1. */
static int
read_count(json obj, const char *key, int64_t *n, struct err *e)
{
	*n = json_int(obj, key, 0);
	if (*n < 0 || *n > INT32_MAX)
		return err_set(e, ERR_DATA, "\"%s\" is out of range", key);
	return 0;
}

static int
read_state(struct mail_row *row, json line, struct err *e)
{
	const char *name = json_str(line, "state");
	int state = name != NULL ? mail_state_parse(name) : -1;

	if (state == -1)
		return err_set(e, ERR_DATA, "\"state\" is not a state");
	row->state = (enum mail_state)state;
	switch (row->state) {
	case MAIL_READY:
	case MAIL_SCHEDULED:
	case MAIL_DEFERRED:
	case MAIL_LEASED:
		row->state = MAIL_PARKED;
		break;
	default:
		break;
	}
	return 0;
}

/* The row without its texts. */
static int
read_row(struct mail_row *row, json line, json exported, struct err *e)
{
	row->id = json_str(line, "id");
	row->tenant = json_str(line, "tenant");
	row->priority = json_int(exported, "priority", 0);
	row->is_interrupted = json_true(exported, "interrupted");
	row->is_kept = json_true(line, "kept");
	if (read_state(row, line, e) == -1 ||
	    read_time(exported, "stored_at", &row->stored_at, e) == -1 ||
	    read_time(exported, "queued_at", &row->queued_at, e) == -1 ||
	    read_time(line, "updated_at", &row->updated_at, e) == -1 ||
	    read_count(line, "attempts", &row->attempts, e) == -1 ||
	    read_count(exported, "deliveries", &row->deliveries, e) == -1)
		return -1;
	if (row->stored_at == 0)
		row->stored_at = clock_now_ms();
	if (row->updated_at == 0)
		row->updated_at = row->stored_at;
	if (row->queued_at == 0)
		return 0;
	row->queue = json_str(line, "queue");
	if (row->queue == NULL || !name_valid(row->queue, strlen(row->queue)))
		return err_set(e, ERR_DATA, "\"queue\" is not a queue");
	return 0;
}

/*
 * How many elements or members a list of so many bytes has, which is JSON; at
 * most max + 1.  To open it first would cost many times its bytes.
 */
static size_t
count_elements(const char *s, size_t len, size_t max)
{
	size_t n = 1, depth = 0;
	bool is_string = false;

	for (size_t i = 0; i < len && n <= max; i++) {
		char c = s[i];

		if (is_string && c == '\\') {
			i++;
			continue;
		}
		if (c == '"')
			is_string = !is_string;
		if (is_string)
			continue;
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
		n += c == ',' && depth == 1;
	}
	return n;
}

/* A member is no longer, and has no more elements (0: not looked at). */
static int
check_member(
    json line, const char *key, size_t bytes, size_t elements, struct err *e)
{
	json value = json_get(line, key);
	struct buf text = BUF_INIT;
	int r = 0;

	if (json_is_valid(value))
		json_dump(value, &text);
	if (text.len > bytes)
		r = err_set(e, ERR_DATA, "\"%s\" has %zu bytes; at most %zu",
		    key, text.len, bytes);
	else if (elements > 0 &&
		 count_elements(text.data, text.len, elements) > elements)
		r = err_set(e, ERR_DATA, "\"%s\" has more than %zu elements",
		    key, elements);
	buf_release(&text);
	return r;
}

/* Before anything in it is opened. */
static int
check_size(json line, const char *text, size_t len, struct err *e)
{
	if (count_elements(text, len, MEMBERS_MAX) > MEMBERS_MAX)
		return err_set(
		    e, ERR_DATA, "it has more than %d members", MEMBERS_MAX);
	if (check_member(line, "exported", EXPORTED_MAX, 0, e) == -1 ||
	    check_member(line, "last", JSONL_LINE_MAX, 0, e) == -1)
		return -1;
	return check_member(line, "history", SIZE_MAX, EVENTS_MAX, e);
}

/*
 * A result's stage is the program; others have a colon before them.  The texts
 * are appended, "STAGE\0ENTRY\0".
 */
static int
read_event(struct mail_history *h, struct buf *text, json event, struct err *e)
{
	const char *name = json_str(event, "event"), *stage = name;
	json entry = json_member(event, "entry", JSON_OBJECT);
	size_t at;
	int r = check_member(event, "entry", JSONL_LINE_MAX, 0, e);

	if (r == -1)
		goto out;
	r = -1;
	if (name != NULL && strcmp(name, "result") == 0)
		stage = json_has(entry, "stage") ? json_str(entry, "stage")
						 : STAGE_UNKNOWN;
	if (name == NULL || stage == NULL ||
	    !name_valid(stage, strlen(stage))) {
		err_set(e, ERR_DATA, "\"history\" has an event without a name");
		goto out;
	}
	buf_addf(text, "%s%s", stage == name ? ":" : "", stage);
	buf_addch(text, '\0');
	at = text->len;
	if (json_is_valid(entry))
		json_dump(json_copy(entry), text);
	else
		buf_addstr(text, "{}");
	h->entry_len = text->len - at;
	buf_addch(text, '\0');
	r = read_time(event, "at", &h->at, e);
	if (r == 0)
		r = read_count(event, "delivery", &h->delivery, e);
	if (r == 0)
		r = read_count(event, "attempt", &h->attempt, e);
out:
	json_free(entry);
	return r;
}

/* The row says when it was stored and queued. */
static bool
is_of_row(json event)
{
	const char *name = json_str(event, "event");

	return name != NULL &&
	       (strcmp(name, "stored") == 0 || strcmp(name, "queued") == 0);
}

static int
read_history(struct image *image, json line, struct err *e)
{
	json history = json_member(line, "history", JSON_ARRAY);
	size_t n = (size_t)json_count(history);
	int r = 0;

	image->history = xcalloc(n + 1, sizeof *image->history);
	for (size_t i = 0; r == 0 && i < n; i++) {
		json event = json_glance_at(history, (int)i);

		if (!is_of_row(event))
			r = read_event(&image->history[image->mail.history_n++],
			    &image->entries, event, e);
		json_free(event);
	}
	json_free(history);
	return r;
}

/* That it came from elsewhere, and what it was there. */
static void
add_imported(struct image *image, json line)
{
	struct mail_history *h = &image->history[image->mail.history_n++];
	struct buf *text = &image->entries;
	json entry =
	    json_set_str(json_object(), "state", json_str(line, "state"));
	size_t at;

	buf_add(text, ":imported", sizeof ":imported");
	at = text->len;
	json_dump(entry, text);
	*h = (struct mail_history){
	    .at = clock_now_ms(), .entry_len = text->len - at};
	buf_addch(text, '\0');
}

/* The texts stay where they are from now on. */
static void
point_at_texts(struct image *image)
{
	const char *s = image->entries.data;

	for (size_t i = 0; i < image->mail.history_n; i++) {
		struct mail_history *h = &image->history[i];

		h->stage = s;
		h->entry = s + strlen(s) + 1;
		s = h->entry + h->entry_len + 1;
	}
	image->mail.history = image->history;
}

static int
read_texts(struct image *image, json line, struct err *e)
{
	struct mail_row *row = &image->mail.row;
	json last = json_member(line, "last", JSON_OBJECT);

	image->rec = json_copy(line);
	for (size_t i = 0; i < sizeof not_stored / sizeof *not_stored; i++)
		if (json_has(image->rec, not_stored[i]))
			image->rec = json_del(image->rec, not_stored[i]);
	json_dump(json_copy(image->rec), &image->record);
	row->record = image->record.data;
	row->record_len = image->record.len;
	if (json_is_valid(last)) {
		json_dump(last, &image->last);
		row->last = image->last.data;
		row->last_len = image->last.len;
	}
	if (row->record_len > QUEUE_RECORD_MAX)
		return err_set(e, ERR_DATA, "a record of %zu bytes; at most %d",
		    row->record_len, QUEUE_RECORD_MAX);
	return 0;
}

int
image_parse(struct image *image, const char *text, size_t len, struct err *e)
{
	json exported;
	int r;

	*image = (struct image){.rec = json_none(), .line = json_none()};
	if (json_parse(text, len, &image->line, e) == -1 ||
	    check_size(image->line, text, len, e) == -1 ||
	    record_check(image->line, e) == -1)
		return -1;
	exported = json_member(image->line, "exported", JSON_OBJECT);
	if (json_int(exported, "v", 0) != 1)
		r = err_set(e, ERR_DATA,
		    "it has no \"exported\" of a version that this program "
		    "knows");
	else
		r = read_row(&image->mail.row, image->line, exported, e);
	json_free(exported);
	if (r == 0)
		r = read_texts(image, image->line, e);
	if (r == 0)
		r = read_history(image, image->line, e);
	if (r == 0) {
		add_imported(image, image->line);
		point_at_texts(image);
	}
	return r;
}

void
image_release(struct image *image)
{
	buf_release(&image->entries);
	free(image->history);
	buf_release(&image->record);
	buf_release(&image->last);
	json_free(image->rec);
	json_free(image->line);
}
