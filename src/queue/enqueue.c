#include "queue/enqueue.h"

#include <stdlib.h>

#include "core/buf.h"
#include "core/json.h"
#include "mail/record.h"
#include "queue/receive.h"

int
enqueue_batch(void *ctx, struct batch_item *items, size_t n, struct err *e)
{
	struct enqueue *p = ctx;
	json *recs = xcalloc(n, sizeof *recs);
	struct err *errs = xcalloc(n, sizeof *errs);
	size_t *items_of = xcalloc(n, sizeof *items_of);
	size_t m = 0;
	int r;

	for (size_t i = 0; i < n; i++) {
		struct err bad = ERR_INIT;

		items[i].fate = p->is_echo ? BATCH_EMIT : BATCH_SWALLOW;
		if (gate_check(&p->gate, &items[i].rec, &bad) == 0) {
			recs[m] = items[i].rec; /* borrowed */
			items_of[m++] = i;
		} else {
			batch_refuse(&items[i], &bad);
		}
	}
	r = queue_put(p->queue, recs, errs, m, p->name, p->ready_at, e);
	for (size_t i = 0; r == 0 && i < m; i++)
		if (errs[i].class != ERR_NONE)
			batch_refuse(&items[items_of[i]], &errs[i]);
	free(items_of);
	free(errs);
	free(recs);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (items[i].fate == BATCH_EMIT)
			items[i].rec = json_set(items[i].rec, "result",
			    record_result("ok", "mail-queue", -1, NULL, NULL));
	return r;
}
