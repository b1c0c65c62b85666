#include "core/jq.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/self.h"
#include "core/spawn.h"

enum {
	READ_BYTES = 64 * 1024,
	ANSWER_MAX = 32 * 1024 * 1024,
};

struct jq_program {
	struct buf line; /* the program as mailpipe-jq reads it */
	pid_t pid; /* 0: none */
	int fd;
	bool is_compiled; /* its process has said so */
	bool is_used; /* its process has answered */
	bool is_busy; /* with compiling, or with a question */
	struct buf question; /* empty: none */
	struct buf to; /* what it gets, to.data[sent] next */
	size_t sent;
	struct buf from;
	int64_t due_at;
	json outputs; /* the answer, or the error */
	struct err err;
};

/*
 * Where mailpipe-jq is: beside this program, as it is built, or where it is
 * installed, in libexec beside bin.
 */
static char *
find_helper(struct err *e)
{
	static const char *const places[] = {
	    "mailpipe-jq", "../libexec/mailpipe/mailpipe-jq"};
	char self[PATH_MAX], *path;

	if (self_directory(self, e) == -1) {
		err_prefix(e, "mailpipe-jq");
		return NULL;
	}
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		path = xasprintf("%s/%s", self, places[i]);
		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	err_set(e, ERR_TEMP,
	    "mailpipe-jq, which runs jq programs, is neither in %.150s nor in "
	    "%.150s/../libexec/mailpipe: install it there",
	    self, self);
	return NULL;
}

static void
stop(struct jq_program *p)
{
	if (p->pid == 0)
		return;
	kill(p->pid, SIGKILL);
	spawn_reap(p->pid);
	close(p->fd);
	p->pid = 0;
	p->fd = -1;
	buf_reset(&p->from);
}

/* No variable of ours: a program that asks for $ENV shall not see secrets. */
static int
spawn_helper(struct jq_program *p, int end, struct err *e)
{
	const char *zone = getenv("TZ");
	char *variable = xasprintf("TZ=%s", zone != NULL ? zone : "");
	char *const env[] = {zone != NULL ? variable : NULL, NULL};
	char *path = find_helper(e);
	char *const argv[] = {path, NULL};
	struct spawn how = {.argv = argv,
	    .envp = env,
	    .in = end,
	    .out = end,
	    .err = open("/dev/null", O_WRONLY | O_CLOEXEC),
	    .is_own_group = true,
	    .dies_with_us = true};

	p->pid = path != NULL && how.err != -1 ? spawn_start(&how, e) : -1;
	if (how.err != -1)
		close(how.err);
	free(variable);
	free(path);
	if (p->pid != -1)
		return 0;
	p->pid = 0;
	return err_set(e, ERR_TEMP, "mailpipe-jq: cannot be started");
}

/* The program is the first thing that it reads. */
static int
start(struct jq_program *p, struct err *e)
{
	int ends[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == -1)
		return err_errno(e, "socketpair");
	r = spawn_helper(p, ends[1], e);
	close(ends[1]);
	if (r == -1) {
		close(ends[0]);
		return -1;
	}
	p->fd = ends[0];
	fcntl(p->fd, F_SETFL, O_NONBLOCK);
	p->is_compiled = p->is_used = false;
	buf_reset(&p->from);
	buf_reset(&p->to);
	p->sent = 0;
	buf_add(&p->to, p->line.data, p->line.len);
	p->due_at = clock_mono_ms() + JQ_START_MS;
	return 0;
}

/* The answer is p->err. */
static bool
give_up(struct jq_program *p, enum err_class class, const char *why)
{
	stop(p);
	err_set(&p->err, class, "%s", why);
	return true;
}

/* It is gone.  Was it this question?  false: it is asked again. */
static bool
died(struct jq_program *p)
{
	bool is_compiled = p->is_compiled, is_used = p->is_used;
	char end[SPAWN_END_TEXT];

	kill(p->pid, SIGKILL); /* it may only have closed its end */
	spawn_end_text(spawn_reap(p->pid), end);
	close(p->fd);
	p->pid = 0;
	if (!is_compiled)
		err_set(&p->err, ERR_TEMP, "mailpipe-jq: %s", end);
	else if (!is_used)
		err_set(&p->err, ERR_DATA,
		    "the jq program needs too much memory or time (%s)", end);
	if (!is_compiled || !is_used || start(p, &p->err) == -1)
		return true;
	buf_add(&p->to, p->question.data, p->question.len);
	return false;
}

/* false: this is no answer to the question yet.  Consumes v. */
static bool
read_answer(struct jq_program *p, json v)
{
	const char *text = json_str(v, "error");

	if (text != NULL) {
		err_set(&p->err, p->is_compiled ? ERR_DATA : ERR_USAGE,
		    "jq: %.300s", text);
	} else if (json_kind(v) != JSON_ARRAY) {
		give_up(p, ERR_TEMP, "mailpipe-jq: odd answer");
	} else if (!p->is_compiled) {
		p->is_compiled = true;
		p->due_at = clock_mono_ms() + JQ_TEXT_MS;
		json_free(v);
		return p->question.len == 0;
	} else {
		p->outputs = json_copy(v);
	}
	p->is_used = true;
	json_free(v);
	return true;
}

/* Take the lines that are whole. */
static bool
read_answers(struct jq_program *p)
{
	char *end;
	bool is_over = false;
	size_t len;
	json v;

	while (!is_over && p->from.len > 0 &&
	       (end = memchr(p->from.data, '\n', p->from.len)) != NULL) {
		len = (size_t)(end - p->from.data);
		/* jq prints what is too deep as something else. */
		if (json_parse(p->from.data, len, &v, &p->err) == -1) {
			err_prefix(&p->err, "the jq program's outputs");
			return give_up(p, ERR_DATA, "");
		}
		buf_shift(&p->from, len + 1);
		is_over = read_answer(p, v);
	}
	return is_over;
}

static bool
receive(struct jq_program *p)
{
	ssize_t n;

	buf_grow(&p->from, READ_BYTES);
	n = read(p->fd, p->from.data + p->from.len, READ_BYTES);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0)
		return died(p);
	p->from.len += (size_t)n;
	if (p->from.len > ANSWER_MAX)
		return give_up(p, ERR_DATA,
		    "the jq program's outputs are "
		    "too large");
	return read_answers(p);
}

static void
send_more(struct jq_program *p)
{
	ssize_t n;

	if (p->sent == p->to.len)
		return;
	n = write(p->fd, p->to.data + p->sent, p->to.len - p->sent);
	/* That it is dead is found when it is read from. */
	if (n > 0)
		p->sent += (size_t)n;
	if (p->sent == p->to.len) {
		buf_reset(&p->to);
		p->sent = 0;
	}
}

void
jq_program_ask(struct jq_program *p, json v)
{
	p->is_busy = true;
	err_clear(&p->err);
	buf_reset(&p->question);
	json_dump(v, &p->question);
	/* In a text that was parsed a line end is white space. */
	for (size_t i = 0; i < p->question.len; i++)
		if (p->question.data[i] == '\n')
			p->question.data[i] = ' ';
	buf_addch(&p->question, '\n');
	if (p->pid == 0 && start(p, &p->err) == -1)
		return; /* which jq_program_step finds */
	buf_add(&p->to, p->question.data, p->question.len);
	if (p->is_compiled)
		p->due_at = clock_mono_ms() + JQ_TEXT_MS;
	send_more(p);
}

void
jq_program_watch(const struct jq_program *p, struct pollfd *fd)
{
	*fd = (struct pollfd){.fd = p->is_busy ? p->fd : -1,
	    .events = (short)(p->sent < p->to.len ? POLLIN | POLLOUT : POLLIN)};
}

int64_t
jq_program_due(const struct jq_program *p)
{
	if (!p->is_busy)
		return INT64_MAX;
	return p->pid == 0 ? 0 : p->due_at;
}

bool
jq_program_step(struct jq_program *p, short revents, int64_t now)
{
	if (!p->is_busy)
		return false;
	if (p->pid == 0)
		return true;
	if (revents & POLLOUT)
		send_more(p);
	if (revents & (POLLIN | POLLERR | POLLHUP) && receive(p))
		return true;
	return now >= p->due_at &&
	       give_up(p, ERR_DATA, "the jq program takes too long");
}

json
jq_program_take(struct jq_program *p, struct err *e)
{
	json outputs = p->outputs;

	p->outputs = json_none();
	p->is_busy = false;
	buf_reset(&p->question);
	if (p->err.class != ERR_NONE)
		err_set(e, p->err.class, "%s", p->err.text);
	return outputs;
}

static json
wait_for_answer(struct jq_program *p, struct err *e)
{
	struct pollfd fd;
	int64_t left;

	do {
		jq_program_watch(p, &fd);
		left = jq_program_due(p) - clock_mono_ms();
		if (poll(&fd, 1, left > 0 ? (int)left : 0) <= 0)
			fd.revents = 0;
	} while (!jq_program_step(p, fd.revents, clock_mono_ms()));
	return jq_program_take(p, e);
}

json
jq_program_run(struct jq_program *p, json v, struct err *e)
{
	jq_program_ask(p, v);
	return wait_for_answer(p, e);
}

struct jq_program *
jq_program_open(const char *text, struct err *e)
{
	struct jq_program *p = xcalloc(1, sizeof *p);

	p->fd = -1;
	p->outputs = json_none();
	json_dump(json_string(text), &p->line);
	buf_addch(&p->line, '\n');
	p->is_busy = true;
	if (start(p, e) == 0) {
		send_more(p);
		json_free(wait_for_answer(p, e));
		if (p->is_compiled)
			return p;
	}
	jq_program_free(p);
	return NULL;
}

void
jq_program_free(struct jq_program *p)
{
	if (p == NULL)
		return;
	stop(p);
	json_free(p->outputs);
	buf_release(&p->line);
	buf_release(&p->question);
	buf_release(&p->to);
	buf_release(&p->from);
	free(p);
}

bool
jq_is_truthy(json outputs)
{
	bool is_truthy = json_count(outputs) > 0;
	enum json_kind kind;
	json v;

	for (int i = 0; i < json_count(outputs); i++) {
		v = json_at(outputs, i);
		kind = json_kind(v);
		json_free(v);
		is_truthy =
		    is_truthy && kind != JSON_FALSE && kind != JSON_NULL;
	}
	return is_truthy;
}
