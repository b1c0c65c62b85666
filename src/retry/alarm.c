#include "retry/alarm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/file.h"
#include "core/json.h"
#include "core/spawn.h"
#include "core/tool.h"
#include "store/db.h"

enum {
	/* Commits of others may come so much later than their time. */
	OVERLAP_MS = 2 * DB_WAIT_MS,
	CAUSE_TEXT = 2 * NAME_MAX_LEN + 32,
};

/* The text, to be read from its start.  -1: ERR_TEMP. */
static int
open_text(const struct buf *text, struct err *e)
{
	int fd = memfd_create("alarm", MFD_CLOEXEC);

	if (fd == -1)
		return err_errno(e, "memfd");
	if (file_write(fd, text->data, text->len, -1, "memfd", e) == 0 &&
	    lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	close(fd);
	return -1;
}

/* Wait for its end, but not for ever.  The status of waitpid(2), or -1. */
static int
wait_for(pid_t pid, struct err *e)
{
	int64_t until = clock_mono_ms() + ALARM_LIMIT_S * INT64_C(1000), left;
	struct pollfd fd = {.fd = spawn_pidfd(pid, e), .events = POLLIN};
	bool is_over = fd.fd == -1;
	int status;

	while (!is_over && fd.revents == 0) {
		left = until - clock_mono_ms();
		is_over = left <= 0 ||
			  (poll(&fd, 1, (int)left) == -1 && errno != EINTR);
	}
	kill(-pid, SIGKILL); /* and what it has left running */
	status = spawn_reap(pid);
	if (fd.fd != -1)
		close(fd.fd);
	if (is_over)
		return err_set(
		    e, ERR_TEMP, "took longer than %d seconds", ALARM_LIMIT_S);
	return status;
}

/* The pid, or -1. */
static pid_t
start(char *const *argv, int in, struct err *e)
{
	struct spawn how = {
	    .argv = argv,
	    .envp = environ,
	    .in = in,
	    .out = open("/dev/null", O_WRONLY | O_CLOEXEC),
	    .err = STDERR_FILENO,
	    .is_own_group = true,
	    .dies_with_us = true,
	};

	pid_t pid;

	if (how.out == -1)
		return err_errno(e, "/dev/null");
	signal(SIGCHLD, SIG_DFL);
	pid = spawn_start(&how, e);
	close(how.out);
	return pid;
}

static int
run_program(char *const *argv, const struct buf *text, struct err *e)
{
	char end[SPAWN_END_TEXT];
	int in = open_text(text, e), status = -1;
	pid_t pid;

	if (in == -1)
		return -1;
	pid = start(argv, in, e);
	if (pid != -1)
		status = wait_for(pid, e);
	close(in);
	if (status == -1 || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return status == -1 ? -1 : 0;
	return err_set(e, ERR_TEMP, "%s", spawn_end_text(status, end));
}

/* 0 it was told, -1 it was not, and that is said. */
static int
tell(const struct config *c, const char *key, json object)
{
	json words = config_in(c->root, key); /* borrowed */
	int n = json_count(words), r;
	char **argv = xcalloc((size_t)n + 1, sizeof *argv);
	struct buf text = BUF_INIT;
	struct err e = ERR_INIT;

	for (int i = 0; i < n; i++) {
		json word = json_at(words, i);

		argv[i] = (char *)(uintptr_t)json_string_value(word);
		json_free(word); /* words goes on holding it */
	}
	json_dump(object, &text);
	buf_addch(&text, '\n');
	r = run_program(argv, &text, &e);
	if (r == -1) {
		err_prefix(&e, "%s: %.100s", key, argv[0]);
		e.class = ERR_TEMP;
		tool_failed(&e);
	}
	buf_release(&text);
	free(argv);
	return r;
}

static json
with_time(json object, const char *key, int64_t at)
{
	char text[CLOCK_TEXT];

	return json_set_str(object, key, clock_format(at, text));
}

/* Why mails died, and which. */
struct cause {
	char name[CAUSE_TEXT];
	json object, tenants, ids;
	int64_t n;
};

struct causes {
	struct queue *q;
	const char *queue;
	int64_t now;
	struct cause all[ALARM_CAUSES];
	size_t n;
	bool is_seen, is_full;
};

/* Once each, and not too many. */
static json
add_name(json names, const char *name)
{
	for (int i = 0, n = json_count(names); i < n; i++) {
		json s = json_at(names, i);
		bool is_there = strcmp(json_string_value(s), name) == 0;

		json_free(s);
		if (is_there || n >= ALARM_NAMES)
			return names;
	}
	return json_append(names, json_string(name));
}

/*
 * Was somebody told of it since then?  A time that is yet to come was written
 * by a clock that was ahead, and is none.  1, 0, -1: ERR_TEMP.
 */
static int
is_told(struct queue *q, const char *queue, const char *cause, int64_t since,
    struct err *e)
{
	int64_t now = clock_now_ms(), at;

	if (q->mail->ops->told(q->mail, queue, cause, 0, &at, e) == -1)
		return -1;
	return at >= since && at <= now && at > 0;
}

static int64_t
a_day_before(int64_t now)
{
	return now - ALARM_AGAIN_S * INT64_C(1000);
}

/* Those that were told take no room from the others. */
static int
is_wanted(struct causes *c, const char *name, struct err *e)
{
	int r = is_told(c->q, c->queue, name, a_day_before(c->now), e);

	if (r != 0)
		return r == -1 ? -1 : 0;
	c->is_full = c->n == ALARM_CAUSES;
	return !c->is_full;
}

static struct cause *
find_cause(struct causes *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->all[i].name, name) == 0)
			return &c->all[i];
	return NULL;
}

static struct cause *
new_cause(struct causes *c, const char *name, json last)
{
	struct cause *one;

	one = &c->all[c->n++];
	snprintf(one->name, sizeof one->name, "%s", name);
	one->object = json_set_str(json_object(), "event", "dead");
	one->tenants = json_array();
	one->ids = json_array();
	for (const char *const *key = (const char *const[]){"class", "route",
		 "code", "reason", NULL};
	     *key != NULL; key++)
		if (json_has(last, *key))
			one->object =
			    json_set(one->object, *key, json_get(last, *key));
	return one;
}

static int
add_dead(void *ctx, const struct mail_row *row, struct err *e)
{
	struct causes *c = ctx;
	struct err bad = ERR_INIT;
	json last = json_none();
	char name[CAUSE_TEXT];
	const char *class, *route;
	struct cause *one;
	int r = 1;

	c->is_seen = true;
	if (row->last != NULL &&
	    json_parse(row->last, row->last_len, &last, &bad) == -1)
		last = json_none();
	class = json_str(last, "class");
	route = json_str(last, "route");
	snprintf(name, sizeof name, "dead %.64s %.64s %lld",
	    class != NULL ? class : "", route != NULL ? route : "",
	    (long long)json_int(last, "code", -1));
	one = find_cause(c, name);
	if (one == NULL)
		r = is_wanted(c, name, e);
	if (one == NULL && r == 1)
		one = new_cause(c, name, last);
	if (one != NULL) {
		one->n++;
		one->tenants = add_name(one->tenants, row->tenant);
		one->ids = add_name(one->ids, row->id);
	}
	json_free(last);
	return r == -1 ? -1 : 0;
}

/* 1 it was told, or not long ago; 0 not; -1 ERR_TEMP.  Consumes object. */
static int
tell_once(struct queue *q, const char *queue, const char *key,
    const char *cause, int64_t since, json object, struct err *e)
{
	int64_t now = clock_now_ms(), at;
	int r = is_told(q, queue, cause, since, e);

	if (r != 0) {
		json_free(object);
		return r;
	}
	object = json_set_str(object, "queue", queue);
	if (tell(&q->state->config, key, with_time(object, "at", now)) == -1)
		return 0;
	return q->mail->ops->told(q->mail, queue, cause, now, &at, e) == -1 ? -1
									    : 1;
}

static int
tell_causes(struct queue *q, const char *queue, struct causes *c, struct err *e)
{
	int64_t since = a_day_before(c->now);
	int r = 1, all = 1;

	for (size_t i = 0; i < c->n; i++) {
		struct cause *one = &c->all[i];

		one->object =
		    json_set(one->object, "mails", json_number(one->n));
		one->object = json_set(one->object, "tenants", one->tenants);
		one->object = json_set(one->object, "ids", one->ids);
		if (r == -1) {
			json_free(one->object);
			continue;
		}
		r = tell_once(
		    q, queue, "on_dead", one->name, since, one->object, e);
		all = r == 1 ? all : r;
	}
	return r == -1 ? -1 : all;
}

static bool
is_asked_for(const struct queue *q, const char *key)
{
	return json_count(config_in(q->state->config.root, key)) > 0;
}

int
alarm_dead(struct queue *q, const char *queue, struct err *e)
{
	int64_t now = clock_now_ms(), at;
	struct mail_waiting which = {.order = MAIL_DEAD_AT, .queue = queue};
	struct causes *c;
	int r;

	if (!is_asked_for(q, "on_dead"))
		return 0;
	if (q->mail->ops->told(q->mail, queue, "dead", 0, &at, e) == -1)
		return -1;
	/* From the beginning, when a clock that was ahead has written it. */
	which.after = at > OVERLAP_MS && at <= now ? at - OVERLAP_MS : 0;
	c = xcalloc(1, sizeof *c);
	c->q = q;
	c->queue = queue;
	c->now = now;
	r = q->mail->ops->waiting(q->mail, &which, add_dead, c, e);
	if (r == 0)
		r = tell_causes(q, queue, c, e);
	/* What was not told is looked for once more. */
	if (r == 1 && c->is_seen && !c->is_full)
		r = q->mail->ops->told(q->mail, queue, "dead", now, &at, e);
	free(c);
	return r == -1 ? -1 : 0;
}

struct holds {
	struct queue *q;
	const char *queue;
};

static int
tell_hold(void *ctx, const struct mail_hold *h, struct err *e)
{
	const struct holds *w = ctx;
	char cause[CAUSE_TEXT];
	json object;

	if (h->route == NULL || strcmp(h->queue, w->queue) != 0)
		return 0;
	snprintf(cause, sizeof cause, "hold %s", h->route);
	object = json_set_str(json_object(), "event", "hold");
	object = json_set_str(object, "route", h->route);
	if (h->reason != NULL)
		object = json_set_str(object, "reason", h->reason);
	object = with_time(object, "since", h->at);
	object = with_time(object, "until", h->until);
	return tell_once(w->q, w->queue, "on_hold", cause, h->at, object, e) ==
		       -1
		   ? -1
		   : 0;
}

int
alarm_holds(struct queue *q, const char *queue, struct err *e)
{
	struct holds w = {q, queue};

	if (!is_asked_for(q, "on_hold"))
		return 0;
	return q->mail->ops->holds(q->mail, tell_hold, &w, e);
}
