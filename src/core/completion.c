#include "core/completion.h"

#include <string.h>

static enum completion_kind
kind_of(const char *name, size_t n)
{
	static const struct {
		const char *name;
		enum completion_kind kind;
	} kinds[] = {
	    {"FILE", COMPLETE_FILES},
	    {"DIR", COMPLETE_DIRS},
	    {"COMMAND", COMPLETE_COMMANDS},
	};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strlen(kinds[i].name) == n &&
		    memcmp(kinds[i].name, name, n) == 0)
			return kinds[i].kind;
	return COMPLETE_NOTHING;
}

bool
completion_next(const char **operands, struct completion_operand *o)
{
	static const char between[] = " []|.";
	const char *word = *operands + strspn(*operands, between), *colon;
	size_t n = strcspn(word, between);

	*operands = word + n;
	*o = (struct completion_operand){.prefix = ""};
	colon = memchr(word, ':', n);
	if (colon != NULL) {
		o->prefix = word;
		o->prefix_len = (size_t)(colon - word);
		n -= o->prefix_len + 1;
		word = colon + 1;
	}
	o->kind = kind_of(word, n);
	return n > 0;
}

enum completion_kind
completion_of_option(const struct option_row *r)
{
	return kind_of(r->arg, strlen(r->arg));
}

void
completion_add_name(struct buf *out, const struct tool *tool)
{
	for (const char *p = tool->name; *p != '\0'; p++)
		buf_addch(out, *p == '-' ? '_' : *p);
}

int
completion_write(
    const struct tool *tool, const char *shell, struct buf *out, struct err *e)
{
	if (strcmp(shell, "bash") == 0)
		completion_bash(tool, out);
	else if (strcmp(shell, "zsh") == 0)
		completion_zsh(tool, out);
	else
		return err_set(e, ERR_USAGE,
		    "--completion: \"%.40s\" is neither bash nor zsh", shell);
	return 0;
}
