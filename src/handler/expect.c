#include "handler/expect.h"

#include <stdlib.h>
#include <string.h>

#include "core/buf.h"

struct expect *
expects_open(struct expects *all, const char *text, struct err *e)
{
	struct jq_program *program;
	struct expect *x;

	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->items[i]->text, text) == 0)
			return all->items[i];
	program = jq_program_open(text, e);
	if (program == NULL)
		return NULL;
	x = xcalloc(1, sizeof *x);
	x->text = xstrdup(text);
	x->program = program;
	all->items = xrealloc(all->items, all->n + 1, sizeof *all->items);
	all->items[all->n++] = x;
	return x;
}

void
expects_release(struct expects *all)
{
	for (size_t i = 0; i < all->n; i++) {
		jq_program_free(all->items[i]->program);
		free(all->items[i]->text);
		free(all->items[i]);
	}
	free(all->items);
}
