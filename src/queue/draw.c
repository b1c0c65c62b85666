#include "queue/draw.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base64.h"
#include "core/buf.h"
#include "core/json.h"
#include "core/tool.h"
#include "ledger/parts.h"

/* What the ledger has of an entry's mail. */
struct known {
	const struct intake_entry *entry;
	bool is_other; /* the row names another blob than the entry */
	json row; /* its record; invalid: there is none */
};

static int
compare_ref(void *ctx, const struct mail_row *row, struct err *e)
{
	struct known *k = ctx;
	const char *ref;
	json rec, blob;

	if (json_parse(row->record, row->record_len, &rec, e) == -1)
		return -1;
	k->row = rec;
	blob = json_member(k->row, "blob", JSON_OBJECT);
	ref = json_str(blob, "ref");
	k->is_other = k->entry->ref != NULL && ref != NULL &&
		      strcmp(ref, k->entry->ref) != 0;
	json_free(blob);
	return 0;
}

/* What has no such name cannot be there, and must not stop the others. */
static int
remove_orphan(void *ctx, const char *ref, struct err *e)
{
	struct queue *q = ctx;
	int r = blob_remove(q->blobs, &ref, 1, e);

	if (r == 0 || e->class != ERR_DATA)
		return r;
	err_clear(e);
	return 0;
}

/* The parts' blobs of an entry that the row does not name. */
static int
remove_parts(struct queue *q, const struct known *k, struct err *e)
{
	const struct intake_entry *entry = k->entry;
	json rec;
	int r;

	if (!json_is_valid(k->row) ||
	    !parts_may_have_blobs(entry->record, entry->record_len))
		return 0;
	if (json_parse(entry->record, entry->record_len, &rec, e) == -1)
		return -1;
	r = parts_orphans(rec, k->row, entry->id, remove_orphan, q, e);
	json_free(rec);
	return r;
}

/*
 * Must this entry's blob be written?  Not when the mail is there already from
 * an earlier try of the MTA, on another day and thus under another name: the
 * row's blobs stay, and these have no owner.  1, 0, -1.
 */
static int
is_wanted(struct queue *q, const struct intake_entry *entry, struct err *e)
{
	struct mail_filter f = {
	    .id = entry->id, .state = -1, .is_stored = true};
	struct known k = {.entry = entry, .row = json_none()};
	int r;

	r = q->mail->ops->list(q->mail, &f, compare_ref, &k, e);
	if (r == 0)
		r = remove_parts(q, &k, e);
	json_free(k.row);
	if (r == -1)
		return -1;
	if (!k.is_other)
		return entry->base64 != NULL;
	/* A large one was stored before the entry was written. */
	return blob_remove(q->blobs, &entry->ref, 1, e);
}

/* An entry of mail-store put; its record may name blobs. */
static bool
brings_blobs(const struct intake_entry *entry)
{
	return entry->ref != NULL ||
	       (entry->queue == NULL &&
		   parts_may_have_blobs(entry->record, entry->record_len));
}

/* The blobs of the entries that bring one: bytes first, rows afterwards. */
static int
draw_blobs(struct queue *q, const struct intake_entry *entries, size_t n,
    struct err *e)
{
	struct blob_put *puts = xcalloc(n, sizeof *puts);
	struct buf bytes = BUF_INIT;
	size_t room = 0, at, m = 0;
	int r = 0;

	for (size_t i = 0; i < n; i++)
		room += entries[i].base64_len;
	buf_grow(&bytes, room); /* so that it never moves */
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (!brings_blobs(&entries[i]))
			continue;
		r = is_wanted(q, &entries[i], e);
		if (r < 1)
			continue;
		at = bytes.len;
		r = base64_decode(
		    entries[i].base64, entries[i].base64_len, &bytes, e);
		puts[m++] = (struct blob_put){.ref = entries[i].ref,
		    .data = bytes.data + at,
		    .len = bytes.len - at};
	}
	if (r == 0)
		r = blob_put(q->blobs, puts, m, e);
	buf_release(&bytes);
	free(puts);
	return r;
}

static int
apply_entries(
    void *ctx, const struct intake_entry *entries, size_t n, struct err *e)
{
	struct queue *q = ctx;
	struct mail_put *puts;
	int r;

	if (draw_blobs(q, entries, n, e) == -1)
		return -1;
	puts = xcalloc(n, sizeof *puts);
	for (size_t i = 0; i < n; i++)
		puts[i] = (struct mail_put){
		    .id = entries[i].id,
		    .tenant = entries[i].tenant,
		    .queue = entries[i].queue,
		    .priority = entries[i].priority,
		    .ready_at = entries[i].ready_at,
		    .at = entries[i].at,
		    .record = entries[i].record,
		    .record_len = entries[i].record_len,
		};
	r = q->mail->ops->put(q->mail, puts, n, e);
	free(puts);
	return r;
}

static int
draw(struct queue *q, bool is_waiting, struct err *e)
{
	if (queue_ledger(q, e) == NULL || queue_blobs(q, e) == NULL)
		return -1;
	if (!queue_has_intake(q))
		return 0;
	if (queue_intake(q, e) == NULL)
		return -1;
	return intake_draw(q->intake, is_waiting, apply_entries, q, e);
}

int
queue_draw(struct queue *q, struct err *e)
{
	return draw(q, true, e);
}

struct mail_engine *
queue_mail(struct queue *q, struct err *e)
{
	return queue_draw(q, e) == 0 ? q->mail : NULL;
}

/* What an appender draws is safe already: that it cannot be is no error. */
static void
draw_grown(struct queue *q)
{
	struct err e = ERR_INIT;

	if (draw(q, false, &e) == -1)
		tool_say("%s", e.text);
}

/* It holds neither end of the line open, and opens engines of its own. */
static _Noreturn void
draw_as_child(struct state *s)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct queue q;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	queue_init(&q, s);
	draw_grown(&q);
	_exit(0);
}

static bool
is_drawing(struct queue *q, bool is_waiting)
{
	pid_t pid = 0;

	while (q->drawing > 0 && pid == 0) {
		pid = waitpid(q->drawing, NULL, is_waiting ? 0 : WNOHANG);
		if (pid == 0)
			return true;
		if (pid == -1 && errno == EINTR)
			pid = 0;
	}
	q->drawing = 0;
	return false;
}

/*
 * In a child, so that the line goes on meanwhile; but not so far that there are
 * two to be drawn.  SQLite does not survive a fork, so who has it open does it
 * itself.
 */
static void
draw_aside(struct queue *q, int64_t size)
{
	if (is_drawing(q, size > INTAKE_GROWN_TWICE))
		return;
	q->drawing = q->mail == NULL ? fork() : -1;
	if (q->drawing == 0)
		draw_as_child(q->state);
	if (q->drawing == -1)
		draw_grown(q);
}

static bool
has_grown(const struct intake_entry *entries, int64_t size)
{
	if (size <= INTAKE_GROWN)
		return false;
	return entries->queue != NULL || size > INTAKE_GROWN_TWICE;
}

/* What is promised, in the form that the engine takes. */
int
queue_promise(struct queue *q, const struct intake_entry *entries, size_t n,
    struct err *e)
{
	struct buf lines = BUF_INIT;
	int64_t size = 0;
	int r;

	if (!queue_has_intake(q)) {
		if (queue_ledger(q, e) == NULL || queue_blobs(q, e) == NULL)
			return -1;
		return apply_entries(q, entries, n, e);
	}
	if (queue_intake(q, e) == NULL)
		return -1;
	for (size_t i = 0; i < n; i++)
		intake_format(&entries[i], &lines);
	r = n > 0 ? intake_append(q->intake, &lines, &size, e) : 0;
	buf_release(&lines);
	if (has_grown(entries, size))
		draw_aside(q, size);
	return r;
}
