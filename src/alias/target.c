#include "alias/target.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/buf.h"

#define INCLUDE ":include:"

static const char unclear[] =
    "Postfix and sendmail read this command differently: write the whole of it "
    "in double quotes, \"|COMMAND\"";

static const char *
skip_blanks(const char *s)
{
	return s + strspn(s, " \t\r");
}

const char *
alias_unquote(const char *s, char **out)
{
	struct buf b = BUF_INIT;

	buf_addstr(&b, "");
	for (s++; *s != '"'; s++) {
		if (*s == '\\')
			s++;
		if (*s == '\0') {
			buf_release(&b);
			return NULL;
		}
		buf_addch(&b, *s);
	}
	*out = b.len > 0 ? buf_detach(&b) : xstrdup("");
	buf_release(&b);
	return s + 1;
}

/*
 * Without quotes, Postfix and sendmail make tokens of it.  sendmail puts them
 * together again with blanks between words only, so that the blanks around what
 * is no word are lost (OperatorChars); for Postfix a blank ends the command,
 * and addresses follow.  Both have ideas of comments, routes and backslashes.
 */
static bool
is_unclear(const char *s)
{
	static const char tokens[] = "%!|,;:.@[]/^+";

	if (strpbrk(s, "\"\\<>()") != NULL)
		return true;
	for (; *s != '\0'; s++)
		if (strchr(" \t", *s) != NULL &&
		    (strchr(tokens, s[1]) != NULL ||
			strchr(tokens, s[-1]) != NULL))
			return true;
	return false;
}

static void
squeeze(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++)
		if (strchr(" \t", *s) == NULL)
			*to++ = *s;
		else if (to[-1] != ' ')
			*to++ = ' ';
	*to = '\0';
}

/* Behind the '|'. */
static void
read_command(struct alias_target *t, const char *s)
{
	s = skip_blanks(s);
	if (*s == '"') {
		s = alias_unquote(s, &t->text);
		if (s == NULL)
			t->text = xstrdup("");
		if (s == NULL || *skip_blanks(s) != '\0')
			t->why = unclear;
		return;
	}
	t->text = xstrdup(s);
	if (*s == '\0')
		return;
	if (is_unclear(s))
		t->why = unclear;
	else
		squeeze(t->text);
	t->is_bare = strchr(t->text, ' ') != NULL;
}

static void
check_command(struct alias_target *t)
{
	const char *s = t->text;

	if (t->why != NULL)
		return;
	if (*skip_blanks(s) == '\0')
		t->why = "there is no command behind the |";
	else if (strlen(s) > ALIAS_COMMAND_MAX)
		t->why = "the command is longer than 100000 bytes";
}

/* :include:/file, :include:"/file"; Postfix takes any case. */
static void
read_include(struct alias_target *t, const char *s)
{
	s = skip_blanks(s + strlen(INCLUDE));
	if (*s != '"') {
		t->text = xstrdup(s);
		return;
	}
	s = alias_unquote(s, &t->text);
	if (s == NULL)
		t->text = xstrdup("");
	if (s == NULL || *s != '\0')
		t->why = "there is more behind the name of the included file";
}

static bool
is_include(const char *s)
{
	return strncasecmp(s, INCLUDE, strlen(INCLUDE)) == 0;
}

/* All of it is one quoted string. */
static void
read_quoted(struct alias_target *t)
{
	char *inner;
	const char *end = alias_unquote(t->raw, &inner);
	bool is_whole;

	if (end == NULL)
		return; /* no command that anybody could run */
	is_whole = *skip_blanks(end) == '\0';
	if (inner[0] == '|') {
		t->kind = ALIAS_PIPE;
		t->text = xstrdup(inner + 1);
		if (!is_whole)
			t->why = unclear;
	} else if (is_whole && is_include(inner)) {
		t->kind = ALIAS_INCLUDE;
		read_include(t, inner);
	}
	free(inner);
}

struct alias_target
alias_target(char *raw)
{
	struct alias_target t = {.kind = ALIAS_OTHER, .raw = raw};

	if (raw[0] == '"') {
		read_quoted(&t);
	} else if (raw[0] == '|') {
		t.kind = ALIAS_PIPE;
		read_command(&t, raw + 1);
	} else if (is_include(raw)) {
		t.kind = ALIAS_INCLUDE;
		read_include(&t, raw);
	}
	if (t.kind == ALIAS_PIPE)
		check_command(&t);
	return t;
}
