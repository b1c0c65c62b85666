#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/json.h"
#include "handler/handler.h"

enum {
	VALUES = 5,
};

/* What stands for a placeholder. */
struct value {
	const char *name;
	const char *text;
};

/* {tenant} at s?  The value, or NULL. */
static const struct value *
find(const struct value values[VALUES], const char *s)
{
	for (size_t i = 0; i < VALUES; i++)
		if (strncmp(s, values[i].name, strlen(values[i].name)) == 0)
			return &values[i];
	return NULL;
}

/* Values are not looked into again: they may hold braces. */
static char *
expand(const struct value values[VALUES], const char *word)
{
	struct buf b = BUF_INIT;
	const struct value *v;
	size_t n;

	while (*word != '\0') {
		n = strcspn(word, "{");
		buf_add(&b, word, n);
		word += n;
		if (*word == '\0')
			break;
		v = find(values, word);
		if (v != NULL) {
			buf_addstr(&b, v->text);
			word += strlen(v->name);
		} else {
			buf_addch(&b, *word++);
		}
	}
	return buf_detach(&b);
}

static const char *
or_empty(const char *s)
{
	return s != NULL ? s : "";
}

static char **
expand_all(char *const *words, const struct value values[VALUES], struct err *e)
{
	size_t n = 0;
	char **argv;

	while (words[n] != NULL)
		n++;
	argv = xcalloc(n + 1, sizeof *argv);
	for (size_t i = 0; i < n; i++) {
		/* Which program is run is not for a record to say. */
		argv[i] = i == 0 ? xstrdup(words[i]) : expand(values, words[i]);
		if (argv[i][0] == '-' && words[i][0] != '-') {
			err_set(e, ERR_DATA,
			    "%s would become an argument that begins with '-'",
			    words[i]);
			handler_argv_free(argv);
			return NULL;
		}
	}
	return argv;
}

char **
handler_argv(char *const *words, json rec, int64_t attempt, struct err *e)
{
	json envelope = json_member(rec, "envelope", JSON_OBJECT);
	char number[24];
	const struct value values[VALUES] = {
	    {"{tenant}", or_empty(json_str(rec, "tenant"))},
	    {"{id}", or_empty(json_str(rec, "id"))},
	    {"{sender}", or_empty(json_str(envelope, "from"))},
	    {"{recipient}", or_empty(json_str(envelope, "to"))},
	    {"{attempt}", number},
	};
	char **argv;

	snprintf(number, sizeof number, "%lld", (long long)attempt);
	argv = expand_all(words, values, e);
	json_free(envelope);
	return argv;
}

void
handler_argv_free(char **argv)
{
	if (argv == NULL)
		return;
	for (char **a = argv; *a != NULL; a++)
		free(*a);
	free(argv);
}
