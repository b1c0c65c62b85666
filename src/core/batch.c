#include "core/batch.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/tool.h"

enum {
	PIPE_BYTES = 1024 * 1024, /* what everybody may ask for, pipe(7) */
};

static struct {
	size_t records, bytes;
} most = {BATCH_RECORDS, BATCH_BYTES};

struct batching {
	struct batch *b;
	struct jsonl in;
	struct batch_item *items;
	size_t n;
	size_t bytes;
	int64_t since; /* when the first of them came */
	struct buf out;
};

void
batch_set_limits(size_t records, size_t bytes)
{
	most.records = records;
	most.bytes = bytes;
}

/* Has another line room in this batch? */
static bool
has_room(const struct batching *l)
{
	return l->n < most.records && l->bytes < most.bytes;
}

/* Frees it if it is none. */
static int
check_object(json *rec, size_t line_no, struct err *e)
{
	if (json_kind(*rec) == JSON_OBJECT)
		return 0;
	json_free(*rec);
	return err_set(e, ERR_DATA, "line %zu: not a JSON object", line_no);
}

/* It is JSON: is it a record of ours?  Frees it if not. */
static int
check_record(json *rec, size_t line_no, struct err *e)
{
	if (check_object(rec, line_no, e) == -1)
		return -1;
	if (json_int(*rec, "v", 1) > 1) {
		err_set(e, ERR_TEMP,
		    "line %zu: a record of version %lld; this program knows "
		    "version 1: update mailpipe",
		    line_no, (long long)json_int(*rec, "v", 1));
		json_free(*rec);
		return -1;
	}
	return 0;
}

int
batch_parse(
    const char *line, size_t len, size_t line_no, json *rec, struct err *e)
{
	if (json_parse(line, len, rec, e) == -1)
		return err_prefix(e, "line %zu", line_no);
	return check_record(rec, line_no, e);
}

void
batch_bad_line(enum jsonl_got got, size_t line_no)
{
	struct err e = ERR_INIT;

	if (got == JSONL_TOO_LONG)
		err_set(&e, ERR_DATA, "line %zu: longer than %d bytes", line_no,
		    JSONL_LINE_MAX);
	else
		err_set(&e, ERR_TEMP,
		    "line %zu: cut off (no line end): the program before this "
		    "one died",
		    line_no);
	tool_failed(&e);
}

void
batch_refuse(struct batch_item *item, struct err *bad)
{
	item->fate = BATCH_FAILED;
	err_prefix(bad, "line %zu", item->line_no);
	tool_failed(bad);
}

static int
parse_any(
    const char *line, size_t len, size_t line_no, json *rec, struct err *e)
{
	if (json_parse(line, len, rec, e) == -1)
		return err_prefix(e, "line %zu", line_no);
	return check_object(rec, line_no, e);
}

static void
add_line(struct batching *l, const char *line, size_t len)
{
	struct batch_item item = {.line_no = l->in.line_no};
	struct err e = ERR_INIT;

	if (len == 0)
		return;
	if ((l->b->is_any ? parse_any : batch_parse)(
		line, len, item.line_no, &item.rec, &e) == -1) {
		tool_failed(&e);
		return;
	}
	if (l->n % 64 == 0)
		l->items = xrealloc(l->items, l->n + 64, sizeof *l->items);
	if (l->n == 0 && l->b->linger_ms > 0)
		l->since = clock_mono_ms();
	l->items[l->n++] = item;
	l->bytes += len;
}

/* Move whole lines from the buffer to the batch.  false: the end came. */
static bool
collect(struct batching *l)
{
	const char *line;
	size_t len;

	while (has_room(l)) {
		enum jsonl_got got = jsonl_next(&l->in, &line, &len);

		if (got == JSONL_MORE)
			return true;
		if (got == JSONL_END)
			return false;
		if (got == JSONL_LINE) {
			add_line(l, line, len);
			continue;
		}
		batch_bad_line(got, l->in.line_no);
	}
	return true;
}

static int
flush(struct batching *l, struct err *e)
{
	int timeout_ms = -1;

	if (l->b->deadline_s > 0)
		timeout_ms = (int)(l->b->deadline_s * 1000);
	if (l->out.len == 0)
		return 0;
	if (file_write(STDOUT_FILENO, l->out.data, l->out.len, timeout_ms,
		"stdout", e) == -1)
		return -1;
	buf_reset(&l->out);
	return 0;
}

/* Consumes rec. */
static int
write_line(struct batching *l, json rec, struct err *e)
{
	json_dump(rec, &l->out);
	buf_addch(&l->out, '\n');
	return l->out.len >= BATCH_BYTES ? flush(l, e) : 0;
}

static int
write_item(struct batching *l, const struct batch_item *item, struct err *e)
{
	int n = json_count(item->rec), r = 0;

	if (json_kind(item->rec) != JSON_ARRAY)
		return write_line(l, json_copy(item->rec), e);
	for (int i = 0; r == 0 && i < n; i++)
		r = write_line(l, json_at(item->rec, i), e);
	return r;
}

static int
write_out(struct batching *l, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (r == 0 && l->items[i].fate == BATCH_EMIT)
			r = write_item(l, &l->items[i], e);
		json_free(l->items[i].rec);
	}
	l->n = 0;
	l->bytes = 0;
	return r == 0 ? flush(l, e) : -1;
}

static int
do_batch(struct batching *l, struct err *e)
{
	struct err failed = ERR_INIT;
	int64_t done = 0;

	if (l->n == 0)
		return 0;
	if (l->b->work(l->b->ctx, l->items, l->n, &failed) == -1) {
		tool_failed(&failed);
		for (size_t i = 0; i < l->n; i++)
			l->items[i].fate = BATCH_FAILED;
	}
	for (size_t i = 0; i < l->n; i++)
		done += l->items[i].fate != BATCH_FAILED;
	if (write_out(l, e) == -1)
		return -1;
	progress_add(done);
	return 0;
}

/*
 * Wait for input, or for the reader's end: what stands before us must hear of
 * it, even if nothing more is to come.  0; -1.
 */
static int
wait_for_reader(int timeout_ms, struct err *e)
{
	struct pollfd p[] = {
	    {.fd = STDIN_FILENO, .events = POLLIN},
	    {.fd = STDOUT_FILENO}, /* only that it is gone */
	};

	if (poll(p, 2, timeout_ms) > 0 && (p[1].revents & POLLERR) != 0)
		return err_set(e, ERR_TEMP, "stdout: nobody reads it any more");
	return 0;
}

/* Wait for input, but not beyond the deadline. */
static int
wait_for_input(struct batching *l, struct err *e)
{
	int64_t until = clock_mono_ms() + l->b->deadline_s * 1000, left;
	int r;

	for (;;) {
		left = until - clock_mono_ms();
		if (l->b->deadline_s == 0)
			left = -1;
		else if (left <= 0)
			return err_set(e, ERR_TEMP,
			    "stdin: nothing came for %lld seconds; giving up",
			    (long long)l->b->deadline_s);
		if (l->b->is_for_reader && wait_for_reader((int)left, e) == -1)
			return -1;
		r = jsonl_fill(&l->in, l->b->is_for_reader ? 0 : (int)left, e);
		if (r != 0)
			return r;
	}
}

/*
 * There is more than one batch.  What comes while one is being synced is the
 * next, so that a pipe with room for four mails means a sync for every four.
 */
static void
widen_pipe(void)
{
	(void)fcntl(STDIN_FILENO, F_SETPIPE_SZ, PIPE_BYTES);
}

/* Get what is to share this batch's sync with what is there.  1, 0: nothing. */
static int
fill_up(struct batching *l, bool is_first, struct err *e)
{
	int64_t left = 0;

	if (!is_first && l->b->linger_ms > 0)
		left = l->since + l->b->linger_ms - clock_mono_ms();
	return jsonl_fill(&l->in, left > 0 ? (int)left : 0, e);
}

static int
run_all(struct batching *l, struct err *e)
{
	bool more = true, is_first = true;
	int r;

	while (more) {
		more = collect(l);
		if (more && l->n == 0) {
			if (wait_for_input(l, e) == -1)
				return -1;
			continue;
		}
		if (more && has_room(l)) {
			r = fill_up(l, is_first, e);
			if (r == -1)
				return -1;
			if (r == 1)
				continue;
		}
		if (do_batch(l, e) == -1)
			return -1;
		if (more && is_first)
			widen_pipe();
		is_first = false;
	}
	return do_batch(l, e);
}

/*
 * A stage of the pipeline that somebody has stopped would keep its shell
 * waiting, and an MTA bounces in the end what it waits for in vain.  Who gives
 * up continues it: it finds its pipe closed, and the shell goes on.
 */
static void
continue_pipeline(void)
{
	kill(0, SIGCONT);
}

int
batch_run(struct batch *b, struct err *e)
{
	struct batching l = {.b = b};
	int r;

	if (b->progress != NULL)
		progress_start(b->progress, !b->is_silent);
	jsonl_init(&l.in, STDIN_FILENO);
	r = run_all(&l, e);
	if (r == -1)
		continue_pipeline();
	b->is_empty = l.in.line_no == 0;
	for (size_t i = 0; i < l.n; i++) {
		json_free(l.items[i].rec);
	}
	free(l.items);
	buf_release(&l.out);
	jsonl_release(&l.in);
	return r;
}
