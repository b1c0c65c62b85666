#include "alias/include.h"

#include <stdbool.h>
#include <string.h>

#include "alias/names.h"
#include "core/buf.h"

/* The way from the alias to a file. */
struct open_file {
	const struct open_file *above;
	const char *path;
	int depth;
};

static int check_file(const struct open_file *f, struct names *seen,
    size_t *n_files, struct err *e);

static int
check_target(const struct open_file *f, size_t line,
    const struct alias_target *t, struct names *seen, size_t *n_files,
    struct err *e)
{
	struct open_file next = {f, t->text, f->depth + 1};

	if (t->kind == ALIAS_OTHER)
		return 0;
	if (t->kind == ALIAS_PIPE)
		return err_set(e, ERR_DATA,
		    "%.200s:%zu: a command in an included file, which Postfix "
		    "does not run: write it into the alias itself",
		    f->path, line);
	if (t->why != NULL)
		return err_set(
		    e, ERR_DATA, "%.200s:%zu: %s", f->path, line, t->why);
	return check_file(&next, seen, n_files, e);
}

static int
check_line(const struct open_file *f, size_t line, const char *text,
    struct names *seen, size_t *n_files, struct err *e)
{
	struct alias_targets t;
	const char *why = alias_parse_targets(text, &t);
	int r = 0;

	if (why != NULL)
		r = err_set(e, ERR_DATA, "%.200s:%zu: %s", f->path, line, why);
	for (size_t i = 0; r == 0 && i < t.n; i++)
		r = check_target(f, line, &t.items[i], seen, n_files, e);
	alias_targets_release(&t);
	return r;
}

static int
check_text(const struct open_file *f, char *text, struct names *seen,
    size_t *n_files, struct err *e)
{
	char *line;
	size_t n = 0;
	int r = 0;

	while (r == 0 && (line = strsep(&text, "\n")) != NULL) {
		n++;
		if (line[strspn(line, " \t\r")] == '#')
			continue;
		if (strlen(line) > ALIAS_LINE_MAX)
			r = err_set(e, ERR_DATA,
			    "%.200s:%zu: the line is longer than 1 MiB",
			    f->path, n);
		else
			r = check_line(f, n, line, seen, n_files, e);
	}
	return r;
}

/* What is wrong with it is wrong with the alias. */
static int
read_file(const char *path, struct buf *text, struct err *e)
{
	int r = alias_load(path, text, e);

	if (r == 0 && memchr(text->data, '\0', text->len) != NULL)
		r = err_set(
		    e, ERR_DATA, "%.200s: there is a NUL byte in it", path);
	if (r == -1)
		e->class = ERR_DATA;
	return r;
}

static bool
is_above(const struct open_file *f)
{
	for (const struct open_file *up = f->above; up != NULL; up = up->above)
		if (strcmp(up->path, f->path) == 0)
			return true;
	return false;
}

static int
check_file(const struct open_file *f, struct names *seen, size_t *n_files,
    struct err *e)
{
	struct buf text = BUF_INIT;
	int r;

	if (f->path[0] != '/')
		return err_set(e, ERR_DATA,
		    ":include:%.200s: must be an absolute path", f->path);
	if (is_above(f))
		return err_set(e, ERR_DATA,
		    "%.200s includes itself, by %.200s: take one of the two "
		    "out",
		    f->path, f->above->path);
	if (f->depth > INCLUDE_DEPTH_MAX)
		return err_set(e, ERR_DATA,
		    "%.200s: included more than %d deep", f->path,
		    INCLUDE_DEPTH_MAX);
	if (!names_add(seen, f->path))
		return 0;
	if (++*n_files > INCLUDE_FILES_MAX)
		return err_set(e, ERR_DATA,
		    "%.200s: more than %d included files", f->path,
		    INCLUDE_FILES_MAX);
	r = read_file(f->path, &text, e);
	if (r == 0)
		r = check_text(f, text.data, seen, n_files, e);
	buf_release(&text);
	return r;
}

int
include_check(const char *path, struct err *e)
{
	const struct open_file first = {NULL, path, 1};
	struct names seen = {NULL};
	size_t n_files = 0;
	int r = check_file(&first, &seen, &n_files, e);

	names_release(&seen);
	return r;
}
