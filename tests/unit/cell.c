/*
 * A cell echoes what it gets, survives a child that dies, and there is no way
 * out of it: whatever the child tries, it is refused or killed.
 */
#include "core/cell.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/buf.h"

enum {
	ECHO = 1,
	ANSWER,
	LARGE = 3 * 1000 * 1000,
};

static int failures;
static struct buf got;

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	failures++;
}

/* What the child tries when its input begins with '!' and a name. */

static int
try_open(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static int
try_create(void)
{
	return open("planted", O_WRONLY | O_CREAT, 0600);
}

static int
try_stat(void)
{
	struct stat st;

	return stat("/etc/passwd", &st);
}

static int
try_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int
try_unix_socket(void)
{
	int pair[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

static int
try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid;
}

static int
try_exec(void)
{
	char *argv[] = {(char[]){"/bin/true"}, NULL};

	return execv("/bin/true", argv);
}

static int
try_ptrace(void)
{
	return (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static int
try_kill(void)
{
	return kill(getppid(), 0);
}

static int
try_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? -1 : 0;
}

static int
try_unlink(void)
{
	return unlink("witness");
}

static int
try_chdir(void)
{
	return chdir("/");
}

static int
try_unlock(void)
{
	return (int)syscall(SYS_seccomp, 1, 0, NULL);
}

static const struct {
	const char *name;
	int (*try)(void);
	bool is_killed; /* else refused */
} tries[] = {
    {"open", try_open, false},
    {"create", try_create, false},
    {"stat", try_stat, false},
    {"socket", try_socket, true},
    {"socketpair", try_unix_socket, true},
    {"fork", try_fork, true},
    {"exec", try_exec, true},
    {"ptrace", try_ptrace, true},
    {"kill", try_kill, true},
    {"code", try_code, true},
    {"unlink", try_unlink, true},
    {"chdir", try_chdir, true},
    {"unlock", try_unlock, true},
};

/* The child's work: the bytes back, or one of the tries. */

static struct buf input;

static void
begin(void *ctx)
{
	(void)ctx;
	buf_reset(&input);
}

static void
add(void *ctx, const char *data, size_t n)
{
	(void)ctx;
	buf_add(&input, data, n);
	if (input.data[0] != '!')
		cell_answer(ECHO, 7, data, n);
}

static void
end(void *ctx)
{
	const char *text = input.data != NULL ? input.data : "";

	(void)ctx;
	if (strcmp(text, "!crash") == 0)
		raise(SIGSEGV);
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
		int r;

		if (text[0] != '!' || strcmp(text + 1, tries[i].name) != 0)
			continue;
		r = tries[i].try();
		if (r >= 0)
			cell_answer(ANSWER, 0, "a way out", 9);
		else if (errno == EACCES)
			cell_answer(ANSWER, 0, "refused", 7);
		else
			cell_answer(ANSWER, 0, "failed", 6);
	}
}

static bool
answered(void *ctx, uint8_t type, uint32_t index, const char *data, size_t n)
{
	(void)ctx;
	if (type == ECHO && index != 7)
		fail("echo", "another index");
	buf_add(&got, data, n);
	return true;
}

static enum cell_state
ask(struct cell *c, const char *text, size_t n)
{
	struct err e = ERR_INIT;
	enum cell_state state;

	buf_reset(&got);
	state = cell_add(c, text, n, &e);
	if (state == CELL_ALIVE)
		state = cell_end(c, &e);
	if (state == CELL_ERROR)
		fail("cell", e.text);
	return state;
}

static void
test_echo(struct cell *c, const char *text, size_t n)
{
	if (ask(c, text, n) != CELL_ALIVE)
		fail("echo", cell_death(c));
	if (got.len != n || (n > 0 && memcmp(got.data, text, n) != 0))
		fail("echo", "other bytes");
}

static void
test_large(struct cell *c)
{
	char *large = xmalloc(LARGE);

	for (size_t i = 0; i < LARGE; i++)
		large[i] = (char)(i * 7 + i / 1000);
	large[0] = 'x';
	test_echo(c, large, LARGE);
	free(large);
}

static void
restart(struct cell *c)
{
	struct err e = ERR_INIT;

	if (cell_restart(c, &e) != CELL_ALIVE)
		fail("restart", e.text);
}

static void
test_death(struct cell *c)
{
	if (ask(c, "!crash", 6) != CELL_DIED)
		fail("crash", "it is alive");
	restart(c);
	test_echo(c, "again", 5);
}

static void
test_try(struct cell *c, size_t i)
{
	char text[32];
	int n = snprintf(text, sizeof text, "!%s", tries[i].name);
	enum cell_state state = ask(c, text, (size_t)n);

	if (tries[i].is_killed) {
		if (state != CELL_DIED)
			fail(text, got.len > 0 ? got.data : "not killed");
		else if (strstr(cell_death(c), "SYS") == NULL)
			fail(text, cell_death(c));
		restart(c);
		return;
	}
	if (state != CELL_ALIVE)
		fail(text, cell_death(c));
	else if (got.len != 7 || memcmp(got.data, "refused", 7) != 0)
		fail(text, got.data);
}

/* No child can be started, then one can: only the inputs between fail. */
static void
test_start(struct cell *c)
{
	struct rlimit was, none;
	struct err e = ERR_INIT;

	getrlimit(RLIMIT_NOFILE, &was);
	none = (struct rlimit){3, was.rlim_max};
	setrlimit(RLIMIT_NOFILE, &none);
	if (cell_restart(c, &e) != CELL_ERROR)
		fail("restart without descriptors", "it succeeded");
	err_clear(&e);
	if (cell_add(c, "x", 1, &e) != CELL_ERROR)
		fail("add without a child", "it succeeded");
	err_clear(&e);
	if (cell_end(c, &e) != CELL_ERROR)
		fail("end without a child", "it succeeded");
	setrlimit(RLIMIT_NOFILE, &was);
	test_echo(c, "here again", 10);
}

int
main(void)
{
	static const struct cell_job job = {
	    .begin = begin, .add = add, .end = end};
	struct err e = ERR_INIT;
	struct cell *c;

	signal(SIGPIPE, SIG_IGN);
	c = cell_new(&job, answered, NULL, &e);
	if (c == NULL) {
		fail("start", e.text);
		return 1;
	}
	test_echo(c, "hello", 5);
	test_echo(c, "", 0);
	test_large(c);
	test_death(c);
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
		test_try(c, i);
	test_start(c);
	test_echo(c, "at last", 7);
	cell_free(c);
	buf_release(&got);
	return failures > 0;
}
