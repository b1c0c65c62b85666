#include "send/loop.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/family.h"
#include "core/inlet.h"
#include "core/outlet.h"
#include "core/spawn.h"
#include "core/tool.h"
#include "mail/record.h"
#include "send/pool.h"

enum {
	/* Start nothing more while so much waits for a slow reader. */
	OUT_MAX = 64 * 1024,
	FILES_MAX = 4096,
};

/* The loop's own descriptors; those of the pool come next. */
enum {
	FD_SIGNAL,
	FD_CHILD,
	FD_IN,
	FD_OUT,
	FD_POOL,
};

struct loop {
	struct transports *transports;
	struct inlet in;
	struct outlet out;
	struct pool pool;
	bool is_stopping; /* a signal came: start nothing more */
	struct pollfd *fds;
	size_t n_fds; /* there is room for */
	int signals, children;
};

/* A letter that nobody works on any more. */
static void
end_letter(void *ctx, struct letter *letter)
{
	struct loop *l = ctx;

	if (letter->fate == LETTER_WITHHELD) {
		tool_failed(&letter->err);
	} else if (letter->fate == LETTER_DONE) {
		tool_verbose("%s: %s", record_id(letter->rec),
		    json_str(letter->result, "status"));
		letter_line(letter, &l->out.out);
		outlet_end_line(&l->out);
	} else {
		letter_line_back(letter, &l->out.out);
		outlet_end_line(&l->out);
	}
	letter_free(letter);
}

static bool
has_room(const struct loop *l)
{
	return pool_has_room(&l->pool) && outlet_unwritten(&l->out) < OUT_MAX &&
	       !l->out.is_gone;
}

static void
take_record(struct loop *l, const struct inlet_line *line)
{
	struct letter *letter;

	if (record_has_result(line->rec) || l->is_stopping) {
		outlet_line(&l->out, line->text, line->len);
		json_free(line->rec);
		return;
	}
	letter = letter_new(l->transports, line->rec);
	letter->line_len = line->len;
	if (letter->fate == LETTER_WITHHELD && letter->err.class == ERR_DATA)
		err_prefix(&letter->err, "line %zu", line->no);
	pool_add(&l->pool, letter);
}

static void
take_records(struct loop *l)
{
	struct inlet_line line;

	while ((l->is_stopping || has_room(l)) && inlet_next(&l->in, &line))
		take_record(l, &line);
}

/*
 * Take, start and write all that can be; true while the one has made room for
 * the other.
 */
static bool
make_progress(struct loop *l)
{
	size_t before;
	bool has_gone;

	outlet_flush(&l->out);
	if (l->is_stopping)
		pool_give_back(&l->pool);
	take_records(l);
	before = l->pool.n_letters;
	if (!l->is_stopping && outlet_unwritten(&l->out) < OUT_MAX &&
	    !l->out.is_gone)
		pool_work(&l->pool);
	has_gone = pool_go(&l->pool);
	outlet_flush(&l->out);
	return has_gone || l->pool.n_letters < before;
}

static bool
wants_input(const struct loop *l)
{
	return l->in.is_open && !l->is_stopping && has_room(l);
}

/* Nothing is on its way, nothing will be, and nothing is left to be written. */
static bool
is_over(const struct loop *l)
{
	if (pool_sending(&l->pool) > 0 || outlet_unwritten(&l->out) > 0)
		return false;
	return l->is_stopping || l->out.is_gone ||
	       (!l->in.is_open && l->pool.n_letters == 0);
}

/* Milliseconds until something is to be done, -1 for none. */
static int
time_left(struct loop *l)
{
	int64_t due = pool_due(&l->pool), left;

	if (due == INT64_MAX)
		return -1;
	left = due - clock_mono_ms();
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

static int
wait_for_events(struct loop *l, struct err *e)
{
	size_t n = FD_POOL + pool_fds(&l->pool);

	if (n > l->n_fds) {
		l->fds = xrealloc(l->fds, n, sizeof *l->fds);
		l->n_fds = n;
	}
	l->fds[FD_SIGNAL] = (struct pollfd){.fd = l->signals, .events = POLLIN};
	l->fds[FD_CHILD] = (struct pollfd){.fd = l->children, .events = POLLIN};
	l->fds[FD_IN] = (struct pollfd){
	    .fd = wants_input(l) ? l->in.in.fd : -1, .events = POLLIN};
	/* Without events it still tells that the reader has gone. */
	l->fds[FD_OUT] =
	    (struct pollfd){.fd = l->out.is_gone ? -1 : STDOUT_FILENO,
		.events = outlet_unwritten(&l->out) > 0 ? POLLOUT : 0};
	pool_watch(&l->pool, l->fds + FD_POOL);
	return pool_wait(&l->pool, l->fds, n, time_left(l), e);
}

/* The first one: finish what is on its way.  The second one: end at once. */
static int
handle_signals(struct loop *l, struct err *e)
{
	int sig;

	while ((sig = spawn_next_signal(l->signals)) != 0) {
		if (l->is_stopping)
			return err_set(e, ERR_TEMP,
			    "signal %d again: %zu mails were on their way", sig,
			    pool_sending(&l->pool));
		tool_verbose("signal %d: waiting for %zu mails", sig,
		    pool_sending(&l->pool));
		l->is_stopping = true;
	}
	return 0;
}

static int
run_loop(struct loop *l, struct err *e)
{
	size_t n_fds;

	for (;;) {
		while (make_progress(l))
			continue;
		if (is_over(l))
			return 0;
		n_fds = pool_fds(&l->pool);
		if (wait_for_events(l, e) == -1)
			return -1;
		pool_step(&l->pool, l->fds + FD_POOL, n_fds);
		if (l->fds[FD_CHILD].revents != 0)
			spawn_child_ended(l->children);
		family_reap();
		if (handle_signals(l, e) == -1) {
			outlet_flush(&l->out);
			return -1;
		}
		if (l->fds[FD_OUT].revents & (POLLERR | POLLHUP | POLLNVAL))
			outlet_failed(&l->out, "nobody reads it any more");
		if (l->fds[FD_IN].revents != 0 && !l->is_stopping)
			inlet_read(&l->in);
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

/* Signals first: from then on nothing of ours ends unseen. */
static int
open_descriptors(struct loop *l, struct err *e)
{
	l->signals = spawn_signal_fd(e);
	if (l->signals == -1)
		return -1;
	l->children = spawn_child_fd(e);
	if (l->children != -1)
		return 0;
	close(l->signals);
	return -1;
}

int
send_loop(struct queue *queue, struct transports *transports, size_t parallel,
    struct err *e)
{
	struct loop l = {.transports = transports};
	int r;

	raise_limit();
	if (open_descriptors(&l, e) == -1)
		return -1;
	family_adopt();
	inlet_init(&l.in);
	pool_init(&l.pool, queue, parallel);
	l.pool.over = end_letter;
	l.pool.ctx = &l;
	r = run_loop(&l, e);
	pool_release(&l.pool);
	free(l.fds);
	buf_release(&l.out.out);
	inlet_release(&l.in);
	close(l.children);
	close(l.signals);
	return r;
}
