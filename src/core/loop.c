#include "core/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/family.h"
#include "core/spawn.h"
#include "core/tool.h"

enum {
	OUT_MAX = 64 * 1024, /* so much is enough for a slow reader */
};

enum {
	FD_SIGNAL,
	FD_CHILD,
	FD_IN,
	FD_OUT,
	FD_OTHERS,
};

/* Signals first: nothing of ours is to end before they are heard. */
int
loop_open(struct loop *l, struct err *e)
{
	*l = (struct loop){.signals = spawn_signal_fd(e)};
	if (l->signals == -1)
		return -1;
	l->children = spawn_child_fd(e);
	if (l->children == -1) {
		close(l->signals);
		return -1;
	}
	family_adopt();
	inlet_init(&l->in);
	return 0;
}

void
loop_close(struct loop *l)
{
	free(l->fds);
	buf_release(&l->out.out);
	inlet_release(&l->in);
	close(l->children);
	close(l->signals);
}

bool
loop_has_room(const struct loop *l)
{
	return outlet_unwritten(&l->out) < OUT_MAX && !l->out.is_gone;
}

bool
loop_is_over(const struct loop *l, size_t running, size_t waiting)
{
	return running == 0 && outlet_unwritten(&l->out) == 0 &&
	       (l->is_stopping || l->out.is_gone ||
		   (!l->in.is_open && waiting == 0));
}

void
loop_watch(struct loop *l, bool wants_input, size_t n)
{
	bool reads = wants_input && l->in.is_open && !l->is_stopping;
	bool writes = outlet_unwritten(&l->out) > 0;

	l->n_fds = FD_OTHERS + n;
	if (l->n_fds > l->fds_max) {
		l->fds = xrealloc(l->fds, l->n_fds, sizeof *l->fds);
		l->fds_max = l->n_fds;
	}
	l->fds[FD_SIGNAL] = (struct pollfd){.fd = l->signals, .events = POLLIN};
	l->fds[FD_CHILD] = (struct pollfd){.fd = l->children, .events = POLLIN};
	l->fds[FD_IN] =
	    (struct pollfd){.fd = reads ? l->in.in.fd : -1, .events = POLLIN};
	/* Without events it still tells that the reader has gone. */
	l->fds[FD_OUT] =
	    (struct pollfd){.fd = l->out.is_gone ? -1 : STDOUT_FILENO,
		.events = writes ? POLLOUT : 0};
}

struct pollfd *
loop_fds(const struct loop *l)
{
	return l->fds + FD_OTHERS;
}

int
loop_wait(struct loop *l, int64_t due, struct err *e)
{
	if (poll(l->fds, l->n_fds, clock_left_ms(due)) != -1)
		return 0;
	if (errno != EINTR)
		return err_errno(e, "poll");
	for (size_t i = 0; i < l->n_fds; i++)
		l->fds[i].revents = 0;
	return 0;
}

/* The first one: finish what runs. */
static int
hear_signals(struct loop *l, size_t running, const char *what)
{
	int sig;

	while ((sig = spawn_next_signal(l->signals)) != 0) {
		if (l->is_stopping)
			return sig;
		tool_verbose(
		    "signal %d: waiting for %zu %s", sig, running, what);
		l->is_stopping = true;
	}
	return 0;
}

int
loop_step(struct loop *l, size_t running, const char *what)
{
	int sig;

	if (l->fds[FD_CHILD].revents != 0)
		spawn_child_ended(l->children);
	family_reap();
	sig = hear_signals(l, running, what);
	if (sig != 0)
		return sig;
	if (l->fds[FD_OUT].revents & (POLLERR | POLLHUP | POLLNVAL))
		outlet_failed(&l->out, "nobody reads it any more");
	if (l->fds[FD_IN].revents != 0 && !l->is_stopping)
		inlet_read(&l->in);
	return 0;
}
