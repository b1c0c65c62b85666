#include "desk/show.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/tool.h"
#include "desk/listing.h"
#include "desk/page.h"
#include "lock/lock.h"

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

/* ,"lock":{"state":"done","at":…}, of a mail that has one. */
static int
read_lock(struct queue *q, const char *id, struct buf *out, struct err *e)
{
	struct lock_get g = {.id = id};
	int64_t now = clock_now_ms();
	struct lock_engine *locks;
	char at[CLOCK_TEXT];
	int r = lock_open_made(q->state, &locks, e);

	if (r == 1)
		r = locks->ops->get(locks, &g, 1, now, e) == -1 ? -1 : 0;
	lock_close(locks);
	free(g.result);
	if (r == -1 || g.state == LOCK_FREE)
		return r;
	buf_addf(out, ",\"lock\":{\"state\":\"%s\",\"at\":\"%s\"}",
	    lock_state_name(g.state), clock_format(g.at, at));
	return 0;
}

/* The rest is shown also where the locks cannot be read. */
static void
add_lock(struct queue *q, const char *id, struct buf *text)
{
	struct err bad = ERR_INIT;

	text->len--; /* open again at its end */
	if (read_lock(q, id, text, &bad) == -1) {
		err_prefix(&bad, "%s", id);
		tool_failed(&bad);
	}
	buf_addch(text, '}');
}

int
show_mail(
    struct queue *q, const char *id, const struct look *look, struct err *e)
{
	struct buf text = BUF_INIT, table = BUF_INIT;
	const struct buf *out = look->is_table ? &table : &text;
	int r = listing_mail(q, id, &text, e);

	if (r == 0)
		add_lock(q, id, &text);
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
