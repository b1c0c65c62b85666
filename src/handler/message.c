#include <unistd.h>

#include "core/clock.h"
#include "core/json.h"
#include "handler/handler.h"
#include "mail/record.h"
#include "queue/content.h"

/* Rewrite the message in into a file of its own. */
static int
reform(struct queue *q, json rec, enum mail_form form, int in, struct err *e)
{
	json envelope = json_member(rec, "envelope", JSON_OBJECT);
	const struct form_envelope env = {
	    .sender = json_str(envelope, "from"),
	    .recipient = json_str(envelope, "to"),
	    .original_to = json_str(envelope, "original_to"),
	    .at_ms = clock_now_ms(),
	};
	int out = state_spool_anonymous(q->state, e), r;

	if (out == -1)
		goto out;
	r = form_copy(form, &env, in, out, e);
	if (r == 0 && lseek(out, 0, SEEK_SET) == -1)
		r = err_errno(e, "message: lseek");
	if (r == -1) {
		close(out);
		out = -1;
	}
out:
	json_free(envelope);
	return out;
}

int
handler_message(struct queue *q, json rec, enum mail_form form, struct err *e)
{
	int fd = queue_open_message(q, rec, e), out;

	if (fd == -1 || form == FORM_RAW)
		return fd;
	out = reform(q, rec, form, fd, e);
	if (out == -1)
		err_prefix(e, "%s", record_id(rec));
	close(fd);
	return out;
}
