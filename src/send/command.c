#include "send/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/family.h"
#include "core/plain.h"
#include "core/spawn.h"
#include "mail/record.h"
#include "store/state.h"

enum {
	REASON_MAX = 200, /* bytes of what it says, in a reason */
};

extern char **environ;

static void
close_fd(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

/* The words of the transport, and what every sendmail(1) knows. */
static char **
make_argv(const struct letter *l)
{
	char *const *words = l->transport->url.words;
	size_t n = 0;
	char **argv;

	while (words[n] != NULL)
		n++;
	argv = xcalloc(n + 6, sizeof *argv);
	memcpy(argv, words, n * sizeof *argv);
	argv[n++] = (char *)"-i";
	argv[n++] = (char *)"-f";
	argv[n++] = l->sender[0] != '\0' ? l->sender : (char *)"<>";
	argv[n++] = (char *)"--";
	argv[n++] = l->recipient;
	return argv;
}

/* Our own environment, and the mark by which its family is found. */
static char **
make_environ(char *mark)
{
	size_t n = 0;
	char **vars;

	while (environ[n] != NULL)
		n++;
	vars = xcalloc(n + 2, sizeof *vars);
	memcpy(vars, environ, n * sizeof *vars);
	vars[n] = mark;
	return vars;
}

static int
write_message(
    struct command *c, struct queue *q, const struct letter *l, struct err *e)
{
	c->message = state_spool_anonymous(q->state, e);
	if (c->message == -1 || letter_write(l, c->message, "spool", e) == -1)
		return -1;
	if (lseek(c->message, 0, SEEK_SET) == -1)
		return err_errno(e, "spool: seek");
	return 0;
}

static int
spawn(struct command *c, const struct letter *l, int out, struct err *e)
{
	char **argv = make_argv(l), **vars;
	struct spawn s = {
	    .argv = argv,
	    .in = c->message,
	    .out = out,
	    .err = out,
	    .is_own_group = true,
	    .dies_with_us = true,
	};

	c->mark =
	    xasprintf("MAIL_SEND=%ld.%s", (long)getpid(), record_id(l->rec));
	s.envp = vars = make_environ(c->mark);
	c->pid = spawn_start(&s, e);
	free(argv);
	free(vars);
	if (c->pid == -1)
		return -1;
	c->pidfd = spawn_pidfd(c->pid, e);
	if (c->pidfd != -1)
		return 0;
	kill(-c->pid, SIGKILL);
	spawn_reap(c->pid);
	return -1;
}

static void
release(struct command *c)
{
	close_fd(&c->pidfd);
	close_fd(&c->out);
	close_fd(&c->message);
	buf_release(&c->said);
	free(c->mark);
	*c = (struct command){.pidfd = -1, .out = -1, .message = -1};
}

int
command_start(
    struct command *c, struct queue *q, const struct letter *l, struct err *e)
{
	int ends[2] = {-1, -1}, r;

	*c = (struct command){.pidfd = -1, .out = -1, .message = -1};
	r = write_message(c, q, l, e);
	if (r == 0 && pipe2(ends, O_CLOEXEC) == -1)
		r = err_errno(e, "pipe");
	c->out = ends[0];
	if (r == 0 && fcntl(c->out, F_SETFL, O_NONBLOCK) == -1)
		r = err_errno(e, "pipe");
	c->due_at = clock_mono_ms() + l->transport->command_ms;
	if (r == 0)
		r = spawn(c, l, ends[1], e);
	close_fd(&ends[1]);
	if (r == -1)
		release(c);
	return r;
}

void
command_watch(const struct command *c, struct pollfd fds[COMMAND_FDS])
{
	fds[0] = (struct pollfd){.fd = c->pidfd, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = c->out, .events = POLLIN};
}

/* The first bytes are kept; the rest is read, so that it can go on. */
static void
read_said(struct command *c)
{
	char window[4096];
	ssize_t n;

	for (int i = 0; i < 16 && c->out != -1; i++) {
		n = read(c->out, window, sizeof window);
		if (n > 0 && c->said.len < COMMAND_SAID_MAX)
			buf_add(&c->said, window, (size_t)n);
		if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
			close_fd(&c->out);
		if (n == -1 && errno == EAGAIN)
			return;
	}
}

/* Has it read the message to its end, so that it may have taken it? */
static bool
has_read_all(const struct command *c)
{
	off_t at = lseek(c->message, 0, SEEK_CUR);
	struct stat st;

	return at == -1 || fstat(c->message, &st) == -1 || at >= st.st_size;
}

/* What an exit status means; all others are a retry of class "server". */
struct meaning {
	int code;
	const char *status, *class;
	bool is_transport;
};

static const struct meaning meanings[] = {
    {0, "ok", NULL, false},
    {64, "snooze", "configuration", true}, /* EX_USAGE */
    {65, "fail", "content", false}, /* EX_DATAERR */
    {67, "fail", "recipient", false}, /* EX_NOUSER */
    {68, "fail", "recipient", false}, /* EX_NOHOST */
    {69, "retry", "network", false}, /* EX_UNAVAILABLE */
    {77, "snooze", "credentials", true}, /* EX_NOPERM */
    {78, "snooze", "configuration", true}, /* EX_CONFIG */
    {126, "snooze", "configuration", true},
    {127, "snooze", "configuration", true},
};

static struct meaning
meaning_of(int code)
{
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
		if (meanings[i].code == code)
			return meanings[i];
	return (struct meaning){code, "retry", "server", false};
}

/* How it ended, and the first line that it said. */
static void
add_reason(const struct command *c, int status, struct verdict *v)
{
	struct buf reason = BUF_INIT;
	char end[SPAWN_END_TEXT];
	const char *said = c->said.data != NULL ? c->said.data : "";

	if (c->is_timed_out)
		buf_addstr(&reason, "it ran into its time limit");
	else
		buf_addstr(&reason, spawn_end_text(status, end));
	said += strspn(said, "\r\n\t ");
	if (said[0] != '\0') {
		buf_addstr(&reason, ": ");
		plain_add(&reason, said, strcspn(said, "\r\n"), REASON_MAX);
	}
	snprintf(v->reason, sizeof v->reason, "%s", reason.data);
	buf_release(&reason);
}

static struct verdict
conclude(const struct command *c, int status)
{
	bool is_exit = !c->is_timed_out && WIFEXITED(status);
	struct meaning m = meaning_of(is_exit ? WEXITSTATUS(status) : -1);
	struct verdict v = {
	    .status = m.status,
	    .class = m.class,
	    .code = m.code,
	    .is_transport = m.is_transport,
	};

	/* It may have taken it before it was killed. */
	if (!is_exit && has_read_all(c))
		v.status = "uncertain";
	if (strcmp(v.status, "ok") != 0)
		add_reason(c, status, &v);
	return v;
}

static void
kill_family(const struct command *c)
{
	const struct family family = {.leader = c->pid, .mark = c->mark};

	family_signal(&family, 1, SIGKILL);
}

bool
command_step(struct command *c, const struct pollfd fds[COMMAND_FDS],
    int64_t now, struct verdict *v)
{
	if (fds[1].revents != 0)
		read_said(c);
	if (fds[0].revents == 0) {
		if (now < c->due_at)
			return false;
		c->is_timed_out = true;
		kill_family(c);
	}
	read_said(c);
	*v = conclude(c, spawn_reap(c->pid));
	release(c);
	return true;
}

void
command_kill(struct command *c)
{
	if (c->pid <= 0)
		return;
	kill_family(c);
	spawn_reap(c->pid);
	release(c);
}
