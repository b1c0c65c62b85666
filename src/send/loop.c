#include "send/loop.h"

#include <sys/resource.h>

#include "core/loop.h"
#include "core/tool.h"
#include "mail/record.h"
#include "send/pool.h"

enum {
	FILES_MAX = 4096,
};

struct sending {
	struct transports *transports;
	struct loop loop;
	struct pool pool;
};

/* A letter that nobody works on any more. */
static void
end_letter(void *ctx, struct letter *letter)
{
	struct sending *s = ctx;
	struct outlet *out = &s->loop.out;

	if (letter->fate == LETTER_WITHHELD) {
		tool_failed(&letter->err);
	} else if (letter->fate == LETTER_DONE) {
		tool_verbose("%s: %s", record_id(letter->rec),
		    json_str(letter->result, "status"));
		letter_line(letter, &out->out);
		outlet_end_line(out);
	} else {
		letter_line_back(letter, &out->out);
		outlet_end_line(out);
	}
	letter_free(letter);
}

static bool
has_room(const struct sending *s)
{
	return pool_has_room(&s->pool) && loop_has_room(&s->loop);
}

static void
take_record(struct sending *s, const struct inlet_line *line)
{
	struct letter *letter;

	if (record_has_result(line->rec) || s->loop.is_stopping) {
		outlet_line(&s->loop.out, line->text, line->len);
		json_free(line->rec);
		return;
	}
	letter = letter_new(s->transports, line->rec);
	letter->line_len = line->len;
	if (letter->fate == LETTER_WITHHELD && letter->err.class == ERR_DATA)
		err_prefix(&letter->err, "line %zu", line->no);
	pool_add(&s->pool, letter);
}

static void
take_records(struct sending *s)
{
	struct inlet_line line;

	while ((s->loop.is_stopping || has_room(s)) &&
	       inlet_next(&s->loop.in, &line))
		take_record(s, &line);
}

/*
 * Take, start and write all that can be; true while the one has made room for
 * the other.
 */
static bool
make_progress(struct sending *s)
{
	size_t before;
	bool has_gone;

	outlet_flush(&s->loop.out);
	if (s->loop.is_stopping)
		pool_give_back(&s->pool);
	take_records(s);
	before = s->pool.n_letters;
	if (!s->loop.is_stopping && loop_has_room(&s->loop))
		pool_work(&s->pool);
	has_gone = pool_go(&s->pool);
	outlet_flush(&s->loop.out);
	return has_gone || s->pool.n_letters < before;
}

static bool
is_over(const struct sending *s)
{
	return loop_is_over(
	    &s->loop, pool_sending(&s->pool), s->pool.n_letters);
}

static int
run(struct sending *s, struct err *e)
{
	size_t n, on_way;
	int sig;

	for (;;) {
		while (make_progress(s))
			continue;
		if (is_over(s))
			return 0;
		n = pool_fds(&s->pool);
		loop_watch(&s->loop, has_room(s), n);
		pool_watch(&s->pool, loop_fds(&s->loop));
		if (pool_wait(&s->pool, &s->loop, e) == -1)
			return -1;
		pool_step(&s->pool, loop_fds(&s->loop), n);
		on_way = pool_sending(&s->pool);
		sig = loop_step(&s->loop, on_way, "mails");
		if (sig != 0) {
			outlet_flush(&s->loop.out);
			return err_set(e, ERR_TEMP,
			    "signal %d again: %zu mails were on their way", sig,
			    on_way);
		}
	}
}

/* A connection with TLS has three, and each a message: as many as there may be.
 */
static void
raise_limit(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) == -1 || l.rlim_cur >= FILES_MAX)
		return;
	l.rlim_cur = l.rlim_max < FILES_MAX ? l.rlim_max : FILES_MAX;
	setrlimit(RLIMIT_NOFILE, &l);
}

int
send_loop(struct queue *queue, struct transports *transports, size_t parallel,
    struct err *e)
{
	struct sending s = {.transports = transports};
	int r;

	raise_limit();
	if (loop_open(&s.loop, e) == -1)
		return -1;
	pool_init(&s.pool, queue, parallel);
	s.pool.over = end_letter;
	s.pool.ctx = &s;
	r = run(&s, e);
	pool_release(&s.pool);
	loop_close(&s.loop);
	return r;
}
