#include "retry/mover.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/json_text.h"
#include "core/progress.h"
#include "queue/queue.h"

struct pending {
	struct mail_move move;
	struct buf entry, line;
	char *record, *last;
};

static void
release(struct mover *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct pending *p = &m->all[i];

		free((char *)(uintptr_t)p->move.id);
		free((char *)(uintptr_t)p->move.queue);
		free(p->record);
		free(p->last);
		buf_release(&p->entry);
		buf_release(&p->line);
	}
	m->n = m->ready = m->bytes = 0;
}

/* {"status","reason","edited"} */
static void
write_entry(const struct decided *d, struct buf *out)
{
	buf_addch(out, '{');
	if (d->status != NULL)
		json_text_member_str(out, "status", d->status);
	if (d->reason != NULL)
		json_text_member_str(out, "reason", d->reason);
	if (d->is_edited)
		buf_addf(out, "%s\"edited\":true", out->len > 1 ? "," : "");
	buf_addch(out, '}');
}

/* The record as list will have it; or what would be done to which mail. */
static void
write_line(const struct mover *m, const struct mail_row *row,
    const struct decided *d, struct buf *out)
{
	struct mail_row after = *row;

	if (m->is_echo) {
		after.state = d->to;
		after.updated_at = clock_now_ms();
		if (d->record != NULL) {
			after.record = d->record;
			after.record_len = d->record_len;
		}
		if (d->last != NULL) {
			after.last = d->last;
			after.last_len = d->last_len;
		}
		queue_row_record(&after, out);
	} else {
		buf_addch(out, '{');
		json_text_member_str(out, "id", row->id);
		json_text_member_str(out, "tenant", row->tenant);
		json_text_member_str(out, "from", mail_state_name(row->state));
		json_text_member_str(out, "to", mail_state_name(d->to));
		if (d->reason != NULL)
			json_text_member_str(out, "reason", d->reason);
		buf_addch(out, '}');
	}
	buf_addch(out, '\n');
}

int
mover_add(struct mover *m, const struct mail_row *row, const struct decided *d,
    struct err *e)
{
	struct pending *p;

	if (m->all == NULL)
		m->all = xcalloc(MOVER_BATCH, sizeof *m->all);
	p = &m->all[m->n++];
	*p = (struct pending){
	    .move = {.id = xstrdup(row->id),
		.from = row->state,
		.to = d->to,
		.seen = row->updated_at,
		.queue = d->queue != NULL ? xstrdup(d->queue) : NULL,
		.is_anew = d->is_anew,
		.is_marked = d->is_marked,
		.record_len = d->record_len,
		.last_len = d->last_len,
		.stage = d->stage},
	};
	if (d->record != NULL)
		p->record = xstrndup(d->record, d->record_len);
	if (d->last != NULL)
		p->last = xstrndup(d->last, d->last_len);
	p->move.record = p->record;
	p->move.last = p->last;
	write_entry(d, &p->entry);
	p->move.entry = p->entry.data;
	p->move.entry_len = p->entry.len;
	if (m->is_dry || m->is_echo)
		write_line(m, row, d, &p->line);
	m->ready += d->to == MAIL_READY;
	m->bytes += p->entry.len + p->line.len + d->record_len + d->last_len;
	if (m->n == MOVER_BATCH || m->bytes >= MOVER_BYTES ||
	    (m->pace != NULL && m->ready >= pace_batch(m->pace, MOVER_BATCH)))
		return mover_flush(m, e);
	return 0;
}

static int
print(struct mover *m, struct err *e)
{
	int r = 0;

	if (m->out.len > 0)
		r = file_write(
		    STDOUT_FILENO, m->out.data, m->out.len, -1, "stdout", e);
	buf_reset(&m->out);
	return r;
}

static int
write_batch(struct mover *m, struct err *e)
{
	struct mail_move *moves = xcalloc(m->n, sizeof *moves);
	int r = 0;

	for (size_t i = 0; i < m->n; i++) {
		moves[i] = m->all[i].move;
		moves[i].is_moved = m->is_dry;
	}
	if (!m->is_dry)
		r = m->q->mail->ops->move(
		    m->q->mail, moves, m->n, clock_now_ms(), e);
	for (size_t i = 0; r == 0 && i < m->n; i++) {
		if (!moves[i].is_moved) {
			m->lost++;
			continue;
		}
		m->moved[moves[i].to]++;
		buf_add(&m->out, m->all[i].line.data, m->all[i].line.len);
	}
	if (r == 0) {
		progress_add((int64_t)m->n);
		r = print(m, e);
	}
	free(moves);
	return r;
}

int
mover_flush(struct mover *m, struct err *e)
{
	int r = 0;

	if (m->n > 0 && m->pace != NULL && !m->is_dry &&
	    !pace_wait(m->pace, m->ready))
		m->is_over = true;
	else if (m->n > 0)
		r = write_batch(m, e);
	release(m);
	return r;
}

void
mover_release(struct mover *m)
{
	release(m);
	free(m->all);
	buf_release(&m->out);
}
