#include "core/secret_command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/secret.h"
#include "core/spawn.h"

struct running {
	const char *name; /* of the program */
	pid_t pid;
	int pidfd, pipe;
	char *data;
	size_t room, len;
	bool is_open; /* there may be more in the pipe */
};

/* 0, or -1: it has printed too much. */
static int
read_some(struct running *r, struct err *e)
{
	ssize_t n;

	while (r->is_open) {
		n = read(r->pipe, r->data + r->len, r->room - r->len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			break;
		r->is_open = n > 0;
		r->len += n > 0 ? (size_t)n : 0;
		if (r->len == r->room)
			return err_set(e, ERR_TEMP,
			    "secret command %.100s: printed more than %zu "
			    "bytes",
			    r->name, r->room - 1);
	}
	return 0;
}

/* Until its process has ended; what it printed is read then. */
static int
wait_for_end(struct running *r, struct err *e)
{
	int64_t until = clock_mono_ms() + SECRET_COMMAND_S * INT64_C(1000),
		left;
	struct pollfd fds[2] = {{.fd = r->pidfd, .events = POLLIN},
	    {.fd = r->pipe, .events = POLLIN}};

	for (;;) {
		left = until - clock_mono_ms();
		if (left <= 0)
			return err_set(e, ERR_TEMP,
			    "secret command %.100s: took longer than %d "
			    "seconds",
			    r->name, SECRET_COMMAND_S);
		fds[1].fd = r->is_open ? r->pipe : -1;
		fds[0].revents = 0;
		if (poll(fds, 2, (int)left) == -1 && errno != EINTR)
			return err_errno(e, "poll");
		if (read_some(r, e) == -1)
			return -1;
		if (fds[0].revents != 0)
			return read_some(r, e);
	}
}

static int
check_end(const char *name, int status, struct err *e)
{
	char text[SPAWN_END_TEXT];

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(e, ERR_TEMP, "secret command %.100s: %s", name,
	    spawn_end_text(status, text));
}

static int
watch(struct running *r, struct err *e)
{
	int result = -1, status;

	r->pidfd = spawn_pidfd(r->pid, e);
	if (r->pidfd != -1)
		result = wait_for_end(r, e);
	if (result == -1)
		kill(-r->pid, SIGKILL);
	status = spawn_reap(r->pid);
	if (r->pidfd != -1)
		close(r->pidfd);
	return result == 0 ? check_end(r->name, status, e) : -1;
}

/* Our end does not block, the command's does. */
static int
make_pipe(int ends[2], struct err *e)
{
	if (pipe2(ends, O_CLOEXEC) == -1)
		return err_errno(e, "pipe");
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
		return 0;
	err_errno(e, "pipe: fcntl");
	close(ends[0]);
	close(ends[1]);
	return -1;
}

/* Start it with the other end of r->pipe; -1: ERR_TEMP. */
static int
start(struct running *r, char *const *argv, struct err *e)
{
	struct spawn how = {
	    .argv = argv,
	    .envp = environ,
	    .err = STDERR_FILENO,
	    .is_own_group = true,
	    .dies_with_us = true,
	};
	int ends[2];

	how.in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (how.in == -1)
		return err_errno(e, "/dev/null: open");
	if (make_pipe(ends, e) == -1) {
		close(how.in);
		return -1;
	}
	how.out = ends[1];
	r->pipe = ends[0];
	/* Else there is nothing to reap, and no end to be told. */
	signal(SIGCHLD, SIG_DFL);
	r->pid = spawn_start(&how, e);
	close(how.in);
	close(ends[1]);
	return r->pid != -1 ? 0 : err_prefix(e, "secret command");
}

/* Borrowed from words, but for the array.  NULL: there is one that is none. */
static char **
make_argv(json words)
{
	int n = json_count(words);
	char **argv = xcalloc((size_t)n + 1, sizeof *argv);

	for (int i = 0; i < n; i++) {
		json word = json_at(words, i);

		argv[i] = (char *)(uintptr_t)json_string_value(word);
		json_free(word); /* words goes on holding it */
		if (json_kind(word) != JSON_STRING) {
			free(argv);
			return NULL;
		}
	}
	return argv;
}

int
secret_command(json words, char *data, size_t room, size_t *len, struct err *e)
{
	struct running r = {
	    .pipe = -1, .data = data, .room = room, .is_open = true};
	char **argv = make_argv(words);
	int result;

	if (argv == NULL)
		return err_set(
		    e, ERR_TEMP, "secret command: must be an array of strings");
	r.name = argv[0];
	result = start(&r, argv, e);
	if (result == 0)
		result = watch(&r, e);
	if (r.pipe != -1)
		close(r.pipe);
	free(argv);
	*len = r.len;
	return result;
}
