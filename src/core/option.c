#include "core/option.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

enum {
	LONG_ONLY = 256, /* getopt_long's value for row i without a letter */
};

void
options_add(struct options *o, const struct option_row *table)
{
	for (; table != NULL && table->help != NULL && o->n < OPTION_ROWS;
	     table++)
		o->rows[o->n++] = table;
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

/* -h and -V are everywhere: no synopsis needs them. */
static bool
is_everywhere(const struct option_row *r)
{
	return r->name != NULL && (r->letter == 'h' || r->letter == 'V');
}

void
options_synopsis(const struct options *o, struct buf *out)
{
	for (size_t i = 0; i < o->n; i++)
		if (!is_everywhere(o->rows[i]))
			synopsis_row(out, o->rows[i]);
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

void
options_help(const struct options *o, struct buf *out)
{
	for (size_t i = 0; i < o->n; i++)
		help_row(out, o->rows[i]);
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
	return err_set(e, ERR_USAGE, "%s \"%.100s\"", what, optarg);
}

static void
add_to_list(struct string_list *list, const char *s)
{
	list->items = xrealloc(list->items, list->n + 1, sizeof *list->items);
	list->items[list->n++] = s;
}

static bool
has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = words; *p != '\0'; p += strcspn(p, " ")) {
		p += strspn(p, " ");
		if (n > 0 && strcspn(p, " ") == n && memcmp(p, word, n) == 0)
			return true;
	}
	return false;
}

/* "waiting" is not a state: stored ready … */
static int
set_word(const struct option_row *r, struct err *e)
{
	struct option_word *w = r->value;
	char what[32];
	size_t i;

	for (i = 0; r->arg[i] != '\0' && i < sizeof what - 1; i++)
		what[i] = (char)tolower((unsigned char)r->arg[i]);
	what[i] = '\0';
	if (!has_word(w->words, optarg))
		return err_set(e, ERR_USAGE, "\"%.40s\" is not a %s: %s",
		    optarg, what, w->words);
	w->value = optarg;
	return 0;
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
	case OPTION_WORD:
		return set_word(r, e);
	case OPTION_NUMBER:
		if (parse_number(optarg, &n) == -1)
			return err_set(
			    e, ERR_USAGE, "not a number: \"%.100s\"", optarg);
		break;
	case OPTION_DURATION:
		if (duration_parse(optarg, &n, e) == -1)
			return -1;
		break;
	default:
		return err_set(e, ERR_USAGE, "broken option table");
	}
	if (in_range(r, n, e) == -1)
		return -1;
	*(int64_t *)r->value = n;
	return 0;
}

/* What getopt_long wants to know. */
static void
make_tables(const struct options *o, struct buf *shorts, struct option *longs)
{
	buf_addstr(shorts, "+:");
	for (size_t i = 0; i < o->n; i++) {
		const struct option_row *r = o->rows[i];

		if (r->letter != 0)
			buf_addf(shorts, "%c%s", r->letter,
			    r->arg != NULL ? ":" : "");
		if (r->name != NULL)
			*longs++ = (struct option){
			    r->name, r->arg != NULL, NULL, LONG_ONLY + (int)i};
	}
}

/* The row that getopt_long means by ch. */
static const struct option_row *
find_row(const struct options *o, int ch)
{
	for (size_t i = 0; i < o->n; i++)
		if (ch == LONG_ONLY + (int)i ||
		    (o->rows[i]->letter != 0 && ch == o->rows[i]->letter))
			return o->rows[i];
	return NULL;
}

int
options_parse(const struct options *o, int argc, char **argv, struct err *e)
{
	struct option longs[OPTION_ROWS + 1] = {0};
	struct buf shorts = BUF_INIT;
	const struct option_row *row;
	int ch, r = 0;

	make_tables(o, &shorts, longs);
	optind = 1;
	while (r == 0 &&
	       (ch = getopt_long(argc, argv, shorts.data, longs, NULL)) != -1) {
		row = find_row(o, ch);
		if (row != NULL)
			r = set_value(row, e);
		else
			r = err_set(e, ERR_USAGE, "%s \"%.100s\"",
			    ch == ':' ? "missing argument of"
				      : "unknown option",
			    argv[optind - 1]);
	}
	buf_release(&shorts);
	return r == -1 ? -1 : optind;
}
