#include "core/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/completion.h"
#include "core/progress.h"

static struct {
	const struct tool *tool;
	const struct verb *verb;
	const char *name;
	const char *state;
	bool is_verbose;
	bool is_strict;
	bool is_help;
	bool is_version;
	enum err_class worst;
	int again_status;
} self = {.name = "mailpipe", .again_status = EXIT_TEMP};

static const struct option_row common_rows[] = {
    {'d', NULL, "DIR", "state directory", OPTION_STRING, &self.state, 0, 0},
    {'v', NULL, NULL, "say more on stderr", OPTION_FLAG, &self.is_verbose, 0,
	0},
    {'h', "help", NULL, "this text", OPTION_FLAG, &self.is_help, 0, 0},
    {'V', "version", NULL, "the version", OPTION_FLAG, &self.is_version, 0, 0},
    {0},
};

static const struct option_row strict_rows[] = {
    {0, "strict", NULL, "exit 64 and 65 as well, not only 75", OPTION_FLAG,
	&self.is_strict, 0, 0},
    {0},
};

const char *
tool_name(void)
{
	return self.name;
}

const char *
tool_state_option(void)
{
	return self.state;
}

void
tool_set_again_status(int status)
{
	self.again_status = status;
}

bool
tool_is_strict(void)
{
	return self.is_strict;
}

bool
tool_is_verbose(void)
{
	return self.is_verbose;
}

/* One write, so that lines of several processes do not mix. */
__attribute__((format(printf, 1, 0))) static void
say(const char *fmt, va_list ap)
{
	char line[1024];
	size_t n;
	int r;

	r = snprintf(line, sizeof line, "%s%s: ", progress_eraser(), self.name);
	n = r < 0 ? 0 : (size_t)r;
	r = vsnprintf(line + n, sizeof line - n - 1, fmt, ap);
	if (r > 0)
		n += (size_t)r;
	if (n > sizeof line - 2)
		n = sizeof line - 2;
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) == -1)
		return; /* nobody listens: there is nobody to tell */
}

void
tool_say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void
tool_verbose(const char *fmt, ...)
{
	va_list ap;

	if (!self.is_verbose)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void
tool_failed(const struct err *e)
{
	tool_say("%s", e->text);
	if (e->class > self.worst)
		self.worst = e->class;
}

/* MTAs bounce on 64 and 65. */
static int
final_status(int status)
{
	if (status != EXIT_OK && self.verb != NULL && self.verb->is_receiving &&
	    !self.is_strict)
		status = EXIT_TEMP;
	return status == EXIT_TEMP ? self.again_status : status;
}

void
tool_die(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	_exit(final_status(status));
}

/*
 * Descriptors 0 to 2 that were closed must not be given to a database.  The
 * substitutes fail when they are used, which is what closed ones should do.
 */
static void
open_standard_fds(void)
{
	static const int modes[] = {O_WRONLY, O_RDONLY, O_RDONLY};
	int fd;

	for (int i = 0; i <= STDERR_FILENO; i++) {
		if (fcntl(i, F_GETFD) != -1)
			continue;
		fd = open("/dev/null", modes[i]);
		if (fd != -1 && fd != i) {
			dup2(fd, i);
			close(fd);
		}
	}
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

struct options
tool_options(const struct verb *v)
{
	struct options o = {.n = 0};

	options_add(&o, v->options);
	options_add(&o, v->is_receiving ? strict_rows : NULL);
	options_add(&o, common_rows);
	return o;
}

static void
list_verbs(struct buf *b)
{
	for (const struct verb *v = self.tool->verbs; v->run != NULL; v++)
		if (v->name != NULL)
			buf_addf(b, "  %-10s %s\n", v->name, v->summary);
}

static void
help_verb(struct buf *b, const struct verb *v)
{
	struct options o = tool_options(v);

	buf_addf(b, "usage: %s", self.name);
	if (v->name != NULL)
		buf_addf(b, " %s", v->name);
	options_synopsis(&o, b);
	if (v->operands[0] != '\0')
		buf_addf(b, " %s", v->operands);
	buf_addf(b, "\n\n%s\n\n", v->summary);
	options_help(&o, b);
	if (v->name == NULL && v[1].run != NULL) {
		buf_addf(b, "\nverbs, which have a -h of their own:\n");
		list_verbs(b);
	}
	if (v->example != NULL)
		buf_addf(b, "\nexample:\n%s", v->example);
	buf_addf(b, "\nmanual: %s(1)\n", self.tool->name);
}

static void
help_tool(struct buf *b)
{
	buf_addf(b, "usage: %s VERB [OPTION]... [OPERAND]...\n\n%s\n\n",
	    self.tool->name, self.tool->summary);
	list_verbs(b);
	buf_addf(b, "\n%s VERB -h shows the options of a verb; manual: %s(1)\n",
	    self.tool->name, self.tool->name);
}

/* -h and -V: on stdout, exit 0, and 75 when it could not be written. */
_Noreturn static void
print_and_exit(struct buf *b)
{
	size_t done = 0;
	ssize_t r;

	while (done < b->len) {
		r = write(STDOUT_FILENO, b->data + done, b->len - done);
		if (r == -1 && errno != EINTR)
			tool_die(EXIT_TEMP, "stdout: %s", strerror(errno));
		done += r > 0 ? (size_t)r : 0;
	}
	buf_release(b);
	exit(EXIT_OK);
}

_Noreturn static void
print_version(void)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "%s %s\n", self.tool->name, MAILPIPE_VERSION);
	print_and_exit(&b);
}

/* Not for people: make install asks. */
static int
print_completion(const char *shell, struct err *e)
{
	struct buf b = BUF_INIT;

	if (completion_write(self.tool, shell, &b, e) == -1)
		return -1;
	print_and_exit(&b);
}

_Noreturn static void
print_help(void)
{
	struct buf b = BUF_INIT;

	if (self.verb != NULL)
		help_verb(&b, self.verb);
	else
		help_tool(&b);
	print_and_exit(&b);
}

/* Every usage error says where to read more. */
static int
point_to_help(struct err *e)
{
	char was[sizeof e->text];
	bool is_verb = self.verb != NULL && self.verb->name != NULL;

	memcpy(was, e->text, sizeof was);
	err_clear(e);
	return err_set(e, ERR_USAGE, "%s; see %s%s%s -h", was, self.tool->name,
	    is_verb ? " " : "", is_verb ? self.verb->name : "");
}

static const struct verb *
find_verb(const struct tool *tool, const char *name)
{
	for (const struct verb *v = tool->verbs; v->run != NULL; v++)
		if (name != NULL && v->name != NULL &&
		    strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

/* 0 with self.verb set, or -1; -h and -V of the whole tool end here. */
static int
choose_verb(int argc, char **argv, struct err *e)
{
	if (self.tool->verbs[0].name == NULL) {
		self.verb = argc > 1 ? find_verb(self.tool, argv[1]) : NULL;
		if (self.verb == NULL)
			self.verb = &self.tool->verbs[0];
		return 0;
	}
	if (argc < 2)
		return err_set(e, ERR_USAGE, "which verb?");
	if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)
		print_help();
	if (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0)
		print_version();
	self.verb = find_verb(self.tool, argv[1]);
	if (self.verb == NULL)
		return err_set(
		    e, ERR_USAGE, "unknown verb \"%.100s\"", argv[1]);
	return 0;
}

/* 0 with *argc and *argv the operands, or -1; -h and -V end here. */
static int
read_command_line(int *argc, char ***argv, struct err *e)
{
	struct options o;
	int shift;

	if (*argc == 3 && strcmp((*argv)[1], "--completion") == 0)
		return print_completion((*argv)[2], e);
	if (choose_verb(*argc, *argv, e) == -1)
		return -1;
	o = tool_options(self.verb);
	shift = self.verb->name != NULL ? 1 : 0;
	*argc -= shift;
	*argv += shift;
	shift = options_parse(&o, *argc, *argv, e);
	if (shift == -1)
		return -1;
	if (self.is_help)
		print_help();
	if (self.is_version)
		print_version();
	*argc -= shift;
	*argv += shift;
	if (*argc < self.verb->operands_min)
		return err_set(e, ERR_USAGE, "missing operand");
	if (self.verb->operands_max >= 0 && *argc > self.verb->operands_max)
		return err_set(e, ERR_USAGE, "too many operands: \"%.100s\"",
		    (*argv)[self.verb->operands_max]);
	return 0;
}

static int
run_verb(int argc, char **argv, struct err *e)
{
	if (read_command_line(&argc, &argv, e) == -1)
		return point_to_help(e);
	return self.verb->run(argc, argv, e);
}

static void
out_of_memory(void)
{
	tool_die(EXIT_TEMP, "out of memory");
}

int
tool_main(const struct tool *tool, int argc, char **argv)
{
	struct err e = ERR_INIT;
	int r;

	self.tool = tool;
	self.name = argc > 0 ? base_name(argv[0]) : tool->name;
	xnomem_set(out_of_memory);
	open_standard_fds();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* Postfix limits files: EFBIG instead */
	umask(077);
	r = run_verb(argc, argv, &e);
	progress_end();
	if (r == -1)
		tool_failed(&e);
	return final_status(err_status(self.worst));
}
