#include "queue/taker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/id.h"
#include "core/spawn.h"
#include "core/tool.h"
#include "queue/draw.h"
#include "queue/policy.h"
#include "queue/queue.h"

enum {
	OUT_HIGH = 256 * 1024, /* take no more while so much waits for a pipe */
	FETCH_MAX = 1000, /* in one transaction */
	/* Between two looks, however often rows move. */
	REST_MS = 2,
	REST_MAX_MS = 10,
	BLIND_MS = 100, /* between looks where nothing wakes us */
	PACED_MS =
	    10000, /* for a rate that lets mail through so soon we stay */
};

/* Why the loop ends. */
enum verdict {
	GO_ON,
	DONE,
	STOPPED, /* by a signal */
	READER_GONE,
	STALLED, /* nobody works on what was taken */
	FAILED, /* *e */
};

struct run {
	struct queue *q;
	const struct taker *how;
	struct mail_engine *mail;
	struct mail_policy policy;
	char owner[ID_TEXT];
	struct buf out;
	bool is_closed; /* stdout */
	bool is_blocked; /* stdout takes no more just now */
	bool is_capped; /* there is mail that waits for leases to end */
	int64_t paced_until; /* and mail that waits for its rate; 0: none */
	int64_t taken;
	int64_t written; /* bytes */
	struct mail_leases leases;
	int64_t moved_at; /* monotonic, like all below */
	int64_t renew_at;
	int64_t idle_since;
	int64_t looked_at;
	int signal_fd, wait_fd;
};

static int
add_row(void *ctx, const struct mail_row *row, struct err *e)
{
	struct run *r = ctx;

	/* Nothing is leased that nobody could work on here. */
	if (row->is_keyless)
		return err_set(e, ERR_TEMP, "%s", row->sealed);
	queue_row_leased(row, &r->out);
	buf_addch(&r->out, '\n');
	r->taken++;
	r->leases.unstarted++;
	return 0;
}

static int64_t
lease_ms(const struct run *r)
{
	return r->how->lease_s * 1000;
}

static int64_t
unsettled(const struct run *r)
{
	return r->leases.unstarted + r->leases.started;
}

/*
 * How many to take now.  While those behind us still have enough to begin with,
 * a few at a time are not worth a transaction each.
 */
static int64_t
room(const struct run *r)
{
	int64_t window = r->how->window, n = window - unsettled(r);

	if (r->is_closed || r->out.len > OUT_HIGH)
		return 0;
	if (n < window / 4 && r->leases.unstarted > window / 8)
		return 0;
	if (r->how->count > 0 && n > r->how->count - r->taken)
		n = r->how->count - r->taken;
	return n > 0 ? n : 0;
}

/* See what became of our leases; any change is a sign of life behind us. */
static int
look(struct run *r, int64_t now, struct err *e)
{
	struct mail_leases was = r->leases;

	if (unsettled(r) == 0)
		return 0;
	if (r->mail->ops->leases(
		r->mail, r->owner, clock_now_ms(), &r->leases, e) == -1)
		return -1;
	if (was.unstarted != r->leases.unstarted ||
	    was.started != r->leases.started)
		r->moved_at = now;
	return 0;
}

static int64_t
min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Lease what there is room for.  *found: there was something. */
static int
fetch(struct run *r, int64_t now, bool *found, struct err *e)
{
	struct mail_take how = {
	    .queue = r->how->queue,
	    .owner = r->owner,
	    .max = (size_t)min64(room(r), FETCH_MAX),
	    .now = clock_now_ms(),
	    .lease_ms = lease_ms(r),
	    .policy = &r->policy,
	    .is_capped = &r->is_capped,
	    .paced_until = &r->paced_until,
	};
	int64_t was = r->taken;

	if (queue_draw(r->q, e) == -1 ||
	    r->mail->ops->take(r->mail, &how, add_row, r, e) == -1)
		return -1;
	*found = r->taken > was;
	if (*found) {
		r->moved_at = now;
		if (unsettled(r) == r->taken - was)
			r->renew_at = now + lease_ms(r) / 3;
	}
	return 0;
}

static void
close_stdout(struct run *r)
{
	int null;

	if (r->is_closed)
		return;
	r->is_closed = true;
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null == -1 || dup2(null, STDOUT_FILENO) == -1)
		close(STDOUT_FILENO);
	if (null != -1)
		close(null);
}

/*
 * Write what goes without waiting.  A pipe that poll(2) calls writable takes
 * PIPE_BUF bytes at once; O_NONBLOCK would be set for everyone who has this
 * pipe or terminal open, also when we are gone.
 */
static enum verdict
flush(struct run *r, struct err *e)
{
	struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
	size_t done = 0, left;
	ssize_t n;

	while (done < r->out.len && poll(&p, 1, 0) == 1) {
		left = r->out.len - done;
		n = write(STDOUT_FILENO, r->out.data + done,
		    left < PIPE_BUF ? left : PIPE_BUF);
		if (n > 0) {
			done += (size_t)n;
			r->written += n;
		} else if (n == -1 && errno == EPIPE)
			return READER_GONE;
		else if (n == -1 && errno != EINTR && errno != EAGAIN) {
			err_errno(e, "stdout");
			return FAILED;
		}
	}
	buf_shift(&r->out, done);
	r->is_blocked = r->out.len > 0;
	return GO_ON;
}

static int
renew(struct run *r, int64_t now, struct err *e)
{
	if (r->leases.unstarted == 0 || now < r->renew_at)
		return 0;
	r->renew_at = now + lease_ms(r) / 3;
	return r->mail->ops->renew(
	    r->mail, r->owner, clock_now_ms() + lease_ms(r), e);
}

/*
 * The window is full or the pipe is closed, and since one lease time nothing
 * was started or settled, nor is anything being worked on.
 */
static bool
is_stalled(const struct run *r, int64_t now)
{
	return r->leases.unstarted > 0 && r->leases.started == 0 &&
	       now - r->moved_at >= lease_ms(r);
}

/*
 * Is more on its way by itself?  What our own leases keep back comes when they
 * end, what waits for its rate comes soon.
 */
static bool
is_more_coming(const struct run *r)
{
	if (r->how->count > 0)
		return false;
	return (r->is_capped && unsettled(r) > 0) ||
	       (r->paced_until != 0 &&
		   r->paced_until - clock_now_ms() <= PACED_MS);
}

/* Nothing is ready: wait for more, or let those behind us finish. */
static void
nothing_ready(struct run *r, int64_t now)
{
	if (r->how->wait_s == -1)
		return;
	if (is_more_coming(r)) {
		r->idle_since = now;
		return;
	}
	if (now - r->idle_since >= r->how->wait_s * 1000 && r->out.len == 0)
		close_stdout(r);
}

/* One turn of the loop, without waiting.  *found: mail was taken. */
static enum verdict
turn(struct run *r, bool *found, struct err *e)
{
	int64_t now = clock_mono_ms();
	bool is_looking;
	enum verdict v;

	*found = false;
	if (look(r, now, e) == -1)
		return FAILED;
	is_looking = room(r) > 0;
	if (is_looking && fetch(r, now, found, e) == -1)
		return FAILED;
	v = flush(r, e);
	if (v != GO_ON)
		return v;
	if (is_looking && !*found)
		nothing_ready(r, now);
	else
		r->idle_since = now;
	if (r->how->count > 0 && r->taken >= r->how->count && r->out.len == 0)
		return DONE;
	if (r->is_closed && (r->leases.unstarted == 0 || r->how->count > 0))
		return DONE;
	if (is_stalled(r, now))
		return STALLED;
	return renew(r, now, e) == -1 ? FAILED : GO_ON;
}

/* How long nothing can happen by itself. */
static int
timeout(struct run *r, struct err *e)
{
	int64_t now = clock_mono_ms(),
		wait = r->wait_fd == -1 ? BLIND_MS : 60000;
	int64_t due = 0;

	if (r->leases.unstarted > 0) {
		wait = min64(wait, r->renew_at - now);
		if (r->leases.started == 0)
			wait = min64(wait, r->moved_at + lease_ms(r) - now);
	}
	if (!r->is_closed && r->how->wait_s > 0)
		wait = min64(wait, r->idle_since + r->how->wait_s * 1000 - now);
	if (!r->is_closed && room(r) > 0 &&
	    (r->how->wait_s != 0 || r->paced_until != 0)) {
		if (r->mail->ops->next_due(r->mail, r->how->queue, &due, e) ==
		    -1)
			return -1;
		if (due != 0)
			wait = min64(wait, due - clock_now_ms());
	}
	return wait < 0 ? 0 : (int)wait;
}

static void
read_empty(int fd)
{
	char events[4096];

	while (read(fd, events, sizeof events) > 0)
		continue;
}

/* The more there is to work on behind us, the less often we need to look. */
static int64_t
rest_ms(const struct run *r)
{
	int64_t ms = r->leases.unstarted / 4;

	return ms < REST_MS ? REST_MS : min64(ms, REST_MAX_MS);
}

/* Rest a little, then wait for a signal, room in the pipe, or moving rows. */
static enum verdict
wait_for_news(struct run *r, struct err *e)
{
	struct pollfd p[] = {
	    {.fd = r->signal_fd, .events = POLLIN},
	    /* Without events, it still tells that the reader is gone. */
	    {.fd = r->is_closed ? -1 : STDOUT_FILENO,
		.events = r->is_blocked ? POLLOUT : 0},
	    {.fd = r->wait_fd, .events = POLLIN},
	};
	int ms = timeout(r, e);

	if (ms == -1)
		return FAILED;
	if (poll(p, 2, (int)min64(ms, rest_ms(r))) == 0 &&
	    poll(p, 3, ms) == -1 && errno != EINTR) {
		err_errno(e, "poll");
		return FAILED;
	}
	if (p[2].revents != 0)
		read_empty(r->wait_fd);
	if (p[1].revents & POLLERR)
		return READER_GONE;
	return p[0].revents != 0 ? STOPPED : GO_ON;
}

/*
 * Has the reader, gone now, read any of it?  A mail that kills its reader must
 * end dead one day; one that was never looked at (a wrong option of
 * mail-dispatch, a directory that is not mounted) must not.
 */
static bool
was_read(const struct run *r)
{
	int unread = 0;

	return ioctl(STDOUT_FILENO, FIONREAD, &unread) == -1 ||
	       unread < r->written;
}

/* Say why it ends, and leave no lease behind that nobody works on. */
static int
finish(struct run *r, enum verdict why, struct err *e)
{
	int64_t n = r->leases.unstarted;
	bool is_counted = why == READER_GONE && was_read(r);

	if (why == DONE)
		return 0;
	if (n > 0) {
		struct err back = ERR_INIT;

		if (r->mail->ops->give_back(r->mail, r->owner, is_counted,
			clock_now_ms(), &back) == -1)
			tool_say("could not give the leases back, they will "
				 "run out: %s",
			    back.text);
	}
	close_stdout(r);
	switch (why) {
	case STOPPED:
		tool_verbose(
		    "stopped by a signal; gave %lld back", (long long)n);
		return 0;
	case READER_GONE:
		return err_set(e, ERR_TEMP,
		    "the next program has closed the pipe; gave %lld back",
		    (long long)n);
	case STALLED:
		return err_set(e, ERR_TEMP,
		    "nobody has started or settled any of %lld mails for %lld "
		    "seconds; gave them back, no attempt was counted: is "
		    "there a program in the line that waits for its end "
		    "(sort, jq -s), or no mail-queue settle?",
		    (long long)n, (long long)r->how->lease_s);
	default:
		return -1;
	}
}

/* The second signal ends us at once. */
static void
unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Without it we look again and again: a user may have 128 inotifies only. */
static void
setup_waiting(struct run *r)
{
	struct err e = ERR_INIT;

	if ((r->mail->ops->caps & MAIL_CAN_WAIT) == 0)
		return;
	r->wait_fd = r->mail->ops->wait_fd(r->mail, &e);
	if (r->wait_fd == -1)
		tool_verbose("%s", e.text);
}

static int
setup(struct run *r, struct err *e)
{
	r->mail = queue_mail(r->q, e);
	r->signal_fd = spawn_signal_fd(e);
	if (r->mail == NULL || r->signal_fd == -1)
		return -1;
	setup_waiting(r);
	return 0;
}

static int
run(struct run *r, struct err *e)
{
	enum verdict v = GO_ON;
	bool found;

	if (setup(r, e) == -1)
		return -1;
	r->idle_since = clock_mono_ms();
	while (v == GO_ON) {
		v = turn(r, &found, e);
		if (v == GO_ON && !found)
			v = wait_for_news(r, e);
	}
	/* Take the first one away, so that only a second one kills. */
	if (v == STOPPED && spawn_next_signal(r->signal_fd) != 0)
		unblock_signals();
	return finish(r, v, e);
}

int
taker_run(struct queue *q, const struct taker *how, struct err *e)
{
	struct run r = {
	    .q = q,
	    .how = how,
	    .policy = policy_of(&q->state->config),
	    .signal_fd = -1,
	    .wait_fd = -1,
	};
	int lock = -1, result = 1;

	if (how->is_single)
		result = state_lock(q->state, "take", how->queue, &lock, e);
	if (result == 0)
		tool_verbose("another take of %s is running", how->queue);
	if (result == 1) {
		id_random(r.owner);
		result = run(&r, e);
		buf_release(&r.out);
		if (r.signal_fd != -1)
			close(r.signal_fd);
	}
	if (lock != -1)
		close(lock);
	return result;
}
