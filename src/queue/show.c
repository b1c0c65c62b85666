#include "queue/show.h"

#include <unistd.h>

#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "queue/listing.h"
#include "queue/page.h"

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
    struct queue *q, const char *id, const struct look *look, struct err *e)
{
	struct buf text = BUF_INIT, table = BUF_INIT;
	const struct buf *out = look->is_table ? &table : &text;
	int r = listing_mail(q, id, &text, e);

	if (r == 0 && look->is_table)
		r = write_table(&text, look->is_colored, &table, e);
	else if (r == 0)
		buf_addch(&text, '\n');
	if (r == 0)
		r = file_write(
		    STDOUT_FILENO, out->data, out->len, -1, "stdout", e);
	buf_release(&text);
	buf_release(&table);
	return r;
}
