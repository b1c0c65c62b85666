#include "queue/pause.h"

#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json_text.h"
#include "core/tool.h"
#include "queue/queue.h"

int
pause_set(struct queue *q, const char *queue, const char *tenant, int64_t until,
    const char *reason, struct err *e)
{
	struct mail_hold h = {
	    .queue = queue,
	    .tenant = tenant != NULL ? tenant : "",
	    .at = clock_now_ms(),
	    .until = until,
	    .reason = reason,
	};
	struct mail_engine *mail = queue_ledger(q, e);

	return mail != NULL ? mail->ops->pause(mail, &h, e) : -1;
}

int
pause_end(struct queue *q, const char *queue, const char *tenant, struct err *e)
{
	struct mail_engine *mail = queue_ledger(q, e);
	bool was_held;

	if (mail == NULL ||
	    mail->ops->resume(
		mail, queue, tenant != NULL ? tenant : "", &was_held, e) == -1)
		return -1;
	if (!was_held)
		tool_say("%s%s%s was not paused", queue,
		    tenant != NULL ? ": " : "", tenant != NULL ? tenant : "");
	return 0;
}

static int
print_hold(void *ctx, const struct mail_hold *h, struct err *e)
{
	struct buf *line = ctx;
	char at[CLOCK_TEXT];

	buf_reset(line);
	buf_addch(line, '{');
	json_text_member_str(line, "queue", h->queue);
	if (h->tenant[0] != '\0')
		json_text_member_str(line, "tenant", h->tenant);
	json_text_member_str(line, "at", clock_format(h->at, at));
	if (h->until != 0)
		json_text_member_str(line, "until", clock_format(h->until, at));
	if (h->reason != NULL)
		json_text_member_str(line, "reason", h->reason);
	buf_addstr(line, "}\n");
	return file_write(
	    STDOUT_FILENO, line->data, line->len, -1, "stdout", e);
}

int
pause_list(struct queue *q, struct err *e)
{
	struct mail_engine *mail = queue_ledger(q, e);
	struct buf line = BUF_INIT;
	int r =
	    mail != NULL ? mail->ops->holds(mail, print_hold, &line, e) : -1;

	buf_release(&line);
	return r;
}
