#include "alias/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/plain.h"
#include "core/tool.h"

enum {
	NAME_SHOWN = 70,
	PATH_SHOWN = 100,
	TEXT_MAX = 512,
};

/* Names come from outside, and so may what is said of them. */
static void
add_place(struct buf *b, const struct entry_place *at)
{
	const char *name = at->entry->name;

	plain_add(b, at->path, strlen(at->path), PATH_SHOWN);
	buf_addf(b, ":%zu: ", at->entry->line);
	if (name[0] == '\0')
		return;
	plain_add(b, name, strlen(name), NAME_SHOWN);
	buf_addstr(b, ": ");
}

/* What is said may have an alias' own text in it, too. */
static void
add_all(struct buf *b, const struct entry_place *at, const char *text)
{
	add_place(b, at);
	plain_add(b, text, strlen(text), TEXT_MAX);
}

void
say_failed(const struct entry_place *at, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	add_all(&b, at, text);
	err_set(&e, ERR_DATA, "%s", b.data);
	tool_failed(&e);
	buf_release(&b);
}

void
say_note(const struct entry_place *at, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	char text[TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	add_all(&b, at, text);
	tool_say("%s", b.data);
	buf_release(&b);
}
