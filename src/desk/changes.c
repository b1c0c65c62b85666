#include "desk/changes.h"

#include <stdlib.h>

#include "core/clock.h"

/* What a buffer holds, for another owner. */
static struct buf
steal(struct buf *b)
{
	struct buf stolen = *b;

	*b = (struct buf)BUF_INIT;
	return stolen;
}

static void
release_change(struct change *c)
{
	free(c->id);
	buf_release(&c->was);
	buf_release(&c->record);
	buf_release(&c->entry);
}

int
changes_add(struct changes *c, const struct mail_row *row, struct buf *record,
    struct buf *entry, struct err *e)
{
	struct change *new = &c->items[c->n++];

	*new = (struct change){
	    .id = xstrdup(row->id),
	    .was = BUF_INIT,
	    .record = steal(record),
	    .entry = steal(entry),
	};
	buf_add(&new->was, row->record, row->record_len);
	c->bytes += new->was.len + new->record.len;
	if (c->n == CHANGES_MAX || c->bytes >= CHANGES_BYTES)
		return changes_flush(c, e);
	return 0;
}

static struct mail_update
update(const struct changes *c, const struct change *change)
{
	return (struct mail_update){
	    .id = change->id,
	    .was = change->was.data,
	    .was_len = change->was.len,
	    .record = change->record.data,
	    .record_len = change->record.len,
	    .stage = c->stage,
	    .entry = change->entry.data,
	    .entry_len = change->entry.len,
	    .is_stored = c->is_stored,
	};
}

int
changes_flush(struct changes *c, struct err *e)
{
	struct mail_update updates[CHANGES_MAX];
	int result = 0;

	for (size_t i = 0; i < c->n; i++)
		updates[i] = update(c, &c->items[i]);
	if (c->n > 0)
		result = c->mail->ops->update(
		    c->mail, updates, c->n, clock_now_ms(), e);
	for (size_t i = 0; result == 0 && i < c->n; i++)
		c->over(c->ctx, updates[i].id, updates[i].is_lost);
	changes_release(c);
	return result;
}

void
changes_release(struct changes *c)
{
	for (size_t i = 0; i < c->n; i++)
		release_change(&c->items[i]);
	c->n = 0;
	c->bytes = 0;
}
