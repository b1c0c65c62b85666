#include "alias/words.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"

/* As the first word, these are the shell's own. */
static const char *const own_words[] = {"!", ".", ":", "alias", "bg", "break",
    "case", "cd", "command", "continue", "do", "done", "elif", "else", "esac",
    "eval", "exit", "export", "fc", "fg", "fi", "for", "getopts", "hash", "if",
    "jobs", "read", "readonly", "return", "set", "shift", "then", "times",
    "trap", "type", "ulimit", "umask", "unalias", "unset", "until", "wait",
    "while"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void
add_word(struct words *w, const struct buf *word)
{
	w->items = xrealloc(w->items, w->n + 2, sizeof *w->items);
	w->items[w->n++] = xstrndup(word->len > 0 ? word->data : "", word->len);
	w->items[w->n] = NULL;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Behind the opening quote.  Behind the closing one, or NULL. */
static const char *
single_quoted(const char *s, struct buf *word)
{
	const char *end = strchr(s, '\'');

	if (end == NULL)
		return NULL;
	buf_add(word, s, (size_t)(end - s));
	return end + 1;
}

static const char *
double_quoted(const char *s, struct buf *word)
{
	for (; *s != '"'; s++) {
		if (*s == '\0' || *s == '$' || *s == '`')
			return NULL;
		if (*s == '\\' && s[1] != '\0' &&
		    strchr("$`\"\\\n", s[1]) != NULL) {
			s++;
			if (*s == '\n')
				continue;
		}
		buf_addch(word, *s);
	}
	return s + 1;
}

/* One character, or what a quote holds.  NULL: for a shell. */
static const char *
next_part(const char *s, bool is_first_word, bool is_start, struct buf *word)
{
	if (*s == '\'')
		return single_quoted(s + 1, word);
	if (*s == '"')
		return double_quoted(s + 1, word);
	if (*s == '\\') {
		if (s[1] == '\0' || s[1] == '\n')
			return NULL;
		buf_addch(word, s[1]);
		return s + 2;
	}
	if (strchr("$`;&|<>(){}*?[]\n", *s) != NULL)
		return NULL;
	if (is_start && (*s == '~' || *s == '#'))
		return NULL;
	if (*s == '=' && is_first_word)
		return NULL;
	buf_addch(word, *s);
	return s + 1;
}

/* What a shell would take for itself, or assign, is known without quotes. */
static bool
is_own_word(const char *word)
{
	for (size_t i = 0; i < COUNT(own_words); i++)
		if (strcmp(word, own_words[i]) == 0)
			return true;
	return false;
}

static bool
split(const char *s, struct words *out)
{
	struct buf word = BUF_INIT;
	bool is_start;

	for (;;) {
		while (is_blank(*s))
			s++;
		if (*s == '\0')
			break;
		buf_reset(&word);
		for (is_start = true; *s != '\0' && !is_blank(*s);
		     is_start = false) {
			s = next_part(s, out->n == 0, is_start, &word);
			if (s == NULL) {
				buf_release(&word);
				return false;
			}
		}
		add_word(out, &word);
	}
	buf_release(&word);
	return true;
}

static void
drop_first(struct words *w)
{
	free(w->items[0]);
	/* With the NULL at the end. */
	memmove(w->items, w->items + 1, w->n * sizeof *w->items);
	w->n--;
}

bool
words_split(const char *command, struct words *out)
{
	*out = (struct words){NULL, 0};
	if (!split(command, out) || out->n == 0)
		return false;
	if (strcmp(out->items[0], "exec") == 0) {
		if (out->n == 1 || out->items[1][0] == '-' ||
		    strchr(out->items[1], '=') != NULL)
			return false;
		drop_first(out);
		/* What exec runs is no word of the shell's. */
		return out->items[0][0] != '\0';
	}
	return out->items[0][0] != '\0' && !is_own_word(out->items[0]);
}

void
words_release(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->items[i]);
	free(w->items);
	*w = (struct words){NULL, 0};
}
