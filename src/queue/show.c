#include "queue/show.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "queue/listing.h"
#include "queue/page.h"

/* https://no-color.org */
static bool
wants_color(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no_color == NULL || no_color[0] == '\0') && term != NULL &&
	       strcmp(term, "dumb") != 0;
}

int
show_choose(const char *form, struct show *how, struct err *e)
{
	bool is_terminal = isatty(STDOUT_FILENO) == 1;

	*how = (struct show){
	    .is_table = is_terminal,
	    .is_colored = is_terminal && wants_color(),
	};
	if (form == NULL)
		return 0;
	how->is_table = strcmp(form, "table") == 0;
	if (how->is_table || strcmp(form, "json") == 0)
		return 0;
	return err_set(
	    e, ERR_USAGE, "-o: \"%.40s\" is neither json nor table", form);
}

static int
write_table(
    const struct buf *text, bool is_colored, struct buf *out, struct err *e)
{
	json mail;

	if (json_parse(text->data, text->len, &mail, e) == -1)
		return -1;
	page_write(mail, is_colored, out);
	buf_addch(out, '\n');
	json_free(mail);
	return 0;
}

int
show_mail(
    struct queue *q, const char *id, const struct show *how, struct err *e)
{
	struct buf text = BUF_INIT, table = BUF_INIT;
	const struct buf *out = how->is_table ? &table : &text;
	int r = listing_mail(q, id, &text, e);

	if (r == 0 && how->is_table)
		r = write_table(&text, how->is_colored, &table, e);
	else if (r == 0)
		buf_addch(&text, '\n');
	if (r == 0)
		r = file_write(
		    STDOUT_FILENO, out->data, out->len, -1, "stdout", e);
	buf_release(&text);
	buf_release(&table);
	return r;
}
