/* Aliases files, and the commands in them. */
#include "alias/alias.h"
#include "alias/line.h"
#include "alias/names.h"
#include "alias/words.h"
#include "core/id.h"
#include "fuzz.h"

/* 'word', in quotes that any shell knows. */
static void
add_quoted(struct buf *b, const char *word)
{
	buf_addstr(b, " '");
	for (; *word != '\0'; word++) {
		if (*word == '\'')
			buf_addstr(b, "'\\'");
		buf_addch(b, *word);
	}
	buf_addch(b, '\'');
}

/* What was split, quoted again behind a program, is split into the same. */
static void
check_words(const char *command)
{
	struct buf quoted = BUF_INIT;
	struct words w, again;

	if (words_split(command, &w)) {
		CHECK(w.n > 0 && w.items[0][0] != '\0');
		buf_addstr(&quoted, "/bin/x");
		for (size_t i = 0; i < w.n; i++)
			add_quoted(&quoted, w.items[i]);
		CHECK(words_split(quoted.data, &again));
		CHECK(again.n == w.n + 1);
		for (size_t i = 0; i < w.n; i++)
			CHECK(strcmp(w.items[i], again.items[i + 1]) == 0);
		words_release(&again);
	}
	words_release(&w);
	buf_release(&quoted);
}

static void
check_line(const char *command)
{
	struct line l;

	line_read(command, &l);
	CHECK(l.n_tools <= LINE_TOOLS);
	CHECK(l.queue == NULL || name_valid(l.queue, strlen(l.queue)));
	if (l.why == NULL)
		CHECK(l.n_tools == (l.is_pipeline ? LINE_TOOLS : 1));
	line_release(&l);
	line_is_ours(command);
}

/* As a line of ours, the entry is read back. */
static void
check_name(const char *name)
{
	static const struct line_form form = {"/bin", "inbound", NULL, true};
	struct err e = ERR_INIT;
	struct buf text = BUF_INIT;
	struct alias_list again;
	char tenant[TENANT_TEXT];
	struct line l;

	names_to_tenant(name, tenant);
	CHECK(name_valid(tenant, strlen(tenant)));
	line_add_name(&text, name);
	line_add_target(&text, &form, tenant);
	CHECK(alias_parse("", text.data, text.len, &again, &e) == 0);
	CHECK(again.n == 1 && again.entries[0].why == NULL);
	CHECK(strcmp(again.entries[0].name, name) == 0);
	CHECK(again.entries[0].n_pipes == 1);
	line_read(again.entries[0].targets.items[0].text, &l);
	CHECK(l.why == NULL && l.has_exit && strcmp(l.tenant, tenant) == 0);
	line_release(&l);
	alias_release(&again);
	buf_release(&text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err e = ERR_INIT;
	struct alias_list list;
	size_t line = 0;

	alias_parse("", (const char *)data, n, &list, &e);
	for (size_t i = 0; i < list.n; i++) {
		const struct alias_entry *a = &list.entries[i];

		CHECK(a->line > line);
		line = a->line;
		if (a->why == NULL)
			check_name(a->name);
		for (size_t k = 0; k < a->targets.n; k++) {
			const struct alias_target *t = &a->targets.items[k];

			CHECK(t->raw[0] != '\0');
			CHECK((t->text == NULL) == (t->kind == ALIAS_OTHER));
			if (t->kind == ALIAS_PIPE && t->why == NULL) {
				check_words(t->text);
				check_line(t->text);
			}
		}
	}
	alias_release(&list);
	return 0;
}
