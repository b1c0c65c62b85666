#include "desk/keep.h"

#include <stdlib.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/json_text.h"
#include "core/tool.h"
#include "queue/draw.h"

int
keep_run(struct queue *q, const struct keeping *how, struct err *e)
{
	struct mail_engine *mail = queue_mail(q, e);
	struct buf entry = BUF_INIT;
	struct mail_keep *keeps;
	size_t n = 0;
	int r = -1;

	while (how->ids[n] != NULL)
		n++;
	keeps = xcalloc(n, sizeof *keeps);
	buf_addch(&entry, '{');
	if (how->reason != NULL)
		json_text_member_str(&entry, "reason", how->reason);
	buf_addch(&entry, '}');
	for (size_t i = 0; i < n; i++)
		keeps[i] = (struct mail_keep){
		    .id = how->ids[i],
		    .is_kept = !how->is_released,
		    .entry = entry.data,
		};
	if (mail != NULL)
		r = mail->ops->keep(mail, keeps, n, clock_now_ms(), e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct err bad = ERR_INIT;

		if (!keeps[i].is_unknown)
			continue;
		err_set(&bad, ERR_DATA, "%.64s: no such mail", keeps[i].id);
		tool_failed(&bad);
	}
	buf_release(&entry);
	free(keeps);
	return r;
}
