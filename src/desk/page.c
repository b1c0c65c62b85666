#include "desk/page.h"

#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/look.h"
#include "core/plain.h"
#include "desk/paint.h"
#include "mail/mime.h"

enum {
	VALUE_MAX = 400, /* bytes of one value */
	EVENT_WIDTH = sizeof "interrupted",
	LIST_MAX = 10, /* addresses, names of what changed */
	/* Levels that are drawn; a record may claim any number. */
	DEPTH_MAX = 2 * MIME_DEPTH_MAX,
};

struct page {
	struct buf *out;
	bool is_colored;
};

static void
color(struct page *p, const char *code)
{
	if (p->is_colored)
		buf_addf(p->out, "\033[%sm", code);
}

static void
add(struct page *p, const char *s)
{
	buf_addstr(p->out, s);
}

/* A member that is a string; has it one? */
static bool
add_member(struct page *p, const char *before, json obj, const char *key,
    const char *after)
{
	size_t n;
	const char *s = json_strn(obj, key, &n);

	if (s == NULL)
		return false;
	add(p, before);
	plain_add(p->out, s, n, VALUE_MAX);
	add(p, after);
	return true;
}

static void
begin_row(struct page *p, const char *label)
{
	color(p, LOOK_DIM);
	buf_addf(p->out, "  %-9s ", label);
	color(p, LOOK_PLAIN);
}

static void
row(struct page *p, const char *label, json obj, const char *key)
{
	if (!json_has(obj, key))
		return;
	begin_row(p, label);
	add_member(p, "", obj, key, "");
	add(p, "\n");
}

/* "23456 bytes", when it is known. */
static void
add_size(struct page *p, const char *before, json obj)
{
	int64_t n = json_int(obj, "size", -1);

	if (n >= 0)
		buf_addf(p->out, "%s%lld byte%s", before, (long long)n,
		    n == 1 ? "" : "s");
}

/* Elements of an array, through fn, as far as they are of interest. */
static void
add_list(struct page *p, json list, void (*fn)(struct page *p, json element))
{
	int n = json_count(list);

	for (int i = 0; i < n && i < LIST_MAX; i++) {
		json element = json_at(list, i);

		if (i > 0)
			add(p, ", ");
		fn(p, element);
		json_free(element);
	}
	if (n > LIST_MAX)
		buf_addf(p->out, " and %d more", n - LIST_MAX);
}

static void
add_string(struct page *p, json s)
{
	if (json_kind(s) == JSON_STRING)
		plain_add(p->out, json_string_value(s), json_string_len(s),
		    VALUE_MAX);
	else
		add(p, "?");
}

static void
add_mailbox(struct page *p, json mailbox)
{
	bool has_name = add_member(p, "", mailbox, "name", "");

	if (has_name)
		add_member(p, " <", mailbox, "address", ">");
	else if (!add_member(p, "", mailbox, "address", ""))
		add_member(p, "", mailbox, "group", ":");
}

static void
list_row(struct page *p, const char *label, json obj, const char *key,
    const char *code, void (*fn)(struct page *p, json element))
{
	json list = json_member(obj, key, JSON_ARRAY);

	if (json_is_valid(list) && json_count(list) > 0) {
		begin_row(p, label);
		color(p, code);
		add_list(p, list, fn);
		color(p, LOOK_PLAIN);
		add(p, "\n");
	}
	json_free(list);
}

static void
state_row(struct page *p, json mail)
{
	int64_t attempts = json_int(mail, "attempts", 0);

	begin_row(p, "state");
	color(p, paint_state(json_str(mail, "state")));
	add_member(p, "", mail, "state", "");
	color(p, LOOK_PLAIN);
	add_member(p, ", queue ", mail, "queue", "");
	if (attempts > 0)
		buf_addf(p->out, ", %lld attempt%s", (long long)attempts,
		    attempts == 1 ? "" : "s");
	add_member(p, ", since ", mail, "updated_at", "");
	add_member(p, ", until ", mail, "leased_until", "");
	add_member(p, ", due ", mail, "due_at", "");
	if (json_true(mail, "kept"))
		add(p, ", on legal hold");
	add(p, "\n");
}

static void
lock_row(struct page *p, json mail)
{
	json lock = json_member(mail, "lock", JSON_OBJECT);

	if (json_is_valid(lock)) {
		begin_row(p, "lock");
		add_member(p, "", lock, "state", "");
		add_member(p, ", since ", lock, "at", "");
		add(p, "\n");
	}
	json_free(lock);
}

static void
envelope_row(struct page *p, json mail)
{
	json envelope = json_member(mail, "envelope", JSON_OBJECT);

	if (json_is_valid(envelope)) {
		begin_row(p, "envelope");
		if (!add_member(p, "<", envelope, "from", ">"))
			add(p, "?");
		add(p, " to ");
		if (!add_member(p, "<", envelope, "to", ">"))
			add(p, "?");
		add(p, "\n");
	}
	json_free(envelope);
}

static void
write_head(struct page *p, json mail, json message)
{
	color(p, LOOK_BOLD);
	add_member(p, "", mail, "id", "");
	color(p, LOOK_PLAIN);
	add(p, "\n");
	row(p, "tenant", mail, "tenant");
	state_row(p, mail);
	lock_row(p, mail);
	row(p, "received", mail, "received_at");
	envelope_row(p, mail);
	list_row(p, "from", message, "from", LOOK_PLAIN, add_mailbox);
	list_row(p, "to", message, "to", LOOK_PLAIN, add_mailbox);
	list_row(p, "cc", message, "cc", LOOK_PLAIN, add_mailbox);
	row(p, "subject", message, "subject");
	row(p, "date", message, "date");
	if (json_has(mail, "size")) {
		begin_row(p, "size");
		add_size(p, "", mail);
		add(p, "\n");
	}
	list_row(p, "flags", message, "flags", LOOK_PLAIN, add_string);
	list_row(p, "defects", message, "defects", LOOK_YELLOW, add_string);
}

/* How deep a part is: "1" 0, "1.2" 1. */
static int
depth_of(json part)
{
	const char *path = json_str(part, "part");
	int depth = 0;

	for (; path != NULL && *path != '\0' && depth < DEPTH_MAX - 1; path++)
		depth += *path == '.';
	return depth;
}

/* Which parts are the last ones below theirs: seen from the end. */
static void
find_last(json parts, int n, bool *is_last)
{
	bool has_next[DEPTH_MAX] = {false};

	for (int i = n; i-- > 0;) {
		json part = json_at(parts, i);
		int depth = depth_of(part);

		is_last[i] = !has_next[depth];
		has_next[depth] = true;
		for (int d = depth + 1; d < DEPTH_MAX; d++)
			has_next[d] = false;
		json_free(part);
	}
}

static void
write_part(struct page *p, json part)
{
	const char *type = json_str(part, "type");
	const char *sniffed = json_str(part, "sniffed");

	color(p, LOOK_BOLD);
	if (!add_member(p, "", part, "part", ""))
		add(p, "?");
	color(p, LOOK_PLAIN);
	add_member(p, " ", part, "type", "");
	add_member(p, ", ", part, "charset", "");
	add_member(p, ", \"", part, "name", "\"");
	add_member(p, ", ", part, "disposition", "");
	add_size(p, ", ", part);
	if (sniffed != NULL && (type == NULL || strcmp(type, sniffed) != 0)) {
		color(p, LOOK_YELLOW);
		add_member(p, ", looks like ", part, "sniffed", "");
		color(p, LOOK_PLAIN);
	}
	add(p, "\n");
}

static void
write_parts(struct page *p, json message)
{
	json parts = json_member(message, "parts", JSON_ARRAY);
	int n = json_is_valid(parts) ? json_count(parts) : 0;
	bool *is_last = xcalloc((size_t)n, sizeof *is_last);
	bool is_open[DEPTH_MAX] = {false};

	if (n > 0)
		add(p, "\n  parts\n");
	find_last(parts, n, is_last);
	for (int i = 0; i < n; i++) {
		json part = json_at(parts, i);
		int depth = depth_of(part);

		add(p, "  ");
		for (int d = 0; d < depth; d++)
			add(p, is_open[d] ? "│  " : "   ");
		add(p, is_last[i] ? "└─ " : "├─ ");
		is_open[depth] = !is_last[i];
		write_part(p, part);
		json_free(part);
	}
	free(is_last);
	json_free(parts);
}

/* What is known of an event, a blank before each. */
static void
add_details(struct page *p, json event, json entry)
{
	json changed = json_member(entry, "changed", JSON_ARRAY);
	int64_t attempt = json_int(event, "attempt", 0);

	if (attempt > 0)
		buf_addf(p->out, " attempt %lld", (long long)attempt);
	add_member(p, " ", entry, "stage", ":");
	add_member(p, " ", entry, "status", "");
	add_member(p, " was ", entry, "state", "");
	add_member(
	    p, json_has(entry, "status") ? ", " : " ", entry, "reason", "");
	add_member(p, ", duplicate of ", entry, "duplicate_of", "");
	if (json_is_valid(changed)) {
		add(p, " ");
		add_list(p, changed, add_string);
	}
	json_free(changed);
}

static void
write_event(struct page *p, json event)
{
	json entry = json_member(event, "entry", JSON_OBJECT);
	const char *name = json_str(event, "event");
	struct buf details = BUF_INIT;
	struct page q = {.out = &details};

	add_details(&q, event, entry);
	add_member(p, "  ", event, "at", "  ");
	color(p, paint_status(json_str(entry, "status")));
	buf_addf(p->out, "%-*s", details.len > 0 ? EVENT_WIDTH : 0,
	    name != NULL ? name : "?");
	color(p, LOOK_PLAIN);
	buf_add(p->out, details.data, details.len);
	add(p, "\n");
	buf_release(&details);
	json_free(entry);
}

static void
write_history(struct page *p, json mail)
{
	json history = json_member(mail, "history", JSON_ARRAY);
	int n = json_is_valid(history) ? json_count(history) : 0;

	if (n > 0)
		add(p, "\n  history\n");
	for (int i = 0; i < n; i++) {
		json event = json_at(history, i);

		write_event(p, event);
		json_free(event);
	}
	json_free(history);
}

void
page_write(json mail, bool is_colored, struct buf *out)
{
	struct page p = {.out = out, .is_colored = is_colored};
	json message = json_member(mail, "message", JSON_OBJECT);

	write_head(&p, mail, message);
	write_parts(&p, message);
	write_history(&p, mail);
	json_free(message);
}
