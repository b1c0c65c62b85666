#include "alias/line.h"

#include <stdlib.h>
#include <string.h>

#include "alias/words.h"
#include "core/id.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char plain[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+";

static bool
is_path(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s != '/' && strchr(plain, *s) == NULL)
			return false;
	return true;
}

int
line_check_form(const struct line_form *f, struct err *e)
{
	if (f->dir[0] != '/' || !is_path(f->dir))
		return err_set(e, ERR_USAGE,
		    "\"%.200s\" cannot be the tools' directory in an alias "
		    "line: it must begin with / and be of letters, digits and "
		    "/._-+",
		    f->dir);
	if (f->state != NULL && (f->state[0] != '/' || !is_path(f->state)))
		return err_set(e, ERR_USAGE,
		    "\"%.200s\" cannot be the state directory in an alias "
		    "line: it must begin with / and be of letters, digits and "
		    "/._-+",
		    f->state);
	if (!name_valid(f->queue, strlen(f->queue)))
		return err_set(
		    e, ERR_USAGE, "\"%.70s\" is not a queue name", f->queue);
	return 0;
}

void
line_add_name(struct buf *out, const char *name)
{
	bool is_plain = name[strspn(name, plain)] == '\0';

	if (!is_plain)
		buf_addch(out, '"');
	for (const char *s = name; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			buf_addch(out, '\\');
		buf_addch(out, *s);
	}
	buf_addstr(out, is_plain ? ": " : "\": ");
}

static void
add_tool(struct buf *out, const struct line_form *f, const char *command)
{
	buf_addf(out, "%s/%s", f->dir, command);
	if (f->state != NULL)
		buf_addf(out, " -d %s", f->state);
}

void
line_add_target(struct buf *out, const struct line_form *f, const char *tenant)
{
	buf_addstr(out, "\"|");
	if (!f->is_pipeline) {
		add_tool(out, f, "mail-deliver");
		buf_addf(out, " -t %s %s\"", tenant, f->queue);
		return;
	}
	add_tool(out, f, "mail-ingest");
	buf_addf(out, " -t %s | ", tenant);
	add_tool(out, f, "mail-store put");
	buf_addstr(out, " | ");
	add_tool(out, f, "mail-queue put");
	buf_addf(out, " %s || exit 75\"", f->queue);
}

/* The name of a tool as a word of its own, with or without a path. */
bool
line_is_ours(const char *command)
{
	static const char *const tools[] = {
	    "mail-deliver", "mail-ingest", "mail-store", "mail-queue"};
	const char *s, *end;

	for (size_t i = 0; i < COUNT(tools); i++) {
		for (s = command; (s = strstr(s, tools[i])) != NULL; s = end) {
			end = s + strlen(tools[i]);
			if ((s == command || strchr(" \t/|;&('\"", s[-1])) &&
			    strchr(" \t|;&)'\"", *end) != NULL)
				return true;
		}
	}
	return false;
}

/* Cut "|| exit 75" off the end of s. */
static bool
cut_exit(char *s)
{
	static const char *const tail[] = {"75", "exit", "||"};
	size_t n = strlen(s), word;

	for (size_t i = 0; i < COUNT(tail); i++) {
		while (n > 0 && strchr(" \t", s[n - 1]) != NULL)
			n--;
		word = strlen(tail[i]);
		if (n < word || strncmp(s + n - word, tail[i], word) != 0)
			return false;
		n -= word;
		/* "exit 75" are two words. */
		if (i == 0 && (n == 0 || strchr(" \t", s[n - 1]) == NULL))
			return false;
	}
	s[n] = '\0';
	return true;
}

/* The value of an option that is given as "-t V" or "-tV"; the last counts. */
static char *
option_value(const struct words *w, char letter)
{
	const char *value = NULL;

	for (size_t i = 1; i < w->n; i++) {
		if (w->items[i][0] != '-' || w->items[i][1] != letter)
			continue;
		if (w->items[i][2] != '\0')
			value = w->items[i] + 2;
		else if (i + 1 < w->n)
			value = w->items[i + 1];
	}
	return value != NULL ? xstrdup(value) : NULL;
}

/* The one operand comes last. */
static char *
queue_of(const struct words *w, size_t n_before)
{
	const char *last = w->items[w->n - 1];

	if (w->n <= n_before || !name_valid(last, strlen(last)))
		return NULL;
	return xstrdup(last);
}

/* The same -d for all. */
static void
take_state(struct line *l, const struct words *w)
{
	char *state = option_value(w, 'd');
	bool is_same = l->n_tools == 0 || (state == NULL) == (l->state == NULL);

	if (is_same && l->n_tools > 0 && state != NULL)
		is_same = strcmp(state, l->state) == 0;
	if (!is_same)
		l->why = "its programs name different state directories (-d)";
	free(l->state);
	l->state = state;
}

static bool
is_verb(const struct words *w, const char *verb)
{
	return verb == NULL || (w->n > 1 && strcmp(w->items[1], verb) == 0);
}

/* Does it come next in the line? */
static bool
is_next(const struct line *l, const struct words *w)
{
	static const struct {
		const char *tool, *verb;
	} stages[LINE_TOOLS] = {{"mail-ingest", NULL}, {"mail-store", "put"},
	    {"mail-queue", "put"}};
	const char *name = basename(w->items[0]);

	if (!l->is_pipeline)
		return strcmp(name, "mail-deliver") == 0;
	return l->n_tools < LINE_TOOLS &&
	       strcmp(name, stages[l->n_tools].tool) == 0 &&
	       is_verb(w, stages[l->n_tools].verb);
}

static void
read_stage(struct line *l, const char *text)
{
	struct words w;

	if (words_split(text, &w) && is_next(l, &w)) {
		if (l->n_tools == 0)
			l->tenant = option_value(&w, 't');
		if (!l->is_pipeline)
			l->queue = queue_of(&w, 1);
		else if (l->n_tools == LINE_TOOLS - 1)
			l->queue = queue_of(&w, 2);
		take_state(l, &w);
		l->tools[l->n_tools++] = xstrdup(w.items[0]);
	} else {
		l->why = "it is not one of the two lines";
	}
	words_release(&w);
}

void
line_read(const char *command, struct line *out)
{
	char *text = xstrdup(command), *rest = text, *stage;
	size_t wanted;

	*out = (struct line){.n_tools = 0};
	out->has_exit = cut_exit(text);
	/* No word of such a line has a bar in it. */
	out->is_pipeline = strchr(text, '|') != NULL;
	while (out->why == NULL && (stage = strsep(&rest, "|")) != NULL)
		read_stage(out, stage);
	wanted = out->is_pipeline ? LINE_TOOLS : 1;
	if (out->why == NULL && out->n_tools != wanted)
		out->why = "it is not one of the two lines";
	free(text);
}

void
line_release(struct line *l)
{
	for (size_t i = 0; i < l->n_tools; i++)
		free(l->tools[i]);
	free(l->tenant);
	free(l->queue);
	free(l->state);
}
