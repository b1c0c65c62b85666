/* mail-deliver: receive one mail for an MTA.  Manual: man/mail-deliver.1 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/self.h"
#include "core/spawn.h"
#include "core/tool.h"

enum {
	STAGES = 3,
	QMAIL_AGAIN = 111, /* qmail-command(8) */
};

static struct {
	const char *tenant, *sender, *dialect;
	struct string_list recipients;
	int64_t deadline_s;
} option = {.deadline_s = 120};

struct stage {
	const char *program, *verb; /* verb NULL: it has none */
	char **argv;
	size_t argc;
	pid_t pid; /* 0: not started */
	int pidfd; /* -1: not running */
	int status;
};

struct pipeline {
	struct stage stages[STAGES];
	/* Those that failed, in the order of their ends. */
	const struct stage *failed[STAGES];
	int n_failed;
	int n_running;
	int signals;
};

/* "mail-store put" */
static void
add_name(struct buf *b, const struct stage *s)
{
	buf_addf(b, "%s%s%s", s->program, s->verb != NULL ? " " : "",
	    s->verb != NULL ? s->verb : "");
}

static void
add_arg(struct stage *s, const char *arg)
{
	/* The one that is there already, the new one, and NULL. */
	s->argv = xrealloc(s->argv, s->argc + 2, sizeof *s->argv);
	s->argv[s->argc++] = xstrdup(arg);
	s->argv[s->argc] = NULL;
}

static void
add_option(struct stage *s, const char *name, const char *value)
{
	if (value == NULL)
		return;
	add_arg(s, name);
	add_arg(s, value);
}

/* The program, its verb, and the options that all stages have. */
static void
set_up_stage(struct stage *s, const char *dir)
{
	char *path = xasprintf("%s/%s", dir, s->program);
	char *deadline = xasprintf("%" PRId64, option.deadline_s);

	s->pidfd = -1;
	add_arg(s, path);
	if (s->verb != NULL)
		add_arg(s, s->verb);
	add_option(s, "-d", tool_state_option());
	add_option(s, "--deadline", deadline);
	if (tool_is_verbose())
		add_arg(s, "-v");
	free(path);
	free(deadline);
}

static int
set_up(struct pipeline *p, const char *queue, struct err *e)
{
	struct stage *ingest = &p->stages[0], *store = &p->stages[1],
		     *put = &p->stages[2];
	char dir[PATH_MAX];

	if (self_directory(dir, e) == -1)
		return -1;
	*ingest = (struct stage){.program = "mail-ingest"};
	*store = (struct stage){.program = "mail-store", .verb = "put"};
	*put = (struct stage){.program = "mail-queue", .verb = "put"};
	for (int i = 0; i < STAGES; i++)
		set_up_stage(&p->stages[i], dir);
	add_option(ingest, "-t", option.tenant);
	add_option(ingest, "-f", option.sender);
	for (size_t i = 0; i < option.recipients.n; i++)
		add_option(ingest, "-r", option.recipients.items[i]);
	if (tool_is_strict())
		add_arg(put, "--strict");
	add_option(put, "--", queue);
	return 0;
}

static void
tear_down(struct pipeline *p)
{
	for (int i = 0; i < STAGES; i++) {
		for (size_t k = 0; k < p->stages[i].argc; k++)
			free(p->stages[i].argv[k]);
		free(p->stages[i].argv);
	}
	if (p->signals != -1)
		close(p->signals);
}

static int
start_stage(struct pipeline *p, struct stage *s, int in, int out, struct err *e)
{
	struct spawn how = {
	    .argv = s->argv,
	    .envp = environ,
	    .in = in,
	    .out = out,
	    .err = STDERR_FILENO,
	    .dies_with_us = true,
	};

	s->pid = spawn_start(&how, e);
	if (s->pid == -1) {
		s->pid = 0;
		return -1;
	}
	s->pidfd = spawn_pidfd(s->pid, e);
	p->n_running++;
	return s->pidfd == -1 ? -1 : 0;
}

/* The first reads our own stdin and the last has our stdout: no copying. */
static int
start_all(struct pipeline *p, struct err *e)
{
	int in = STDIN_FILENO, ends[2], r = 0;

	for (int i = 0; r == 0 && i < STAGES; i++) {
		ends[0] = -1;
		ends[1] = STDOUT_FILENO;
		if (i + 1 < STAGES && pipe2(ends, O_CLOEXEC) == -1) {
			r = err_errno(e, "pipe");
			ends[0] = -1;
			ends[1] = STDOUT_FILENO;
		}
		if (r == 0)
			r = start_stage(p, &p->stages[i], in, ends[1], e);
		if (in > STDERR_FILENO)
			close(in);
		if (ends[1] > STDERR_FILENO)
			close(ends[1]);
		in = ends[0];
	}
	if (in > STDERR_FILENO)
		close(in);
	return r;
}

/* Also what is stopped; nobody waits for them, init reaps. */
static void
kill_all(struct pipeline *p)
{
	for (int i = 0; i < STAGES; i++)
		if (p->stages[i].pid != 0)
			kill(p->stages[i].pid, SIGKILL);
}

static bool
is_stopped(const struct stage *s)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)s->pid, &info,
		   WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid != 0;
}

/* The first of them is the cause: those behind it wait for it. */
static int
say_hung(const struct pipeline *p, struct err *e)
{
	struct buf names = BUF_INIT;

	for (int i = 0; i < STAGES; i++) {
		if (p->stages[i].pid == 0)
			continue;
		buf_addstr(&names, names.len > 0 ? ", " : "");
		add_name(&names, &p->stages[i]);
		if (is_stopped(&p->stages[i]))
			buf_addstr(&names, " (stopped)");
	}
	err_set(e, ERR_TEMP, "not done within %" PRId64 " seconds, killed: %s",
	    option.deadline_s, names.data);
	buf_release(&names);
	return -1;
}

static int
say_failed(const struct pipeline *p, struct err *e)
{
	struct buf text = BUF_INIT;
	char end[SPAWN_END_TEXT];
	enum err_class class = ERR_DATA;

	for (int i = 0; i < p->n_failed; i++) {
		buf_addstr(&text, i > 0 ? "; " : "");
		add_name(&text, p->failed[i]);
		buf_addf(
		    &text, ": %s", spawn_end_text(p->failed[i]->status, end));
		if (!WIFEXITED(p->failed[i]->status) ||
		    WEXITSTATUS(p->failed[i]->status) != EXIT_DATA)
			class = ERR_TEMP;
	}
	err_set(e, class, "%s", text.data);
	buf_release(&text);
	return -1;
}

static void
note_end(struct pipeline *p, struct stage *s)
{
	s->status = spawn_reap(s->pid);
	s->pid = 0;
	close(s->pidfd);
	s->pidfd = -1;
	p->n_running--;
	if (!WIFEXITED(s->status) || WEXITSTATUS(s->status) != EXIT_OK)
		p->failed[p->n_failed++] = s;
}

/* Until all have ended, the time is over or a signal tells us to stop. */
static int
wait_for_all(struct pipeline *p, int64_t until, struct err *e)
{
	struct pollfd fds[STAGES + 1];
	int64_t left;
	int sig;

	while (p->n_running > 0) {
		left = until - clock_mono_ms();
		if (left <= 0)
			return say_hung(p, e);
		for (int i = 0; i < STAGES; i++)
			fds[i] = (struct pollfd){p->stages[i].pidfd, POLLIN, 0};
		fds[STAGES] = (struct pollfd){p->signals, POLLIN, 0};
		if (poll(fds, STAGES + 1, (int)left) == -1 && errno != EINTR)
			return err_errno(e, "poll");
		sig = spawn_next_signal(p->signals);
		if (sig != 0)
			return err_set(e, ERR_TEMP, "ended by signal %d", sig);
		for (int i = 0; i < STAGES; i++)
			if (fds[i].revents != 0)
				note_end(p, &p->stages[i]);
	}
	return p->n_failed > 0 ? say_failed(p, e) : 0;
}

static int
deliver(int argc, char **argv, struct err *e)
{
	int64_t until = clock_mono_ms() + option.deadline_s * 1000;
	struct pipeline p = {.signals = -1};
	int r = -1;

	(void)argc;
	if (option.dialect != NULL && strcmp(option.dialect, "qmail") != 0 &&
	    strcmp(option.dialect, "postfix") != 0)
		return err_set(e, ERR_USAGE,
		    "-X must be postfix or qmail, not \"%.40s\"",
		    option.dialect);
	if (set_up(&p, argv[0], e) == -1)
		goto out;
	p.signals = spawn_signal_fd(e);
	if (p.signals == -1)
		goto out;
	r = start_all(&p, e);
	if (r == 0)
		r = wait_for_all(&p, until, e);
	if (r == -1)
		kill_all(&p);
out:
	tear_down(&p);
	return r;
}

/*
 * Is it -X qmail?  Asked before the options are read, because a command line
 * that cannot be read must be answered in the MTA's own dialect as well.
 */
static bool
is_for_qmail(int argc, char **argv)
{
	const char *value;

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (argv[i][0] != '-')
			continue;
		value = argv[i] + 1 + strspn(argv[i] + 1, "hvV");
		if (*value++ != 'X')
			continue;
		if (*value == '\0' && i + 1 < argc)
			value = argv[i + 1];
		if (strcmp(value, "qmail") == 0)
			return true;
	}
	return false;
}

static const struct option_row options[] = {
    {'t', NULL, "TENANT", "whose mail it is", OPTION_STRING, &option.tenant, 0,
	0},
    {'f', NULL, "SENDER", "envelope sender", OPTION_STRING, &option.sender, 0,
	0},
    {'r', NULL, "RECIPIENT", "envelope recipient", OPTION_LIST,
	&option.recipients, 0, 0},
    {'X', NULL, "MTA",
	"whose status means \"try again\": postfix (75) or qmail (111)",
	OPTION_STRING, &option.dialect, 0, 0},
    {0, "deadline", "DURATION", "give up after so long (120s)", OPTION_DURATION,
	&option.deadline_s, 1, 86400},
    {0},
};

static const struct verb verbs[] = {
    {
	.operands = "QUEUE",
	.summary = "Receive one mail on stdin and put it on a queue, durably.",
	.options = options,
	.example = "  ne-001: \"|/usr/local/bin/mail-deliver -t ne-001 "
		   "inbound\"\n",
	.run = deliver,
	.operands_min = 1,
	.operands_max = 1,
	.is_receiving = true,
    },
    {0},
};

static const struct tool tool = {
    .name = "mail-deliver",
    .summary = "receive one mail for an MTA",
    .verbs = verbs,
};

int
main(int argc, char **argv)
{
	if (is_for_qmail(argc, argv))
		tool_set_again_status(QMAIL_AGAIN);
	return tool_main(&tool, argc, argv);
}
