#include "core/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"

enum {
	ROWS_MAX = 32,
	LONG_ONLY = 256, /* getopt_long's value for row i without a letter */
};

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

	r = snprintf(line, sizeof line, "%s: ", self.name);
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

/* The rows of a verb with those that all have. */
static size_t
all_rows(const struct verb *v, const struct option_row *rows[ROWS_MAX])
{
	const struct option_row *tables[] = {
	    v->options, v->is_receiving ? strict_rows : NULL, common_rows};
	size_t n = 0;

	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
		for (const struct option_row *r = tables[t];
		     r != NULL && r->help != NULL && n < ROWS_MAX; r++)
			rows[n++] = r;
	return n;
}

static void
synopsis_row(struct buf *b, const struct option_row *r)
{
	buf_addstr(b, " [");
	if (r->letter != 0)
		buf_addf(b, "-%c", r->letter);
	else
		buf_addf(b, "--%s", r->name);
	if (r->arg != NULL)
		buf_addf(b, " %s", r->arg);
	buf_addch(b, ']');
	if (r->type == OPTION_LIST)
		buf_addstr(b, "...");
}

static void
synopsis(struct buf *b, const struct verb *v)
{
	const struct option_row *rows[ROWS_MAX];
	size_t n = all_rows(v, rows);

	buf_addstr(b, self.name);
	if (v->name != NULL)
		buf_addf(b, " %s", v->name);
	for (size_t i = 0; i < n; i++)
		if (!(rows[i]->name != NULL &&
			(rows[i]->letter == 'h' || rows[i]->letter == 'V')))
			synopsis_row(b, rows[i]);
	if (v->operands[0] != '\0')
		buf_addf(b, " %s", v->operands);
	buf_addch(b, '\n');
}

static void
help_row(struct buf *b, const struct option_row *r)
{
	struct buf left = BUF_INIT;

	if (r->letter != 0)
		buf_addf(&left, "-%c", r->letter);
	if (r->name != NULL)
		buf_addf(&left, "%s--%s", r->letter != 0 ? ", " : "", r->name);
	if (r->arg != NULL)
		buf_addf(&left, " %s", r->arg);
	buf_addf(b, "  %-20s %s\n", left.data, r->help);
	buf_release(&left);
}

static void
help_verb(struct buf *b, const struct verb *v)
{
	const struct option_row *rows[ROWS_MAX];
	size_t n = all_rows(v, rows);

	buf_addstr(b, "usage: ");
	synopsis(b, v);
	buf_addf(b, "\n%s\n\n", v->summary);
	for (size_t i = 0; i < n; i++)
		help_row(b, rows[i]);
	if (v->example != NULL)
		buf_addf(b, "\nexample:\n%s", v->example);
	buf_addf(b, "\nmanual: %s(1)\n", self.tool->name);
}

static void
help_tool(struct buf *b)
{
	buf_addf(b, "usage: %s VERB [OPTION]... [OPERAND]...\n\n%s\n\n",
	    self.tool->name, self.tool->summary);
	for (const struct verb *v = self.tool->verbs; v->run != NULL; v++)
		buf_addf(b, "  %-10s %s\n", v->name, v->summary);
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

static int
bad_usage(struct err *e, const char *what, const char *arg)
{
	const char *verb = self.verb != NULL ? self.verb->name : NULL;

	return err_set(e, ERR_USAGE, "%s%s%.100s%s; see %s%s%s -h", what,
	    arg != NULL ? " \"" : "", arg != NULL ? arg : "",
	    arg != NULL ? "\"" : "", self.tool->name, verb != NULL ? " " : "",
	    verb != NULL ? verb : "");
}

static int
parse_number(const char *text, int64_t *n)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0)
		return -1;
	*n = v;
	return 0;
}

static int
in_range(const struct option_row *r, int64_t n, struct err *e)
{
	char what[128];

	if (n >= r->min && (r->max == 0 || n <= r->max))
		return 0;
	if (r->max != 0)
		snprintf(what, sizeof what,
		    "-%c%s must be from %lld to %lld, not",
		    r->letter != 0 ? r->letter : '-',
		    r->letter != 0 ? "" : r->name, (long long)r->min,
		    (long long)r->max);
	else
		snprintf(what, sizeof what, "-%c%s must be at least %lld, not",
		    r->letter != 0 ? r->letter : '-',
		    r->letter != 0 ? "" : r->name, (long long)r->min);
	return bad_usage(e, what, optarg);
}

static void
add_to_list(struct string_list *list, const char *s)
{
	list->items = xrealloc(list->items, list->n + 1, sizeof *list->items);
	list->items[list->n++] = s;
}

static int
set_value(const struct option_row *r, struct err *e)
{
	int64_t n;

	switch (r->type) {
	case OPTION_FLAG:
		*(bool *)r->value = true;
		return 0;
	case OPTION_STRING:
		*(const char **)r->value = optarg;
		return 0;
	case OPTION_LIST:
		add_to_list(r->value, optarg);
		return 0;
	case OPTION_NUMBER:
		if (parse_number(optarg, &n) == -1)
			return bad_usage(e, "not a number:", optarg);
		break;
	case OPTION_DURATION:
		if (duration_parse(optarg, &n, e) == -1)
			return -1;
		break;
	default:
		return bad_usage(e, "broken option table", NULL);
	}
	if (in_range(r, n, e) == -1)
		return -1;
	*(int64_t *)r->value = n;
	return 0;
}

static int
parse_options(int argc, char **argv, const struct verb *v, struct err *e)
{
	const struct option_row *rows[ROWS_MAX];
	size_t n = all_rows(v, rows);
	struct option longs[ROWS_MAX + 1] = {0};
	struct buf shorts = BUF_INIT;
	size_t nl = 0, i;
	int ch, r = 0;

	buf_addstr(&shorts, "+:");
	for (i = 0; i < n; i++) {
		if (rows[i]->letter != 0)
			buf_addf(&shorts, "%c%s", rows[i]->letter,
			    rows[i]->arg != NULL ? ":" : "");
		if (rows[i]->name != NULL)
			longs[nl++] = (struct option){rows[i]->name,
			    rows[i]->arg != NULL, NULL, LONG_ONLY + (int)i};
	}
	optind = 1;
	while (r == 0 &&
	       (ch = getopt_long(argc, argv, shorts.data, longs, NULL)) != -1) {
		if (ch == ':')
			r = bad_usage(
			    e, "missing argument of", argv[optind - 1]);
		else if (ch == '?')
			r = bad_usage(e, "unknown option", argv[optind - 1]);
		for (i = 0; r == 0 && i < n; i++)
			if (ch ==
				(rows[i]->letter != 0 ? rows[i]->letter : -2) ||
			    ch == LONG_ONLY + (int)i)
				r = set_value(rows[i], e);
	}
	buf_release(&shorts);
	return r;
}

static const struct verb *
find_verb(const struct tool *tool, const char *name)
{
	for (const struct verb *v = tool->verbs; v->run != NULL; v++)
		if (name != NULL && strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

/* 0 with self.verb set, or -1; -h and -V of the whole tool end here. */
static int
choose_verb(int argc, char **argv, struct err *e)
{
	if (self.tool->verbs[0].name == NULL) {
		self.verb = &self.tool->verbs[0];
		return 0;
	}
	if (argc < 2)
		return bad_usage(e, "which verb?", NULL);
	if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)
		print_help();
	if (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0)
		print_version();
	self.verb = find_verb(self.tool, argv[1]);
	if (self.verb == NULL)
		return bad_usage(e, "unknown verb", argv[1]);
	return 0;
}

static int
run_verb(int argc, char **argv, struct err *e)
{
	int shift;

	if (choose_verb(argc, argv, e) == -1)
		return -1;
	shift = self.verb->name != NULL ? 1 : 0;
	argc -= shift;
	argv += shift;
	if (parse_options(argc, argv, self.verb, e) == -1)
		return -1;
	if (self.is_help)
		print_help();
	if (self.is_version)
		print_version();
	argc -= optind;
	argv += optind;
	if (argc < self.verb->operands_min)
		return bad_usage(e, "missing operand", NULL);
	if (self.verb->operands_max >= 0 && argc > self.verb->operands_max)
		return bad_usage(
		    e, "too many operands:", argv[self.verb->operands_max]);
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

	self.tool = tool;
	self.name = argc > 0 ? base_name(argv[0]) : tool->name;
	xnomem_set(out_of_memory);
	open_standard_fds();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* Postfix limits files: EFBIG instead */
	umask(077);
	if (run_verb(argc, argv, &e) == -1)
		tool_failed(&e);
	return final_status(err_status(self.worst));
}
