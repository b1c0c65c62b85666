#include "send/preview.h"

#include <string.h>
#include <unistd.h>

#include "core/batch.h"
#include "core/file.h"
#include "mail/record.h"
#include "queue/engines.h"
#include "send/letter.h"
#include "send/message.h"
#include "store/state.h"

struct preview {
	struct message_source source;
	struct state state;
	struct queue queue;
	bool is_open;
	size_t n; /* records that came */
};

/* Only a stored message, or an attachment, needs a state directory. */
static int
open_state(struct message_source *source, struct err *e)
{
	struct preview *p = (struct preview *)source;

	if (state_open(&p->state, e) == -1) {
		state_close(&p->state);
		return -1;
	}
	queue_init(&p->queue, &p->state);
	p->is_open = true;
	source->queue = &p->queue;
	return 0;
}

static int
write_message(const struct letter *l, struct err *e)
{
	char window[32768];
	int64_t at = 0, n;

	while ((n = bulk_read(&l->message, at, window, sizeof window, e)) > 0) {
		if (file_write(STDOUT_FILENO, window, (size_t)n, -1, "stdout",
			e) == -1)
			return -1;
		at += n;
	}
	return (int)n;
}

static int
show(struct preview *p, struct batch_item *item, struct err *e)
{
	struct letter l = {.rec = item->rec};
	int r;

	item->fate = BATCH_SWALLOW;
	if (p->n++ > 0)
		return err_set(e, ERR_DATA,
		    "only the message of the first record is shown");
	bulk_init(&l.message, NULL, NULL);
	l.mail = json_member(item->rec, "mail", JSON_OBJECT);
	r = message_read(&p->source, &l, e);
	if (r == 0)
		r = write_message(&l, e);
	letter_drop_message(&l);
	json_free(l.mail);
	return r;
}

static int
show_batch(void *ctx, struct batch_item *items, size_t n, struct err *e)
{
	struct err bad;

	for (size_t i = 0; i < n; i++) {
		err_clear(e);
		if (show(ctx, &items[i], e) == 0)
			continue;
		if (e->class != ERR_DATA)
			return -1;
		bad = *e;
		err_clear(e);
		batch_refuse(&items[i], &bad);
	}
	return 0;
}

int
preview(struct err *e)
{
	struct preview p = {.source = {.open = open_state}};
	struct batch batch = {.work = show_batch, .ctx = &p, .is_silent = true};
	int r = batch_run(&batch, e);

	if (p.is_open) {
		queue_close(&p.queue);
		state_close(&p.state);
	}
	return r;
}
