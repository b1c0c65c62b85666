#include "alias/alias.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alias/target.h"
#include "core/file.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

void
alias_targets_release(struct alias_targets *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->items[i].raw);
		free(t->items[i].text);
	}
	free(t->items);
	*t = (struct alias_targets){NULL, 0};
}

void
alias_release(struct alias_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->entries[i].name);
		alias_targets_release(&list->entries[i].targets);
	}
	free(list->entries);
	*list = (struct alias_list){NULL, 0, 0};
}

/* The comma behind a target, or the end; NULL: a quote has no end. */
static const char *
target_end(const char *s)
{
	bool is_quoted = false;
	int depth = 0; /* of comments */

	for (; *s != '\0'; s++) {
		if (*s == '\\' && s[1] != '\0')
			s++;
		else if (*s == '"' && depth == 0)
			is_quoted = !is_quoted;
		else if (is_quoted)
			continue;
		else if (*s == '(')
			depth++;
		else if (*s == ')' && depth > 0)
			depth--;
		else if (*s == ',' && depth == 0)
			break;
	}
	return is_quoted ? NULL : s;
}

static void
add_target(struct alias_targets *t, const char *s, size_t n)
{
	while (n > 0 && is_blank(s[n - 1]))
		n--;
	if ((t->n & (t->n - 1)) == 0) /* a power of two is full */
		t->items = xrealloc(
		    t->items, t->n > 0 ? t->n * 2 : 1, sizeof *t->items);
	t->items[t->n++] = alias_target(xstrndup(s, n));
}

const char *
alias_parse_targets(const char *text, struct alias_targets *out)
{
	const char *s = text, *end;

	*out = (struct alias_targets){NULL, 0};
	for (;;) {
		while (is_blank(*s) || *s == ',')
			s++;
		if (*s == '\0')
			return NULL;
		end = target_end(s);
		if (end == NULL)
			return "a double quote has no end";
		add_target(out, s, (size_t)(end - s));
		s = end;
	}
}

/* Behind the name and its colon; NULL with *why. */
static const char *
read_name(const char *s, char **name, const char **why)
{
	struct buf b = BUF_INIT;

	*why = NULL;
	if (*s == '"') {
		s = alias_unquote(s, name);
		if (s == NULL)
			*why = "a double quote has no end";
	} else {
		for (; *s != '\0' && *s != ':' && !is_blank(*s); s++) {
			if (*s == '@')
				*why =
				    "a name has no domain: leave the @ out, or "
				    "put it into a virtual table";
			if (*s == '\\' && s[1] != '\0')
				s++;
			buf_addch(&b, *s);
		}
		*name = b.len > 0 ? buf_detach(&b) : NULL;
	}
	while (s != NULL && is_blank(*s))
		s++;
	if (*why == NULL && *s != ':')
		*why = "a colon is missing behind the name (a name with blanks "
		       "stands in double quotes)";
	if (*why == NULL && (*name == NULL || (*name)[0] == '\0'))
		*why = "a name is missing before the colon";
	return *why == NULL ? s + 1 : NULL;
}

static void
fold(char *s)
{
	for (; *s != '\0'; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

static void
read_entry(struct alias_entry *entry, const char *text)
{
	bool is_wanted = false;
	const char *s = read_name(text, &entry->name, &entry->why);

	if (entry->name == NULL)
		entry->name = xstrdup("");
	fold(entry->name);
	if (s == NULL)
		return;
	entry->why = alias_parse_targets(s, &entry->targets);
	if (entry->why == NULL && entry->targets.n == 0)
		entry->why = "there is nothing behind the colon";
	for (size_t i = 0; i < entry->targets.n; i++) {
		is_wanted |= entry->targets.items[i].kind != ALIAS_OTHER;
		entry->n_pipes += entry->targets.items[i].kind == ALIAS_PIPE;
	}
	if (!is_wanted || entry->why != NULL)
		alias_targets_release(&entry->targets);
}

/* A line with those that go on with it. */
static int
add_entry(struct alias_list *list, const struct buf *text, size_t line,
    const char *name, struct err *e)
{
	struct alias_entry entry = {.line = line};

	if (text->len > ALIAS_LINE_MAX)
		entry.why = "the line is longer than 1 MiB";
	else if (memchr(text->data, '\0', text->len) != NULL)
		entry.why = "there is a NUL byte in it";
	else
		read_entry(&entry, text->data);
	if (entry.name == NULL)
		entry.name = xstrdup("");
	if ((list->n & (list->n - 1)) == 0)
		list->entries = xrealloc(list->entries,
		    list->n > 0 ? list->n * 2 : 1, sizeof *list->entries);
	list->entries[list->n++] = entry;
	list->n_targets += entry.targets.n;
	if (list->n > ALIAS_ENTRIES_MAX)
		return err_set(e, ERR_DATA,
		    "%s: line %zu: more than %d entries: split the file", name,
		    line, ALIAS_ENTRIES_MAX);
	if (list->n_targets > ALIAS_TARGETS_MAX)
		return err_set(e, ERR_DATA,
		    "%s: line %zu: more than %d targets beside commands: split "
		    "the file",
		    name, line, ALIAS_TARGETS_MAX);
	return 0;
}

/* Not more of it than makes it too long. */
static void
add_line(struct buf *b, const char *s, size_t n)
{
	if (n > 0 && s[n - 1] == '\r')
		n--;
	if (b->len <= ALIAS_LINE_MAX)
		buf_add(b, s, n);
}

static bool
is_ignored(const char *s, size_t n)
{
	while (n > 0 && is_blank(*s)) {
		s++;
		n--;
	}
	return n == 0 || *s == '#';
}

int
alias_parse(const char *name, const char *text, size_t n,
    struct alias_list *out, struct err *e)
{
	struct buf entry = BUF_INIT;
	const char *s = text, *all = text + n, *end;
	size_t line = 1, start = 0;
	int r = 0;

	*out = (struct alias_list){NULL, 0, 0};
	for (; r == 0 && s < all; s = end + 1, line++) {
		end = memchr(s, '\n', (size_t)(all - s));
		if (end == NULL)
			end = all;
		if (is_ignored(s, (size_t)(end - s)))
			continue;
		if (!is_blank(*s)) {
			if (entry.len > 0)
				r = add_entry(out, &entry, start, name, e);
			buf_reset(&entry);
			start = line;
		} else if (entry.len == 0) {
			start = line; /* goes on with nothing: "a colon is" */
		}
		add_line(&entry, s, (size_t)(end - s));
	}
	if (r == 0 && entry.len > 0)
		r = add_entry(out, &entry, start, name, e);
	buf_release(&entry);
	return r;
}

int
alias_load(const char *path, struct buf *text, struct err *e)
{
	struct stat st;
	int fd, r = -1;

	/* A FIFO without a writer would hold us. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd == -1)
		return err_errno(e, "%.200s: open", path);
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		err_set(e, ERR_DATA, "%.200s: is no file", path);
	else if (st.st_size > ALIAS_FILE_MAX)
		err_set(e, ERR_DATA, "%.200s: larger than %d bytes: split it",
		    path, ALIAS_FILE_MAX);
	else
		r = file_read_fd(fd, ALIAS_FILE_MAX, text, path, e);
	close(fd);
	return r;
}

int
alias_read(const char *path, struct alias_list *out, struct err *e)
{
	struct buf text = BUF_INIT;
	int r = alias_load(path, &text, e);

	*out = (struct alias_list){NULL, 0, 0};
	if (r == 0)
		r = alias_parse(path, text.data, text.len, out, e);
	buf_release(&text);
	return r;
}
