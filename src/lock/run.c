#include "lock/run.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/spawn.h"
#include "core/tool.h"
#include "mail/record.h"

extern char **environ;

struct running {
	struct lock_engine *locks;
	const struct lock_run *how;
	char id[ID_MAX + 1];
	pid_t pid;
	int pidfd, signals;
	int64_t renew_at, lost_at; /* monotonic milliseconds */
	int asked; /* how often a signal has asked for the end */
	bool is_lost;
};

/* Claim it, or claim it again.  Who has it is in *a. */
static int
claim(struct running *r, struct lock_acquire *a, struct err *e)
{
	int64_t now = clock_now_ms(), lease_ms = r->how->lease_s * 1000;
	int64_t mono = clock_mono_ms();

	*a = (struct lock_acquire){
	    .key = r->how->key,
	    .id = r->id,
	    .tenant = "",
	    .content = "",
	    .until = now + lease_ms,
	};
	/* Also when this fails: it is tried again soon. */
	r->renew_at = mono + lease_ms / 3;
	if (r->locks->ops->acquire(r->locks, a, 1, now, e) == -1)
		return -1;
	free(a->result);
	r->lost_at = mono + lease_ms;
	return 0;
}

/* It failed, and is free; or, with --once, it is known to be done. */
static int
settle(struct running *r, bool is_ok, struct err *e)
{
	bool is_done = is_ok && r->how->is_once;
	int64_t now = clock_now_ms();
	struct buf result = BUF_INIT;
	struct lock_settle s = {
	    .key = r->how->key,
	    .id = r->id,
	    .tenant = "",
	    .content = "",
	    .state = is_done ? LOCK_DONE : LOCK_FREE,
	    .until = now + r->how->ttl_s * 1000,
	    .result = "",
	};
	int status;

	if (is_done) {
		json_dump(
		    record_result("ok", "mail-lock", 0, NULL, NULL), &result);
		s.result = result.data;
		s.result_len = result.len;
	}
	status = r->locks->ops->settle(r->locks, &s, 1, now, e);
	buf_release(&result);
	return status == -1 ? err_prefix(e, "%.200s", r->how->key) : 0;
}

/* It was not for us.  0, or ERR_TEMP where that is one. */
static int
not_got(struct running *r, const struct lock_acquire *a, struct err *e)
{
	const char *key = r->how->key;
	char at[CLOCK_TEXT];

	clock_format(a->at, at);
	if (a->answer == LOCK_DUPLICATE) {
		tool_verbose("%.200s: done at %s; not run again", key, at);
		return 0;
	}
	if (a->answer == LOCK_BUSY && a->found == LOCK_CLAIMED &&
	    !r->how->must_run) {
		tool_verbose(
		    "%.200s: held by %s since %s; not run", key, a->holder, at);
		return 0;
	}
	return err_set(e, ERR_TEMP, "%.200s: %s by %s since %s; not run", key,
	    a->found == LOCK_CLAIMED ? "held" : "left uncertain", a->holder,
	    at);
}

static void
renew(struct running *r)
{
	struct err e = ERR_INIT;
	struct lock_acquire a;

	if (claim(r, &a, &e) == -1)
		tool_say("%.200s: not renewed: %s", r->how->key, e.text);
	else if (a.answer != LOCK_GOT)
		r->lost_at = 0;
}

/* The claim is over: another may run the command by now. */
static void
check_lost(struct running *r)
{
	if (r->is_lost || clock_mono_ms() < r->lost_at)
		return;
	r->is_lost = true;
	tool_say("%.200s: the claim is lost; ending %.200s", r->how->key,
	    r->how->argv[0]);
	kill(r->pid, SIGTERM);
}

/*
 * ^C reaches the command by itself, for it is in the terminal's group as we
 * are; it would take a second one for an order to end at once.
 */
static void
pass_signals(struct running *r)
{
	int sig;

	while ((sig = spawn_next_signal(r->signals)) != 0) {
		if (r->asked++ > 0)
			kill(r->pid, SIGKILL);
		else if (sig != SIGINT)
			kill(r->pid, sig);
	}
}

static void
wait_for_end(struct running *r)
{
	struct pollfd fds[2] = {
	    {.fd = r->pidfd, .events = POLLIN},
	    {.fd = r->signals, .events = POLLIN},
	};

	for (;;) {
		int64_t now = clock_mono_ms(), due = r->renew_at;
		int timeout = due > now ? (int)(due - now) : 0;

		fds[0].revents = fds[1].revents = 0;
		if (r->is_lost)
			timeout = -1;
		(void)poll(fds, 2, timeout);
		if (fds[1].revents != 0)
			pass_signals(r);
		if (fds[0].revents != 0)
			return;
		if (r->is_lost || clock_mono_ms() < r->renew_at)
			continue;
		renew(r);
		check_lost(r);
	}
}

/* The status of waitpid(2); -1: it was not started. */
static int
run_command(struct running *r, struct err *e)
{
	struct spawn s = {
	    .argv = r->how->argv,
	    .envp = environ,
	    .in = STDIN_FILENO,
	    .out = STDOUT_FILENO,
	    .err = STDERR_FILENO,
	    .dies_with_us = true,
	};

	r->signals = spawn_signal_fd(e);
	if (r->signals == -1)
		return -1;
	r->pid = spawn_start(&s, e);
	if (r->pid != -1) {
		r->pidfd = spawn_pidfd(r->pid, e);
		if (r->pidfd == -1) {
			kill(r->pid, SIGKILL);
			spawn_reap(r->pid);
		}
	}
	if (r->pid == -1 || r->pidfd == -1) {
		close(r->signals);
		return -1;
	}
	wait_for_end(r);
	close(r->pidfd);
	close(r->signals);
	return spawn_reap(r->pid);
}

static int
run_claimed(struct running *r, struct err *e)
{
	struct err unsettled = ERR_INIT;
	char end[SPAWN_END_TEXT];
	int status = run_command(r, e);

	if (status == -1)
		err_prefix(e, "%.200s", r->how->key);
	else if (status != 0)
		err_set(e, ERR_TEMP, "%.200s: %.200s: %s", r->how->key,
		    r->how->argv[0], spawn_end_text(status, end));
	if (settle(r, status == 0, &unsettled) == 0)
		return status == 0 ? 0 : -1;
	if (status != 0)
		tool_failed(&unsettled);
	else
		*e = unsettled;
	return -1;
}

int
lock_run(struct lock_engine *locks, const struct lock_run *how, struct err *e)
{
	struct running r = {.locks = locks, .how = how, .pidfd = -1};
	struct lock_acquire a;
	char random[ID_TEXT], at[CLOCK_TEXT];

	snprintf(r.id, sizeof r.id, "run-%ld-%.16s", (long)getpid(),
	    id_random(random));
	if (claim(&r, &a, e) == -1)
		return -1;
	if (a.answer != LOCK_GOT)
		return not_got(&r, &a, e);
	if (a.found == LOCK_CLAIMED)
		tool_say("%.200s: %s, which had it since %s, never said how it "
			 "ended; run again",
		    how->key, a.holder, clock_format(a.at, at));
	return run_claimed(&r, e);
}
