#include "alias/names.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"

struct name {
	size_t next; /* the number to try next behind it */
	char text[];
};

static int
compare(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return strcmp(x->text, y->text);
}

static struct name *
name_new(const char *text)
{
	size_t n = strlen(text) + 1;
	struct name *name = xmalloc(sizeof *name + n);

	name->next = 2;
	memcpy(name->text, text, n);
	return name;
}

/* The one that is there; *is_new when it was not. */
static struct name *
get(struct names *all, const char *text, bool *is_new)
{
	struct name *name = name_new(text), **found;

	found = tsearch(name, &all->root, compare);
	if (found == NULL)
		xnomem();
	*is_new = *found == name;
	if (!*is_new)
		free(name);
	return *found;
}

bool
names_add(struct names *all, const char *name)
{
	bool is_new;

	get(all, name, &is_new);
	return is_new;
}

bool
names_has(const struct names *all, const char *text)
{
	struct name *name = name_new(text);
	bool is_there = tfind(name, &all->root, compare) != NULL;

	free(name);
	return is_there;
}

void
names_release(struct names *all)
{
	tdestroy(all->root, free);
	all->root = NULL;
}

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9');
}

bool
names_to_tenant(const char *alias, char tenant[TENANT_TEXT])
{
	size_t n = 0;

	if (!is_alnum(alias[0]))
		tenant[n++] = 'x'; /* "-a", "_a" */
	for (const char *s = alias; *s != '\0' && n < NAME_MAX_LEN; s++)
		tenant[n++] =
		    is_alnum(*s) || strchr("._-", *s) != NULL ? *s : '-';
	tenant[n] = '\0';
	return strcmp(alias, tenant) == 0;
}

char *
names_add_another(struct names *all, char tenant[TENANT_TEXT])
{
	char base[TENANT_TEXT], number[24];
	struct name *first;
	bool is_new;
	int n;

	memcpy(base, tenant, TENANT_TEXT);
	first = get(all, base, &is_new);
	while (!is_new) {
		n = snprintf(number, sizeof number, "-%zu", first->next++);
		snprintf(tenant, TENANT_TEXT, "%.*s%s", NAME_MAX_LEN - n, base,
		    number);
		is_new = names_add(all, tenant);
	}
	return tenant;
}
